"""Outlier scores from distances to neighbours, in two spaces at once."""

import numpy as np

from ..training import CPU
from ._distances import References, blocks_of
from ._scorer import NO_SPREAD, score_features

# Reference rows, at most, and numbers that they and their features may be.
N_REFERENCES, REFERENCE_CELLS = 2048, 2**21

# Standard deviations from the mean beyond which values count by their logarithm.
MODERATE = 2.0


class NeighborScorer:
    r"""Distances to neighbours, of the row and of what the network makes of it.

    A row has two images: itself, :math:`x`, in standard deviations of the :math:`p`
    columns, and :math:`f`, its :math:`k` codes and its residual side by side, each in
    units of its own spread. Beyond 2 units a value :math:`v` counts as
    :math:`2 + \log(v - 1)`: else columns with few large values would decide which rows
    are near. The residual shows in :math:`p` columns and lies along the :math:`p - k`
    directions that the code leaves, of which each is to count once: it is multiplied by
    :math:`\sqrt{(p - k) / p}`, or :math:`\sqrt{1 / p}` at the least. What never varies
    is no column and no component here. In either space a row has a distance :math:`d`
    to at most 2048 reference rows: to the nearest three of them, where those that lie
    far from most others count as far, see :class:`References`. Both are compared with
    the reference rows' own,

    .. math::
        s(x) = 1 - \log_2 \sqrt{\tfrac12 \sum_{i \in \{x, f\}}
            \left(1 + \frac{d_i}{\operatorname{median} d_i}\right)^2}.

    It is 0 for the typical row, and far out it falls by 1 where distances double. The
    nearest neighbours tell the finest differences, and are fooled by a small group of
    outliers that are each other's neighbours, unless these count as far [1]_. Near rows
    in :math:`x` may still be odd in :math:`f`, where what columns have in common
    counts, and outliers that the network has learnt are still odd in :math:`x`. A row
    is never its own neighbour.

    Attributes
    ----------
    trim : "auto" or float
        A float leaves this share of the rows out, those with the lowest scores. Of the
        others, and with "auto" of all, those far from most count as far; with 0 all
        count alike.
    share_trimmed : float
        Share of the rows that are left out, or with "auto" far in one of the spaces, by
        :class:`References`.
    spread : ndarray of shape (n_score_features,)
        Units of code and residual.
    weight : ndarray of shape (n_score_features,)
        By which code and residual in these units are multiplied.
    rounding : float
        Distance, in standard deviations, of a training row from itself in float32, at
        the most.
    rows, features : References
        In the two spaces.

    References
    ----------
    .. [1] Ramaswamy, S., Rastogi, R. and Shim, K. (2000). Efficient algorithms for
       mining outliers from large data sets. ACM SIGMOD, 427-438.
    """

    # Equal rows are told by all their digits.
    takes_float32 = False

    def __init__(self, trim="auto"):
        self.trim = trim

    def fit(self, rows, features, floor, device=CPU, rounding=0.0):
        """Learn from training rows.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
        features : ndarray of shape (n, n_score_features)
        floor : float or ndarray of shape (n_score_features,)
            Spread of each feature below which it is rounding errors.
        device : torch device
            Of the fit: a GPU helps with many columns.
        rounding : float, default=0.0
            Distance, in standard deviations, of a training row from itself in float32,
            at the most.
        """
        spread = features.std(axis=0)
        self.spread = np.where(spread > floor, spread, np.maximum(floor, NO_SPREAD))
        self.weight = weight_of(spread > floor, rows.std(axis=0) > NO_SPREAD)
        self.rounding = rounding
        self._refer(rows, features, device)
        self.share_trimmed = float((self.rows.is_far | self.features.is_far).mean())
        if self.trim and self.trim != "auto":
            kept = self._kept(rows, features, device)
            self._refer(rows[kept], features[kept], device)
            self.share_trimmed = 1 - len(self.rows.lifted) / len(rows)
        return self

    def _refer(self, rows, features, device):
        wary = bool(self.trim)
        self.rows = References(tempered(rows), wary, device)
        self.features = References(self._weighed(features), wary, device)

    def _weighed(self, features):
        """Return code and residual as they count."""
        return tempered(features / self.spread) * self.weight

    def _kept(self, rows, features, device):
        """Return which rows are references once a share of them is left out."""
        outlyingness = -self.score(rows, features, device)
        cut = np.quantile(outlyingness, 1 - self.trim)
        # Equal rows may differ in the last digit and belong together.
        kept = outlyingness <= cut + 1e-9 * abs(cut)
        return kept if kept.sum() > 2 else slice(None)

    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        return self.score(*self.read(network, rows), rows.device)

    @staticmethod
    def read(network, rows, code=None):
        """Return the rows and their features, all that scores are made of."""
        features = score_features(network, rows, code)
        return rows.cpu().numpy().astype(np.float64, copy=False), features

    def score(self, rows, features, device=CPU):
        """Return the scores of rows, of shape (n,): the lower, the more abnormal."""
        ratios = 1 + self._distances(rows, features, device)
        return 1.5 - np.logaddexp2(*(2 * np.log2(ratios))) / 2

    def _distances(self, rows, features, device):
        """Return distances in units of the median, in both spaces: shape (2, n)."""
        with np.errstate(over="ignore"):
            rows, features = tempered(rows), self._weighed(features)
        distances = np.empty((2, len(rows)))
        for block in blocks_of(rows, device):
            gaps = self.rows.gaps(rows[block], device)
            own = self.rows.find(gaps, self.rounding)
            distances[0, block] = self.rows.distances(gaps, own)
            gaps = self.features.gaps(features[block], device)
            distances[1, block] = self.features.distances(gaps, own)
        return distances / [[self.rows.unit], [self.features.unit]]


def weight_of(features_vary, columns_vary):
    """Return what code and residual are multiplied by, each in its own spread.

    The residual shows in as many columns as the rows vary in, but lies along no more
    directions than the code leaves, and each of these is to count as one.

    Parameters
    ----------
    features_vary : ndarray of bool, shape (n_score_features,)
        Which components of the code and columns of the residual vary.
    columns_vary : ndarray of bool, shape (n_features,)
        Which columns of the rows do.

    Returns
    -------
    weight : ndarray of shape (n_score_features,)
    """
    code, residual = np.split(features_vary, [-len(columns_vary)])
    n_left = max(columns_vary.sum() - code.sum(), 1)
    share = min(n_left / max(residual.sum(), 1), 1)
    return np.repeat([1.0, np.sqrt(share)], [len(code), len(residual)])


def tempered(units):
    """Return values in standard deviations, those far out by their logarithm.

    One cell far out says little about how far: columns of rare large values would
    otherwise decide which rows are neighbours.
    """
    size = np.abs(units)
    beyond = np.log1p(np.maximum(size - MODERATE, 0))
    return np.copysign(np.minimum(size, MODERATE) + beyond, units)


def n_references(width):
    """Return how many rows are references, at most: fewer of very wide tables.

    Parameters
    ----------
    width : int
        Columns of rows and of features.
    """
    return max(2, min(N_REFERENCES, REFERENCE_CELLS // width))
