"""The best linear denoiser: the linear case that denoising autoencoders start from."""

import torch

from ._anchor import principal_anchor
from ._linalg import eigh
from ._principal import EXACT_SIDE, Rows, count_components, covariance_of, loading_signs
from .networks import Anchor

# Variance of a standardised column, at most, that is rounding errors.
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
    if problem.corruption is None or problem.source.n_features > EXACT_SIDE:
        return principal_anchor(problem)
    covariances = [
        covariance_of(Rows(problem.source, weight, problem.metric.unit))
        for weight in problem.weights
    ]
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
    # A column that varies by rounding only says nothing.
    keep = torch.where(variance > ROUNDING, keep, 0.0)
    corrupted = keep.unsqueeze(1) * clean * keep
    corrupted.diagonal().copy_(variance.clamp(min=ROUNDING) * unit**2)
    between = keep.unsqueeze(1) * clean
    regression = torch.linalg.solve(corrupted, between)
    values, vectors = eigh(between.T @ regression)
    axes = vectors[:, :k].T
    axes = axes * loading_signs(axes).unsqueeze(1)
    missing = max(0, k - len(axes))
    axes = torch.cat([axes, axes.new_zeros(missing, len(unit))])
    values = torch.cat([values[:k], values.new_zeros(missing)])
    code_unit = problem.metric.code_unit
    return Anchor(
        mean=mean / unit,
        encoder=unit.unsqueeze(1) * (regression @ axes.T) / code_unit,
        decoder=axes * code_unit / unit,
        spread=values.clamp(min=0).sqrt() / code_unit,
        varies=problem.metric.varies.to(unit),
        input_mean=keep * mean / unit + shift,
    )
