"""Distances from rows to the nearest of a few reference points."""

import numpy as np
import torch

# Squared distance, as a share of the squares it is the difference of, that is zero.
CANCELLATION = 1e-13

# Rows whose distances to all points are in memory at once: in the cache, by and large.
BLOCK = 256

# Which neighbour says how far from the others a point lies, given the square root of
# the number of points: one that sees through a small group.
RANK_PER_ROOT = 2

# Share of the points that may say of others how far out they lie.
CENTRAL = 0.75

# What a usual point counts as, at the least, in distances usual between neighbours. The
# benchmark table detection_scores has other values of these three.
NEARNESS = 0.9

# How many times the median its distance from the others is of a point that reports call
# far. No score depends on it.
FAR = 2.0


class References:
    r"""Points that stand for the training rows.

    With :math:`u_r` the distance of point :math:`r` to the nearest of the others and
    :math:`c_r` that to the :math:`2 \sqrt{m_c}`-th of the :math:`m_c` central points,
    the distance of a row to them all is

    .. math::
        d(x) = \min_r \left(\lVert x - r \rVert^8 + h_r^8\right)^{1/8}, \qquad
        h_r = 0.9 \operatorname{median} u
            \left(\frac{c_r}{\operatorname{median} c}\right)^2.

    The root is much the same as the larger of the two: a point counts as near, but as
    no nearer than is usual for one that lies as far from the others as it does. A point
    far from most is near to nothing, not even to its copies: outliers say little of
    what is usual. So it is in density-based clustering, where no distance is less than
    that to the :math:`k`-th neighbour [1]_; the square spares what is usual and hits
    what is not. Central are the three quarters of the points that are nearest to their
    own such neighbour among all, so that a group of outliers does not vouch for itself.
    A median that is zero is replaced by the mean, or by 1. Rows that are nearer to one
    point than a hundredth of its :math:`h_r` tie.

    Parameters
    ----------
    points : ndarray of shape (m, p)
    wary : bool
        Whether points far from the others count as far; if not, :math:`d` is the
        distance to the nearest point.

    Attributes
    ----------
    points : ndarray of shape (m, p)
    heights : ndarray of shape (m,)
        :math:`h_r`: a row is no nearer to the point. Zero where all points count alike.
    is_far : ndarray of bool, shape (m,)
        Whether :math:`c_r` is more than twice its median, for reports alone.
    unit : float
        Median distance of the points to the others, above zero.

    References
    ----------
    .. [1] Campello, R., Moulavi, D. and Sander, J. (2013). Density-based clustering
       based on hierarchical density estimates. PAKDD, 160-172.
    """

    def __init__(self, points, wary=True):
        self.points = np.ascontiguousarray(points)
        m = len(self.points)
        self.heights, self.is_far = np.zeros(m), np.zeros(m, dtype=bool)
        if wary:
            nearest, reach = self._to_the_others()
            relative = reach / typical(reach)
            self.heights = NEARNESS * typical(nearest) * np.square(relative)
            self.is_far = relative > FAR
        own = np.empty(m)
        for block, rows, gaps in self._blocks():
            own[block] = self.distances(rows, gaps, np.arange(m)[block])
        self.unit = typical(own)

    def _to_the_others(self):
        """Return u and c of each point: to the nearest, and to the central ones."""
        m = len(self.points)
        nearest, first, reach = np.empty((3, m))
        for block, rows, gaps in self._blocks():
            own = np.arange(m)[block]
            nearest[block] = kth_distances(rows, gaps, 1, own)
            first[block] = kth_distances(rows, gaps, rank_of(m), own)
        cut = np.quantile(first, CENTRAL)
        # Of equal points, whose last digits may differ, all are central or none.
        central = np.flatnonzero(first <= cut + 1e-9 * cut)
        places = np.full(m, -1)
        places[central] = np.arange(len(central))
        for block, rows, gaps in self._blocks():
            # Rows in a row, as an index alone would not leave them.
            among = np.take(gaps, central, axis=1)
            rank = rank_of(len(central))
            reach[block] = kth_distances(rows, among, rank, places[block])
        return nearest, reach

    def _blocks(self):
        """Yield slices of the points, these points and their gaps to all: a few MB."""
        for start in range(0, len(self.points), BLOCK):
            block = slice(start, start + BLOCK)
            yield block, self.points[block], self.gaps(self.points[block])

    def gaps(self, rows):
        """Return squared distances to all points, less the square of each row.

        Parameters
        ----------
        rows : ndarray of shape (n, p)

        Returns
        -------
        gaps : ndarray of shape (n, m)
        """
        points, rows = torch.from_numpy(self.points), torch.from_numpy(rows)
        squares = points.square().sum(dim=1)
        return torch.addmm(squares, rows, points.mT, alpha=-2).numpy()

    def find(self, rows, gaps):
        """Return the positions of the points that rows equal but for rounding, or -1.

        A training row may come back in float32.
        """
        nearest = gaps.argmin(axis=1)
        squares = squares_of(rows, gaps[np.arange(len(rows)), nearest])
        return np.where(squares == 0, nearest, -1)

    def distances(self, rows, gaps, own):
        """Return the distance of each row to the points.

        Parameters
        ----------
        rows : ndarray of shape (n, p)
        gaps : ndarray of shape (n, m)
            Of :meth:`gaps`; overwritten.
        own : ndarray of shape (n,)
            Position of the point that is the row itself and none of its neighbours; -1
            where none is.

        Returns
        -------
        distances : ndarray of shape (n,)
        """
        leave_out(gaps, own)
        if not self.heights.any():
            return np.sqrt(squares_of(rows, gaps.min(axis=1)))
        lengths, heights = lengths_of(rows), torch.from_numpy(self.heights**8)
        squares = torch.from_numpy(gaps).add_(torch.from_numpy(lengths)[:, None])
        powers = squares.square_().square_().add_(heights).amin(dim=1).numpy()
        return np.sqrt(rounded(np.sqrt(np.sqrt(powers)), lengths))


