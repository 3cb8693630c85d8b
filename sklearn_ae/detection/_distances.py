"""Distances from rows to the nearest few of many reference points."""

from typing import NamedTuple

import numpy as np
import torch

from ..training import CPU

# Squared distance, as a share of the squares it is the difference of, that is zero.
CANCELLATION = 1e-13

# Share of a usual distance that the rounding of rows may come to, at the most: rows
# farther apart are two, however coarse their columns would be in float32.
MOST_ROUNDING = 0.01

# Rows whose distances to all points are in memory at once: in a core's own cache; where
# a GPU computes them as many as keep it busy, which it does of so many columns or more.
BLOCK, GPU_BLOCK, GPU_WIDTH = 64, 2048, 256

# Which neighbour says how far from the others a point lies, given the square root of
# the number of points: one that sees through a small group.
RANK_PER_ROOT = 2

# Share of the points that may say of others how far out they lie.
CENTRAL = 0.75

# What a usual point counts as, at the least, in distances usual between neighbours.
NEARNESS = 1.0

# The least and the largest power of how far out points lie that is what they count as,
# and what the power leaves, between these, to a point at the lower quartile. To the
# power of one, points that lie apart count as their spacing says.
FLATTEST, STEEPEST, GENTLE = 1.0, 2.0, 0.5

# Over how many points a distance is averaged.
N_NEAREST = 3

# Which neighbour says how densely the others lie about a point, and the power with
# which distances from it are counted in that unit. The benchmark table detection_scores
# has other values of these.
LOCAL_RANK, LOCALITY = 10, 0.25

# Share of a usual distance below which points are as dense as can be, or copies.
DENSEST = 0.1

# How many times the median its distance from the others is of a point that reports call
# far. No score depends on it.
FAR = 2.0


