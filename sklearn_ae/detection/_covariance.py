"""Shrunk covariances of weighted rows, and rows in units in which they are even."""

import numpy as np
import torch

from .._linalg import eigh
from .._principal import leading_axes
from ..training import weighted_sum

# Smallest variance, as a share of the largest, along a direction of the rows.
VARIANCE_FLOOR = 1e-5

# Largest number of columns whose covariance is known along every direction, and how
# many directions are known of more.
FULL_SIDE, RANK = 1024, 256

# Start of the search for these.
SEED = 0


class FullCovariance:
    """The covariance of centred rows, shrunk, and what whitens by it.

    Parameters
    ----------
    rows : ndarray of shape (n, p)
        Centred, in units of the spread of each column.
    weight : ndarray of shape (n,)
        Its sum is 1.
    evidence : float
        Number of distinct rows the weights amount to; decides the shrinkage.
    noise : float or ndarray of shape (p,)
        Variance that is added to that of each column.

    Attributes
    ----------
    whitening : ndarray of shape (p, p)
    """

    def __init__(self, rows, weight, evidence, noise):
        covariance = _matmul((rows * weight[:, None]).T, rows)
        trace, norm = np.trace(covariance), np.square(covariance).sum()
        shrinkage = ledoit_wolf_shrinkage(rows, trace, norm, weight, evidence)
        side = len(covariance)
        covariance *= 1 - shrinkage
        covariance.flat[:: side + 1] += shrinkage * trace / side + noise
        matrix = torch.from_numpy(covariance)
        variances, vectors = (part.numpy() for part in eigh(matrix))
        self.whitening = vectors / np.sqrt(floored(variances, variances[0]))

    def whiten(self, rows):
        """Return rows in units in which the bulk is even in all directions."""
        return _matmul(rows, self.whitening)


class LowRankCovariance:
    r"""The same of many columns: 256 directions, and one variance for all others.

    .. math::
        \Sigma = V \Lambda V^\top + \sigma^2 (I - V V^\top), \qquad
        \sigma^2 = \frac{\operatorname{tr} S - \operatorname{tr} \Lambda}{p - 256},

    the covariance of probabilistic PCA [1]_, with the largest variances
    :math:`\Lambda` of :math:`S` and their directions :math:`V`, all of them shrunk as
    the full covariance is.

    Attributes
    ----------
    axes : ndarray of shape (p, r)
    factors : ndarray of shape (r,)
        Of the axes, when the rest is divided by ``rest``.
    rest : float
        Standard deviation along all other directions.

    References
    ----------
    .. [1] Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component
       analysis. Journal of the Royal Statistical Society B, 61, 611-622.
    """

    def __init__(self, rows, weight, evidence, noise):
        scaled = rows * np.sqrt(weight)[:, None]
        trace = np.square(scaled).sum()
        wide = scaled if len(scaled) < scaled.shape[1] else scaled.T
        norm = np.square(_matmul(wide, wide.T)).sum()
        shrinkage = ledoit_wolf_shrinkage(rows, trace, norm, weight, evidence)
        matrix = torch.from_numpy(scaled)
        variances, axes = (part.numpy() for part in leading_axes(matrix, RANK, SEED))
        n_columns = rows.shape[1]
        rest = max(trace - variances.sum(), 0) / max(n_columns - len(variances), 1)
        even = shrinkage * trace / n_columns + np.mean(noise)
        largest = (1 - shrinkage) * max(variances.max(initial=0), rest) + even
        variances = floored((1 - shrinkage) * variances + even, largest)
        self.rest = float(np.sqrt(floored((1 - shrinkage) * rest + even, largest)))
        self.axes = np.ascontiguousarray(axes.T)
        self.factors = self.rest / np.sqrt(variances) - 1

    def whiten(self, rows):
        """Return rows in units in which the bulk is even in all directions."""
        along = _matmul(rows, self.axes) * self.factors
        return (rows + _matmul(along, self.axes.T)) / self.rest


def fit_covariance(rows, weight, evidence, noise):
    """Return the covariance of centred rows, of low rank where columns are many.

    Parameters are those of :class:`FullCovariance`.
    """
    kind = FullCovariance if rows.shape[1] <= FULL_SIDE else LowRankCovariance
    return kind(rows, weight, evidence, noise)


def floored(variances, largest):
    """Return variances of which none is next to nothing beside the largest.

    Columns that repeat others leave variances of zero: a rounding error along them
    would count as a great distance.
    """
    return np.maximum(variances, VARIANCE_FLOOR * max(largest, VARIANCE_FLOOR))


def ledoit_wolf_shrinkage(rows, trace, norm, weight, evidence):
    """Return Ledoit and Wolf's shrinkage of a weighted covariance.

    scikit-learn's takes no weights.

    Parameters
    ----------
    rows : ndarray of shape (n, p)
        Centred.
    trace, norm : float
        Of their covariance: the sum of the variances, and that of all squares.
    weight : ndarray of shape (n,)
        Its sum is 1.
    evidence : float
        Stands for the number of rows.
    """
    n_features = rows.shape[1]
    distance = (norm - trace**2 / n_features) / n_features
    fourth = weighted_sum(weight, np.square(np.einsum("ij,ij->i", rows, rows)))
    noise = (fourth - norm) / (n_features * max(evidence, 1))
    return 1.0 if distance <= 0 else float(min(noise / distance, 1))


def _matmul(a, b):
    """Multiply with torch, whose threads the fit controls."""
    b = np.ascontiguousarray(b)  # else the bits of a row hang on how many there are
    return (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