def rank_of(n_points):
    """Return which neighbour says how far from the others a point lies."""
    return round(RANK_PER_ROOT * n_points**0.5)


def kth_distances(rows, gaps, rank, own):
    """Return the distance of each row to its ``rank``-th nearest point.

    Of m points the rank is m - 1 at most, for rows that are points themselves have no
    more neighbours. ``rows``, ``gaps`` and ``own`` are those of
    :meth:`References.distances`.
    """
    leave_out(gaps, own)
    rank = max(1, min(rank, gaps.shape[1] - 1))
    if rank == 1:
        return np.sqrt(squares_of(rows, gaps.min(axis=1)))
    nearest = np.partition(gaps, rank - 1, axis=1)[:, rank - 1]
    return np.sqrt(squares_of(rows, nearest))


def leave_out(gaps, own):
    """Put the points that rows are themselves out of their reach."""
    which = np.flatnonzero(own >= 0)
    gaps[which, own[which]] = np.inf


def typical(distances):
    """Return the median, or where most are zero the mean, or where all are 1."""
    return float(np.median(distances) or distances.mean() or 1.0)


def squares_of(rows, gaps):
    """Return the squared distances that gaps stand for; see :meth:`References.gaps`."""
    lengths = lengths_of(rows)
    with np.errstate(invalid="ignore", over="ignore"):
        return rounded(gaps + lengths, lengths)


def lengths_of(rows):
    """Return the squared lengths of rows."""
    with np.errstate(over="ignore"):
        return np.einsum("ij,ij->i", rows, rows)


def rounded(squares, lengths):
    """Return squared distances, those zero that are rounding errors alone."""
    # The difference of large sums leaves rounding errors of distances of zero.
    squares[(squares <= CANCELLATION * lengths) & np.isfinite(lengths)] = 0
    # Rows beyond the range of floats are as far out as can be.
    return np.where(np.isnan(squares), np.inf, squares)
