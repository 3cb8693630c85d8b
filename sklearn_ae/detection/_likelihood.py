"""The log-likelihood of rows under a variational autoencoder."""

import math

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc

from ..training import Batch


class LikelihoodScorer:
    r"""Importance-weighted bound on the log-likelihood of a row, in nats.

    With codes :math:`z_s = \mu + \sigma \varepsilon_s` from the encoder's distribution
    :math:`q`,

    .. math::
        \log \frac1S \sum_{s=1}^S \frac{p(x \mid z_s)\, p(z_s)}{q(z_s \mid x)},

    which lies between the evidence lower bound and the log-likelihood, and comes nearer
    to this with every sample [1]_. All rows share the draws :math:`\varepsilon_s`,
    which fill the space evenly: a row has one score, whatever rows are around it and
    however often it is asked for.

    Parameters
    ----------
    noise : ndarray of shape (n_draws, n_components)
    prior : CodePrior

    References
    ----------
    .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
       autoencoders. International Conference on Learning Representations.
    """

    # Distances in units of small spreads need all digits there are.
    takes_float32 = False

    def __init__(self, noise, prior):
        self.noise = noise
        self.prior = prior

    @torch.no_grad()
    def score_rows(self, network, loss, rows):
        """Return the bound of each row, of shape ``(n,)``, as an array."""
        mean, log_variance = network.posterior(rows)
        deviation, batch = (log_variance / 2).exp(), Batch(rows, rows)
        density = self.prior.bind(mean)
        bounds = None
        # One draw at a time: draws times rows times columns may not fit in memory.
        for noise in torch.tensor(self.noise).to(mean):
            code = mean + deviation * noise
            proposal = standard_normal(noise) - log_variance.sum(dim=-1) / 2
            errors = loss.row_errors(network.decode_output(code), batch)
            bound = (density(code) - proposal - errors)[0]
            bounds = bound if bounds is None else torch.logaddexp(bounds, bound)
        return (bounds - math.log(len(self.noise))).cpu().numpy().astype(np.float64)


class CodePrior:
    """Distribution of codes: a mixture of normals; of one at zero, the standard normal.

    Parameters
    ----------
    weights : ndarray of shape (C,)
    means : ndarray of shape (C, k)
    factors : ndarray of shape (C, k, k)
        Lower triangular factors of the covariances.
    """

    def __init__(self, weights, means, factors):
        self.weights = weights
        self.means = means
        self.factors = factors

    @classmethod
    def standard(cls, n_components):
        """Return the standard normal distribution."""
        shape = (1, n_components)
        return cls(np.ones(1), np.zeros(shape), np.eye(n_components)[None])

    def bind(self, like):
        """Return the log-density as a function of codes, in a tensor's precision."""

        def to_tensor(array):
            return torch.tensor(array, dtype=like.dtype, device=like.device)

        factors = to_tensor(self.factors)
        identity = torch.eye(factors.shape[-1]).to(factors)
        whitening = torch.linalg.solve_triangular(factors, identity, upper=False)
        means = torch.matmul(whitening, to_tensor(self.means).unsqueeze(-1))
        volumes = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        levels = to_tensor(np.log(self.weights) - volumes)

        def log_density(code):
            white = torch.matmul(code.unsqueeze(-3), whitening.mT) - means.mT
            return torch.logsumexp(
                standard_normal(white) + levels.unsqueeze(-1), dim=-2
            )

        return log_density

    def draw(self, n_draws, rng):
        """Return codes of shape ``(n_draws, k)``."""
        share = np.cumsum(self.weights) / self.weights.sum()
        which = np.searchsorted(share, rng.uniform(size=n_draws), side="right")
        noise = rng.standard_normal((n_draws, self.means.shape[1]))
        which = np.minimum(which, len(share) - 1)
        return self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)


def standard_normal(code):
    """Return the log-density of codes under the standard normal distribution."""
    constant = code.shape[-1] * math.log(2 * math.pi)
    return -(code.square().sum(dim=-1) + constant) / 2


def even_normals(n_draws, width):
    """Return ``n_draws`` points that fill a normal distribution evenly (Sobol's)."""
    rng = np.random.Generator(np.random.PCG64(0))
    sampler = qmc.Sobol(width, scramble=True, seed=rng)
    points = sampler.random_base2(math.ceil(math.log2(n_draws)))[:n_draws]
    half_a_step = 2.0**-33
    return ndtri(points.clip(half_a_step, 1 - half_a_step))