class References:
    r"""Points that stand for the training rows.

    With :math:`u_r` the distance of point :math:`r` to the nearest of the others,
    :math:`l_r` that to the tenth and :math:`c_r` that to the
    :math:`2 \sqrt{m_c}`-th of the :math:`m_c` central points, the distance of a row to
    them all is the mean of the three smallest

    .. math::
        d_r(x) = \left(\frac{\operatorname{median} l}{l_r}\right)^{1/4}
            \left(\lVert x - r \rVert^8 + h_r^8\right)^{1/8}, \qquad
        h_r = \operatorname{median} u
            \left(\frac{c_r}{\operatorname{median} c}\right)^q.

    The eighth root is much the same as the larger of the two: a point counts as near,
    but as no nearer than is usual for one that lies as far from the others as it does.
    Where points lie dense the same distance says more, as in the local outlier factor
    [2]_, and the fourth root keeps most of what distances are for. A point
    far from most is near to nothing, not even to its copies: outliers say little of
    what is usual. So it is in density-based clustering, where no distance is less than
    that to the :math:`k`-th neighbour [1]_; with :math:`q = 2` the square spares what
    is usual and hits what is not. Where :math:`c_r` varies much by nature, as with few
    columns, :math:`q` is less, down to 1, such that the lower quartile of the fractions
    to this power is half their median: outliers lie above it, and do not decide.
    Fractions of a tenth and less do not count there: these are copies, or next to it.
    Central are the three quarters of the points that are nearest to their own such
    neighbour among all, so that a group of outliers does not vouch for itself. A median
    that is zero is replaced by the mean, or by 1, and :math:`l_r` is a tenth of its
    median at the least.

    Parameters
    ----------
    points : ndarray of shape (m, p)
        A few thousand, at most: all their distances are in memory at once.
    wary : bool
        Whether points far from the others count as far, and distances by how dense
        points lie; if not, it is the mean distance to the three nearest points.
    device : torch device
        A GPU if one is to help; the points stay where they are.

    Attributes
    ----------
    lifted : ndarray of shape (m, p + 2)
        :math:`(-2 r, \lVert r \rVert^2, 1)`, whose product with :math:`(x, 1, \lVert x
        \rVert^2)` is the squared distance: one pass over memory in place of three.
    heights : ndarray of shape (m,)
        :math:`h_r`: a row is no nearer to the point. Zero where all points count alike.
    scales : ndarray of shape (m,)
        What distances from the point are multiplied by. One where all count alike.
    is_far : ndarray of bool, shape (m,)
        Whether :math:`c_r` is more than twice its median, for reports alone.
    unit : float
        Median distance of the points to the others, above zero.

    References
    ----------
    .. [1] Campello, R., Moulavi, D. and Sander, J. (2013). Density-based clustering
       based on hierarchical density estimates. PAKDD, 160-172.
    .. [2] Breunig, M. M., Kriegel, H.-P., Ng, R. T. and Sander, J. (2000). LOF:
       identifying density-based local outliers. ACM SIGMOD, 93-104.
    """

    def __init__(self, points, wary=True, device=CPU):
        lengths = lengths_of(points)
        self.lifted = np.column_stack([-2 * points, lengths, np.ones_like(lengths)])
        m = len(points)
        self.heights, self.is_far = np.zeros(m), np.zeros(m, dtype=bool)
        self.scales = np.ones(m)
        # Computed once: they fit into memory, if not into a core's own.
        blocks = [
            (np.arange(m)[block], self.gaps(points[block], device))
            for block in blocks_of(points, device)
        ]
        if wary:
            nearest, local, reach = self._to_the_others(blocks)
            relative = reach / typical(reach)
            power = power_for(relative)
            self.heights = NEARNESS * typical(nearest) * relative**power
            self.is_far = relative > FAR
            if local.any():  # not all of them copies of each other
                spacing = np.maximum(local / typical(local), DENSEST)
                self.scales = spacing**-LOCALITY
        # The gaps are used up here.
        distances = [self.distances(gaps, own) for own, gaps in blocks]
        self.unit = typical(np.concatenate(distances))

    @property
    def points(self):
        """The points, of shape (m, p)."""
        return self.lifted[:, :-2] / -2

    def _to_the_others(self, blocks):
        """Return u, l and c of each point: to the nearest, the tenth, the central.

        Blocks are the places of some points, and their gaps to all.
        """
        m = len(self.lifted)
        ranks = 1, LOCAL_RANK, rank_of(m)
        found = [kth_distances(gaps, ranks, own) for own, gaps in blocks]
        nearest, local, first = np.concatenate(found, axis=1)
        cut = np.quantile(first, CENTRAL)
        # Of equal points, whose last digits may differ, all are central or none.
        central = np.flatnonzero(first <= cut + 1e-9 * cut)
        places = np.full(m, -1)
        places[central] = np.arange(len(central))
        rank, reach = rank_of(len(central)), []
        for own, gaps in blocks:
            # Rows in a row, as an index alone would not leave them.
            among = gaps._replace(squares=np.take(gaps.squares, central, axis=1))
            reach.append(kth_distances(among, [rank], places[own])[0])
        return nearest, local, np.concatenate(reach)

    def gaps(self, rows, device=CPU):
        """Return the :class:`Gaps` of rows, of shape (n, p), to all points."""
        device = helper_of(rows, device)
        lengths = lengths_of(rows)
        rows = np.column_stack([rows, np.ones_like(lengths), lengths])
        # torch warns of arrays that are read-only, as those of a mapped pickle.
        lifted = torch.from_numpy(np.require(self.lifted, requirements="W"))
        product = torch.from_numpy(rows).to(device) @ lifted.to(device).mT
        return Gaps(product.cpu().numpy(), lengths)

    def find(self, gaps, rounding=0.0):
        """Return the positions of the points that rows equal but for rounding, or -1.

        A training row may come back in float32.

        Parameters
        ----------
        gaps : Gaps
            Of :meth:`gaps`.
        rounding : float, default=0.0
            How far the rounding of its columns may take a row. No more than a hundredth
            of ``unit`` counts.

        Returns
        -------
        own : ndarray of shape (n,)
        """
        nearest = gaps.squares.argmin(axis=1)
        squares = gaps.squares[np.arange(len(nearest)), nearest]
        close = min(rounding, MOST_ROUNDING * self.unit) ** 2
        return np.where(rounded(squares, gaps.lengths) <= close, nearest, -1)

    def distances(self, gaps, own):
        """Return the distance of each row to the points.

        Parameters
        ----------
        gaps : Gaps
            Of :meth:`gaps`; overwritten.
        own : ndarray of shape (n,)
            Position of the point that is the row itself and none of its neighbours; -1
            where none is.

        Returns
        -------
        distances : ndarray of shape (n,)
        """
        leave_out(gaps, own)
        # Rows that are points themselves have no more neighbours, and all are treated
        # alike.
        count = max(1, min(N_NEAREST, gaps.squares.shape[1] - 1))
        if not self.heights.any():
            nearest = smallest(gaps.squares, count)
        else:
            nearest = np.sqrt(np.sqrt(smallest(self._powers(gaps.squares), count)))
        return np.sqrt(rounded(nearest, gaps.lengths[:, None])).mean(axis=1)

    def _powers(self, squares):
        """Return the eighth powers of distances in place of their squares."""
        heights = np.square(np.square(np.square(self.heights * self.scales)))
        scales = torch.from_numpy(np.square(self.scales))
        squares = torch.from_numpy(squares).mul_(scales).square_()
        heights = torch.from_numpy(heights)
        return torch.addcmul(heights, squares, squares, out=squares).numpy()


