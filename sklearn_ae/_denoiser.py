"""The best linear denoiser: the linear case that denoising autoencoders start from."""

import torch

from ._anchor import SPREAD_FLOOR, principal_anchor
from ._linalg import eigh
from ._principal import EXACT_SIDE, count_components, covariance_of, loading_signs
from .networks import Anchor

# Share of a variance, at most, that is rounding errors.
ROUNDING = 1e-12


def denoising_anchor(problem):
    r"""Return the linear denoiser of each network of a stack, in closed form.

    Of all linear maps of ``n_components`` inner dimensions it has the least expected
    error over all corruptions of all rows [1]_. With the covariance :math:`C` of the
    clean rows and :math:`Q` of the corrupted ones, and :math:`P` between the two, it is
    the regression :math:`Q^{-1} P`, projected on the leading eigenvectors of
    :math:`P^\top Q^{-1} P`. Without corruption all three are :math:`C`, and it is PCA.

    Of more columns than an exact solution can take it is PCA.

    References
    ----------
    .. [1] Chen, M., Xu, Z., Weinberger, K. and Sha, F. (2012). Marginalized denoising
       autoencoders for domain adaptation. International Conference on Machine Learning.
    """
    corruption = problem.corruption
    is_clean = corruption is None or not corruption.amount.any()
    if is_clean or problem.source.n_features > EXACT_SIDE:
        return principal_anchor(problem)
    models = range(len(problem.weights))
    covariances = [covariance_of(problem.rows(model)) for model in models]
    variances = eigh(covariances[-1][1])[0].clamp(min=0)
    k = count_components(variances, float(variances.sum()), problem.n_components)
    return Anchor.stacked(
        [_one_model(mean, clean, k, problem) for mean, clean in covariances]
    )


def _one_model(mean, clean, k, problem):
    """Return the anchor of one model, without the model axis, in standardised units."""
    unit = problem.metric.unit
    moments = problem.corruption.moments((clean.diagonal() / unit**2).numpy())
    keep, shift, variance = (torch.from_numpy(part).to(unit) for part in moments)
    deviation = variance.clamp(min=0).sqrt()
    corrupted = keep.unsqueeze(1) * clean * keep
    corrupted.diagonal().copy_((deviation * unit) ** 2)
    together = problem.corruption.together
    if together is not None:  # both are masked, or neither
        is_same = torch.from_numpy(together[:, None] == together)
        corrupted = torch.where(is_same, keep.unsqueeze(1) * clean, corrupted)
    between = keep.unsqueeze(1) * clean
    regression = _solve(corrupted, between)
    # Where a column never varies no corruption shows: a new value in it is no error.
    regression.diagonal()[variance <= ROUNDING] = 1.0
    values, vectors = eigh(between.T @ regression)
    values, axes = values[:k].clamp(min=0), vectors[:, :k].T
    axes = axes * loading_signs(axes).unsqueeze(1)
    missing = max(0, k - len(axes))
    axes = torch.cat([axes, axes.new_zeros(missing, len(unit))])
    spread = values.sqrt()
    spread = spread * (spread > SPREAD_FLOOR * spread[:1])
    # Components beyond the columns have no linear part, and serve the branches.
    spread = torch.cat([spread, spread[:1].expand(missing)])
    code_unit, varies = problem.metric.code_unit, problem.metric.varies.to(unit)
    return Anchor(
        mean=mean / unit,
        encoder=unit.unsqueeze(1) * (regression @ axes.T) / code_unit,
        decoder=axes * code_unit / unit,
        spread=spread / code_unit,
        input_mean=keep * mean / unit + shift,
        # In deviations of the corrupted columns: of strong noise the branch would see
        # nothing else.
        input_scale=varies / deviation.clamp(min=1),
        varies=varies,
    )


def _solve(corrupted, between):
    """Return the regression of least norm; columns may repeat others or be still."""
    deviation = corrupted.diagonal().sqrt()
    inverse = torch.where(deviation**2 > ROUNDING, 1 / deviation, 0.0)
    values, vectors = eigh(inverse.unsqueeze(1) * corrupted * inverse)
    least = ROUNDING * len(values) * values[0].clamp(min=0)
    weights = torch.where(values > least, 1 / values, 0.0)
    projected = vectors.T @ (inverse.unsqueeze(1) * between)
    return inverse.unsqueeze(1) * (vectors @ (weights.unsqueeze(1) * projected))
