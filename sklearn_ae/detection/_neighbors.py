"""Outlier scores from distances to neighbours, in two spaces at once."""

import numpy as np

from ._distances import References, nearest_distances
from ._scorer import NO_SPREAD, score_features

# Reference rows, at most, and numbers that they and their features may be. Twice as
# many rows are looked at for those that can be trusted.
N_REFERENCES, REFERENCE_CELLS = 1024, 2**21

# Which neighbours count, given the square root of the number of reference rows: few
# tell fine differences, many see through a group of outliers. To tell which rows can be
# trusted takes more of them still.
RANKS = (lambda root: 5, lambda root: root)
TRIM_RANKS = (lambda root: 2 * root,)

# With trim="auto" rows are left out whose score is above the median by more than this
# many times the distance between the median and the lower quartile.
FAR = 1.5

# Standard deviations from the mean beyond which values count by their logarithm.
MODERATE = 3.0

# Smallest spread of the logarithms of distances.
LEAST_SPREAD = 1e-2


class NeighborScorer:
    r"""Distances to neighbours, of the row and of what the network makes of it.

    A row has two images: itself, :math:`x`, in standard deviations of the columns, and
    :math:`f`, its code and its residual side by side, each in units of its own spread.
    Beyond 3 units a value :math:`v` counts as :math:`3 + \log(v - 2)`: else columns
    with few large values would decide which rows are near. In either space its distance
    :math:`d_k` to the :math:`k`-th of at most 1024 reference rows is compared with the
    training rows',

    .. math::
        u = \frac12 \sum_{k \in \{5, \sqrt m\}}
            \log_2 \left(1 + \frac{d_k}{\operatorname{median} d_k}\right),
        \qquad
        z = \frac{u - \operatorname{median} u}{\sqrt{\operatorname{IQR} u}},

    and the larger of the two has most of the say,

    .. math::
        s(x) = -\tfrac12 \log_2 \tfrac12 \left(4^{z_x} + 4^{z_f}\right).

    It is 0 for the typical row, and with a spread of 1 it falls by 1 where distances
    double. Few neighbours tell finer differences; many see through a small group of
    outliers that are each other's neighbours [1]_. Near rows in :math:`x` may still be
    odd in :math:`f`, where what columns have in common counts, and outliers that the
    network has learnt are still odd in :math:`x`. A row is never its own neighbour.

    Attributes
    ----------
    trim : "auto" or float
        Which rows are no references: those with a far larger score than most, or a
        share of the rows.
    share_trimmed : float
        What that came to.
    spread : ndarray of shape (n_score_features,)
        Units of code and residual.
    rows, features : References
        In the two spaces.
    ranks : tuple of int
        Of the neighbours that count.
    units : ndarray of shape (2, n_ranks)
        Median distances.
    centers, spreads : ndarray of shape (2,)
        Of the mean logarithms.

    References
    ----------
    .. [1] Ramaswamy, S., Rastogi, R. and Shim, K. (2000). Efficient algorithms for
       mining outliers from large data sets. ACM SIGMOD, 427-438.
    """

    # Equal rows are told by all their digits.
    takes_float32 = False

    def __init__(self, trim="auto"):
        self.trim = trim

    def fit(self, rows, features, floor):
        """Learn from training rows, in a random order.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
        features : ndarray of shape (n, n_score_features)
        floor : float or ndarray of shape (n_score_features,)
            Spread of each feature below which it is rounding errors.
        """
        spread = features.std(axis=0)
        self.spread = np.where(spread > floor, spread, np.maximum(floor, NO_SPREAD))
        # On a large scale alone: on a small one a group of outliers is at home.
        everyone = np.full(len(rows), True)
        far = self._far(self._refer(rows, features, everyone, TRIM_RANKS))
        self.share_trimmed = float(far.mean())
        self._refer(rows, features, ~far, RANKS)
        return self

    def _far(self, outlyingness):
        """Return which rows are no references."""
        if self.trim == "auto":
            low, middle = np.quantile(outlyingness, [0.25, 0.5])
            far = outlyingness > middle + FAR * (middle - low)
        else:
            cut = np.quantile(outlyingness, 1 - self.trim)
            # Equal rows may differ in the last digit and belong together.
            far = outlyingness > cut + 1e-9 * abs(cut)
        return far if (~far).sum() > 2 else np.zeros(len(far), dtype=bool)

    def _refer(self, rows, features, trusted, ranks):
        """Refer to the first of the trusted rows; return how far out all of them lie.

        All of them set the units, those that are not trusted as well: new rows are
        compared with whatever came.
        """
        width = rows.shape[1] + features.shape[1]
        chosen = np.flatnonzero(trusted)[: n_references(width)]
        self.rows = References(tempered(rows[chosen]))
        self.features = References(tempered(features[chosen] / self.spread))
        root = len(chosen) ** 0.5
        self.ranks = tuple(max(1, round(rank(root))) for rank in ranks)
        own = np.full(len(rows), -1)
        own[chosen] = np.arange(len(chosen))
        distances = self._distances(rows, features, own)
        # Where most rows are equal, their distance is zero and no unit.
        self.units = np.median(distances, axis=1)
        for usual in (distances.mean(axis=1), 1.0):
            np.copyto(self.units, usual, where=self.units == 0)
        quartiles = np.quantile(self._logarithms(distances), [0.25, 0.5, 0.75], axis=1)
        self.centers = quartiles[1]
        self.spreads = np.maximum(quartiles[2] - quartiles[0], LEAST_SPREAD)
        return self._outlyingness(distances)

    def _distances(self, rows, features, own=None):
        """Return distances in both spaces, of shape (2, n, n_ranks).

        ``own`` says which references the rows are themselves; None has them found.
        """
        with np.errstate(over="ignore"):
            rows, features = tempered(rows), tempered(features / self.spread)
        of_rows, of_features = self.rows.gaps(rows), self.features.gaps(features)
        if own is None:
            own = self.rows.find(rows, of_rows)
        return np.stack(
            [
                nearest_distances(rows, of_rows, self.ranks, own),
                nearest_distances(features, of_features, self.ranks, own),
            ]
        )

    def _logarithms(self, distances):
        """Return their mean logarithms, of shape (2, n)."""
        return np.log2(1 + distances / self.units[:, None]).mean(axis=2)

    def _outlyingness(self, distances):
        """Return the scores, before their sign is turned."""
        centered = self._logarithms(distances) - self.centers[:, None]
        z = centered / np.sqrt(self.spreads)[:, None]
        return (np.logaddexp2(*(2 * z)) - 1) / 2

    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        return self.score(*self.read(network, rows))

    @staticmethod
    def read(network, rows, code=None):
        """Return the rows and their features, all that scores are made of."""
        features = score_features(network, rows, code)
        return rows.cpu().numpy().astype(np.float64, copy=False), features

    def score(self, rows, features):
        """Return the scores of rows, of shape (n,): the lower, the more abnormal."""
        return -self._outlyingness(self._distances(rows, features))


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
