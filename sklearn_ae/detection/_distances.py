"""Distances from rows to their neighbours among a few reference points."""

import numpy as np
import torch

# Squared distance, as a share of the squares it is the difference of, that is zero.
CANCELLATION = 1e-13


class References:
    """Points that stand for the training rows.

    Attributes
    ----------
    points : ndarray of shape (m, p)
    """

    def __init__(self, points):
        self.points = np.ascontiguousarray(points)

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
        squares = squares_of(rows, np.take_along_axis(gaps, nearest[:, None], axis=1))
        return np.where(squares[:, 0] == 0, nearest, -1)


def squares_of(rows, gaps):
    """Return the squared distances that gaps stand for; see :meth:`References.gaps`."""
    lengths = np.einsum("ij,ij->i", rows, rows)[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        squares = gaps + lengths
        # The difference of large sums leaves rounding errors of distances of zero.
        squares[(squares <= CANCELLATION * lengths) & np.isfinite(lengths)] = 0
    # Rows beyond the range of floats are as far out as can be.
    return np.where(np.isnan(squares), np.inf, squares)


def nearest_distances(rows, gaps, ranks, own):
    """Return the distances to the nearest points of given ranks.

    Parameters
    ----------
    rows : ndarray of shape (n, p)
    gaps : ndarray of shape (n, m)
        Of :meth:`References.gaps`; overwritten.
    ranks : sequence of int
        1 stands for the nearest. At least one point less than there are is counted on:
        of fewer the farthest is taken.
    own : ndarray of shape (n,)
        Position of the point that is the row itself and none of its neighbours; -1
        where none is.

    Returns
    -------
    distances : ndarray of shape (n, len(ranks))
    """
    which = np.flatnonzero(own >= 0)
    gaps[which, own[which]] = np.inf
    nearest = np.empty((len(gaps), len(ranks)))
    # One rank at a time, the largest first: several at once take five times as long.
    for place in np.argsort(ranks)[::-1]:
        rank = max(1, min(ranks[place], gaps.shape[1] - 1))
        gaps = np.partition(gaps, rank - 1, axis=1)[:, :rank]
        nearest[:, place] = gaps[:, -1]
    return np.sqrt(squares_of(rows, nearest))
