"""A mixture of normals, fitted in torch.

scikit-learn's runs on NumPy's BLAS, whose threads a fit does not control: its bits
would follow the environment, and beside other work it waits for its own threads.
"""

import math

import torch

from .detection import CodePrior

# Added to all variances, of codes whose prior variance is 1.
RIDGE = 1e-3

# The likelihood need not converge further: held-out codes judge the mixture.
MAX_STEPS, TOLERANCE = 50, 1e-2


def fit_mixture(codes, n_normals, seed):
    """Fit by expectation maximisation, from the cells around spread-out codes.

    Parameters
    ----------
    codes : tensor of shape (n, k)
    n_normals : int
    seed : int

    Returns
    -------
    prior : CodePrior
    """
    shares = _nearest(codes, _spread_out(codes, n_normals, seed))
    before = -math.inf
    for _ in range(MAX_STEPS):
        weights, means, factors = _maximise(codes, shares)
        shares, level = _expect(codes, weights, means, factors)
        if level - before < TOLERANCE:
            break
        before = level
    return CodePrior(*(part.cpu().numpy() for part in (weights, means, factors)))


def _spread_out(codes, n_normals, seed):
    """Return codes far from each other, drawn as by k-means++."""
    generator = torch.Generator().manual_seed(seed)
    distance = torch.ones_like(codes[:, 0])
    centers = []
    for bar in torch.rand(n_normals, generator=generator, dtype=torch.float64).tolist():
        share = distance.cumsum(dim=0)
        chosen = int((share < bar * share[-1]).sum().clamp(max=len(codes) - 1))
        centers.append(codes[chosen])
        own = (codes - codes[chosen]).square().sum(dim=1)
        distance = own if len(centers) == 1 else torch.minimum(distance, own)
    return torch.stack(centers)


def _nearest(codes, centers):
    distance = (codes.unsqueeze(1) - centers).square().sum(dim=-1)
    return torch.nn.functional.one_hot(distance.argmin(dim=1), len(centers)).to(codes)


def _maximise(codes, shares):
    """Return weights, means and covariance factors for codes shared out so."""
    mass = shares.sum(dim=0).clamp(min=1e-9)
    means = (shares.T @ codes) / mass.unsqueeze(1)
    ridge = RIDGE * torch.eye(codes.shape[1]).to(codes)
    factors = []
    for share, mean, total in zip(shares.T, means, mass, strict=True):
        centered = codes - mean
        covariance = (centered.T * share) @ centered / total
        factors.append(torch.linalg.cholesky(covariance + ridge))
    return mass / mass.sum(), means, torch.stack(factors)


def _expect(codes, weights, means, factors):
    """Return to which normals each code belongs, and the mean log-density."""
    levels = []
    for weight, mean, factor in zip(weights, means, factors, strict=True):
        white = torch.linalg.solve_triangular(factor, (codes - mean).T, upper=False)
        volume = factor.diagonal().log().sum()
        levels.append(weight.log() - volume - white.square().sum(dim=0) / 2)
    levels = torch.stack(levels, dim=1)
    density = torch.logsumexp(levels, dim=1, keepdim=True)
    return (levels - density).exp(), float(density.mean())