class Gaps(NamedTuple):
    """How far rows lie from points.

    Attributes
    ----------
    squares : ndarray of shape (n, m)
        Squared distances, with rounding errors.
    lengths : ndarray of shape (n,)
        Squared lengths of the rows, of which these errors are a share.
    """

    squares: np.ndarray
    lengths: np.ndarray


def blocks_of(rows, device=CPU):
    """Yield slices of so many rows as are compared with all points at once."""
    size = BLOCK if helper_of(rows, device) == CPU else GPU_BLOCK
    for start in range(0, len(rows), size):
        yield slice(start, start + size)


def helper_of(rows, device):
    """Return a device where it is a GPU that is worth the way there, else the CPU."""
    is_worth_it = device.type == "cuda" and rows.shape[1] >= GPU_WIDTH
    return device if is_worth_it else CPU


def smallest(values, count):
    """Return the smallest values of each row, in order, of shape (n, count).

    The values are overwritten. Looking for the smallest of all so many times takes less
    time than a partition.
    """
    rows, found = np.arange(len(values)), np.empty((len(values), count))
    for place in range(count):
        nearest = values.argmin(axis=1)
        found[:, place] = values[rows, nearest]
        values[rows, nearest] = np.inf
    return found


def rank_of(n_points):
    """Return which neighbour says how far from the others a point lies."""
    return round(RANK_PER_ROOT * n_points**0.5)


def power_for(relative):
    """Return the power of how far out points lie that is what they count as.

    Parameters
    ----------
    relative : ndarray of shape (m,)
        How far out they lie, as a multiple of the median.
    """
    # Copies of a point, or next to it, do not show how density varies among others.
    apart = relative[relative > DENSEST]
    if not len(apart):
        return STEEPEST
    quartile = np.quantile(apart, 0.25) / np.median(apart)
    if quartile**STEEPEST >= GENTLE:
        return STEEPEST
    return max(FLATTEST, np.log(GENTLE) / np.log(quartile))


def kth_distances(gaps, ranks, own):
    """Return the distances of each row to its nearest points of some ranks.

    Of m points the rank is m - 1 at most, for rows that are points themselves have no
    more neighbours. ``gaps`` and ``own`` are those of :meth:`References.distances`; of
    the gaps only those at the rows' own places are overwritten, with infinity.

    Parameters
    ----------
    gaps : Gaps
    ranks : sequence of int
    own : ndarray of shape (n,)

    Returns
    -------
    distances : ndarray of shape (n_ranks, n)
    """
    leave_out(gaps, own)
    places = np.clip(ranks, 1, max(1, gaps.squares.shape[1] - 1)) - 1
    nearest, found = gaps.squares, np.empty((len(places), len(gaps.lengths)))
    # The largest first: the others are among what it leaves, which is little. NumPy
    # takes several times as long for all ranks at once.
    for i in np.argsort(-places):
        nearest = np.partition(nearest, places[i], axis=1)[:, : places[i] + 1]
        found[i] = nearest[:, -1]
    return np.sqrt(rounded(found, gaps.lengths))


def leave_out(gaps, own):
    """Put the points that rows are themselves out of their reach."""
    which = np.flatnonzero(own >= 0)
    gaps.squares[which, own[which]] = np.inf


def typical(distances):
    """Return the median, or where most are zero the mean, or where all are 1."""
    return float(np.median(distances) or distances.mean() or 1.0)


def lengths_of(rows):
    """Return the squared lengths of rows."""
    with np.errstate(over="ignore"):
        return np.einsum("ij,ij->i", rows, rows)


def rounded(squares, lengths):
    """Return squared distances, those zero that are rounding errors alone."""
    # The difference of large sums leaves rounding errors of distances of zero.
    is_zero = (squares <= CANCELLATION * lengths) & np.isfinite(lengths)
    # Rows beyond the range of floats are as far out as can be.
    return np.where(is_zero, 0.0, np.where(np.isnan(squares), np.inf, squares))
