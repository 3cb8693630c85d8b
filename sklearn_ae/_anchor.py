"""From PCA of the training rows to the anchor of a network, and codes made PCA-like."""

from typing import NamedTuple

import numpy as np
import torch

from ._linalg import eigh
from ._principal import Rows, fit_principal, loading_signs
from .networks import Anchor
from .training import CPU

# Components with less spread than this share of the first have none: divided by it,
# rounding errors would reach the network as codes.
SPREAD_FLOOR = 1e-6

# Codes with less spread than this share of the largest do not vary but by rounding.
ROUNDING = 1e-12


class Metric:
    """The units in which errors are measured, by column.

    Parameters
    ----------
    unit : tensor of shape (d,)
        What one unit of a standardised column counts: the column's standard deviation
        (1 for a constant column) with ``standardize=False``, else 1.
    variances : tensor of shape (d,)
        Of the standardised columns: 1, or 0 for constant ones; others where the
        standard deviations are those of an earlier fit.
    code_unit : float or None
        The unit of raw codes. None takes the one in which rows have a total variance
        of 1 inside the network.
    """

    def __init__(self, unit, variances, code_unit=None):
        self.unit = unit
        self.varies = variances > 0
        weight = unit.square() * self.varies
        self.total = float((weight * variances).sum())
        # Weights that make the squared error a share of the total variance.
        self.column_weight = (weight / (self.total or 1.0)).numpy()
        self.code_unit = code_unit or self.total**0.5 or 1.0


class Problem(NamedTuple):
    """The rows that a stack of networks starts from.

    Attributes
    ----------
    source : RowSource of float64 rows
    weights : tensor of shape (M, n)
        Row weights by model.
    scaling : Scaling
    metric : Metric
    n_components : int or float
        A share of variance is resolved on the last row of ``weights``.
    seed : int
    corruption : Corruption or None
        By which the models will be judged.
    group : ndarray of shape (n,) or None
        Ranks of the rows' contents.
    train_weights : tensor of shape (M, n) or None
        The same without held-out rows, for starts that remember single rows.
    grid_shape : tuple (height, width, n_channels) or None
        Of images; None where columns are no neighbours of each other.
    device : torch device
        Of the training; what is computed for it may use it, and comes back to the CPU.
    """

    source: object
    weights: torch.Tensor
    scaling: object
    metric: Metric
    n_components: int | float
    seed: int
    corruption: object = None
    group: np.ndarray | None = None
    train_weights: torch.Tensor | None = None
    grid_shape: tuple | None = None
    device: torch.device = CPU

    def rows(self, model):
        """Return the :class:`Rows` of one model, of which PCA is in its metric."""
        weight, unit = self.weights[model], self.metric.unit
        return Rows(self.source, weight, unit, self.grid_shape, self.device)


def principal_anchor(problem):
    """Return PCA, as the linear path of each network of a stack."""
    return as_anchor(fit_principals(problem), problem.metric)


def fit_principals(problem):
    """Return the PCA of each row of a problem's weights."""
    *others, last = (problem.rows(model) for model in range(len(problem.weights)))
    final = fit_principal(last, problem.n_components, problem.seed)
    k = len(final.axes)
    return [*(fit_principal(rows, k, problem.seed) for rows in others), final]


def as_anchor(principals, metric):
    """Return PCA's solutions as the linear path of a stack of networks."""
    axes = torch.stack([principal.axes for principal in principals])
    unit = metric.unit / metric.code_unit
    mean = torch.stack([principal.mean for principal in principals])
    spread = torch.stack([principal.variances for principal in principals]).sqrt()
    spread = spread / metric.code_unit
    known = spread > spread[:, :1] * SPREAD_FLOOR
    return Anchor(
        mean=mean / metric.unit,
        encoder=(axes * unit).transpose(1, 2).contiguous(),
        decoder=axes / unit,
        spread=spread * known,
        varies=metric.varies.expand(len(mean), -1),
    )


@torch.no_grad()
def code_moments(blocks, weight):
    """Return the weighted mean and covariance of codes.

    Parameters
    ----------
    blocks : iterable of tensors of shape (n_block, k)
    weight : tensor of shape (n,)
    """
    weight, start, total, mean, scatter = weight / weight.sum(), 0, 0.0, 0.0, 0.0
    # Merged as the moments of columns are: codes of all rows may not fit in memory.
    for codes in blocks:
        own, start = weight[start : start + len(codes)], start + len(codes)
        if not own.any():
            continue
        mass = own.sum()
        block_mean = own @ codes / mass
        codes = codes - block_mean
        delta, after = block_mean - mean, total + mass
        scatter = scatter + (own * codes.T) @ codes
        scatter = scatter + torch.outer(delta, delta) * (total * mass / after)
        mean, total = mean + delta * (mass / after), after
    return mean, scatter / total


def order_codes(network, mean, covariance, metric):
    """Make codes uncorrelated, centred and ordered by variance, in the user's units.

    What PCA's codes are. The network's raw codes are turned by the eigenvectors of
    their covariance; the decoder turns them back, so that reconstructions stay.
    """
    # Codes that never vary have no directions of their own: they stay as they are.
    spread = covariance.diagonal().clamp(min=0).sqrt()
    varied = torch.nonzero(spread > ROUNDING * spread.max()).squeeze(1)
    vectors = torch.eye(len(covariance)).to(covariance)
    values, turned = eigh(covariance[varied][:, varied])
    turned = _settled(values, turned, network.spread[0, 0, varied].to(values))
    vectors[varied.unsqueeze(1), varied] = turned
    # Signs as PCA's, which are those of the axes in the user's units.
    loadings = (network.code_axes(metric.unit) @ vectors).T
    turn, unit = vectors * loading_signs(loadings), metric.code_unit
    network.map_code(mean[None], turn[None] * unit, turn.T[None] / unit)


def _settled(values, vectors, spread):
    """Return eigenvectors, where values are zero those of what the start expected.

    Few images do not vary in all directions of their shrunk covariance, and among those
    left any turn would be as good as another.
    """
    idle = values <= ROUNDING * values[:1]
    if idle.sum() < 2:
        return vectors
    free = vectors[:, idle]
    free = free @ eigh((free.T * spread.square()) @ free)[1]
    return torch.cat([vectors[:, ~idle], free], dim=1)


def code_variances(network, covariance):
    """Return the variances of codes, in the user's units, as an array."""
    code_map = network.code_map[0]
    return ((code_map.T @ covariance) * code_map.T).sum(dim=1).cpu().numpy()
