"""Probabilistic PCA: the linear case that the variational autoencoder starts from."""

import torch

from ._anchor import fit_principals
from ._principal import Rows, count_rows, unbiased
from .networks import Anchor

# Least variance of the noise, as a share of the mean variance of a column. Rows of less
# than full rank leave no variance for it, and a density without limit.
NOISE_FLOOR = 1e-14

# Variance of a standardised column, at most, that is rounding errors.
ROUNDING = 1e-12

# Of the least variance, what noise takes where there are components for all of it.
FULL_RANK_SHARE = 0.1


def probabilistic_anchor(problem):
    r"""Return probabilistic PCA, of which the evidence lower bound is exact [1]_.

    With eigenvalues :math:`\lambda`, axes :math:`V` and noise :math:`\sigma^2`, the
    decoder is :math:`V(\lambda - \sigma^2)^{1/2}`, and the posterior of the code has
    mean :math:`(\lambda - \sigma^2)^{1/2} \lambda^{-1} V^\top (x - \mu)` and variance
    :math:`\sigma^2 / \lambda`.

    References
    ----------
    .. [1] Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component
       analysis. Journal of the Royal Statistical Society B, 61, 611-622.
    """
    pairs = zip(fit_principals(problem), problem.weights, strict=True)
    return Anchor.stacked([_one_model(*pair, problem) for pair in pairs])


def _one_model(principal, weight, problem):
    """Return the anchor of one model, without the model axis."""
    unit, n_rows = problem.metric.unit, count_rows(weight.numpy())
    noise = _noise_variance(principal, n_rows)
    variances = (principal.variances * unbiased(n_rows)).clamp(min=noise)
    excess = (variances - noise).sqrt()
    evidence = _evidence(problem, weight, n_rows)
    constants = torch.tensor(problem.scaling.mean), torch.tensor(problem.scaling.std)
    return Anchor(
        mean=principal.mean / unit,
        encoder=(principal.axes * unit).T * (excess / variances),
        decoder=principal.axes * excess.unsqueeze(1) / unit,
        # Of the prior, not of the codes: training may put idle components to use.
        spread=torch.ones_like(excess),
        # Rows of a fold may be alike in a column in which others differ.
        varies=(evidence > 0).to(unit) * problem.metric.varies,
        code_variance=noise / variances,
        noise_variance=noise / unit.square(),
        evidence=evidence,
        row_center=constants[0],
        row_scale=constants[1],
    )


def _evidence(problem, weight, n_rows):
    """Return the number of rows that the variance of each column rests on.

    The number of rows over the kurtosis: one, where a single row differs from the rest.
    """
    rows = Rows(problem.source, weight, torch.ones_like(problem.metric.unit))
    mean = rows.mean()
    second, fourth = torch.zeros_like(mean), torch.zeros_like(mean)
    for block, share in rows:
        squares = (block - mean).square()
        second += share @ squares
        fourth += share @ squares.square()
    real = second > ROUNDING
    return n_rows * second.square() / torch.where(real, fourth, 1.0) * real


def _noise_variance(principal, n_rows):
    """Return the noise that PCA leaves, as scikit-learn's PCA counts it."""
    n_components, variances = principal.axes.shape[0], principal.variances
    n_features, n_others = principal.axes.shape[1], principal.rank - n_components
    floor = NOISE_FLOOR * principal.total / n_features or 1.0
    if n_others > 0:
        noise = (principal.total - variances.sum().item()) / n_others
    else:
        noise = FULL_RANK_SHARE * variances[:n_features].min().item()
    return max(noise * unbiased(n_rows), floor)
