"""What each column adds to a score on the way from one row to another."""

import numpy as np

# Segments of the path. The score may bend on the way: with eight, shares are within
# 0.2 % of the score of what they come to with many if it is a squared distance, and
# within 2 % if it is made of logarithms, on ten tables.
N_SEGMENTS = 8

# Numbers of the rows that are scored at once.
BLOCK_CELLS = 2**21


def path_shares(score, start, end, of_start, of_end):
    r"""Return what each column adds to minus the score between two rows.

    The Aumann-Shapley value of each column on the straight path :math:`x(t)` from
    :math:`a` to :math:`b`, which Sundararajan et al. [1]_ call integrated gradients,

    .. math::
        \int_0^1 -\frac{\partial s}{\partial x_j}(x(t))\,(b_j - a_j)\,dt,

    taken by finite differences, which ask nothing of a score but its values: from the
    middle of each segment a column alone is moved to both ends of it. What the sum
    misses of :math:`s(a) - s(b)` is divided in proportion to the sizes.

    Parameters
    ----------
    score : callable
        Returns the scores of rows of shape ``(n, n_features)``.
    start, end : ndarray of shape (n_features,)
        The rows, in float64.
    of_start, of_end : float
        Their scores, which are finite.

    Returns
    -------
    shares : ndarray of shape (n_features,)
        They sum to ``of_start - of_end``; zero for columns that do not differ, unless
        no column says anything.

    References
    ----------
    .. [1] Sundararajan, M., Taly, A. and Yan, Q. (2017). Axiomatic attribution for deep
       networks. International Conference on Machine Learning, 3319-3328.
    """
    shares = np.zeros(len(start))
    differing = np.flatnonzero(start != end)
    n_columns = max(1, BLOCK_CELLS // (2 * N_SEGMENTS * len(start)))
    for first in range(0, len(differing), n_columns):
        columns = differing[first : first + n_columns]
        rows = _moved(start, end, columns)
        scores = score(rows.reshape(-1, len(start))).reshape(rows.shape[:3])
        # Where the score is infinite on the way there is no difference.
        scores[:, ~np.isfinite(scores).all(axis=0)] = 0.0
        shares[columns] = (scores[0] - scores[1]).sum(axis=0)
    sizes = np.abs(shares)
    if not sizes.any():
        sizes[:] = 1.0
    missing = of_start - of_end - shares.sum()
    return shares + missing * (sizes / sizes.sum())


def _moved(start, end, columns):
    """Return rows with one column moved, of shape (2, N_SEGMENTS, n_columns, d).

    The first half has it at the start of its segment, the second at the end.
    """
    steps = np.arange(2 * N_SEGMENTS + 1)[:, None] / (2 * N_SEGMENTS)
    path = start * (1 - steps) + end * steps
    middles, edges = path[1::2], path[::2, columns]
    shape = 2, N_SEGMENTS, len(columns), len(start)
    rows = np.broadcast_to(middles[None, :, None], shape).copy()
    own = np.arange(len(columns))
    rows[0, :, own, columns] = edges[:-1].T
    rows[1, :, own, columns] = edges[1:].T
    return rows
