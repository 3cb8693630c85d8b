"""Labels that spread over a graph of neighbours, from rows that have one to all."""

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

# Neighbours of a row, and what it passes on of what it is told.
N_NEIGHBORS, PASSED_ON = 7, 0.99

# Residual, as a share of what is asked for, at which a solution is one, and steps
# towards it, at most.
TOLERANCE, MOST_STEPS = 1e-6, 200


def neighbor_graph(points, weight, n_neighbors=N_NEIGHBORS):
    r"""Return the graph of points and their neighbours, normalised.

    .. math:: S = D^{-1/2} A D^{-1/2}, \qquad
        A_{ij} = w_i w_j \exp\left(-\frac{\lVert x_i - x_j \rVert^2}{r_i r_j}\right)

    where either point is among the nearest of the other, with the distance :math:`r` of
    a point to the farthest of its nearest, and the sums :math:`D` of the rows of
    :math:`A`.

    Parameters
    ----------
    points : ndarray of shape (n, p)
        No two alike.
    weight : ndarray of shape (n,)
        A point of weight two is two points in one place.
    n_neighbors : int

    Returns
    -------
    graph : CSR matrix of shape (n, n)
    """
    n = len(points)
    n_neighbors = min(n_neighbors, n - 1)
    finder = NearestNeighbors(n_neighbors=n_neighbors).fit(points)
    distances, index = finder.kneighbors()
    reach = distances[:, -1]
    reach = np.where(reach > 0, reach, 1.0)
    nearness = np.exp(-np.square(distances) / (reach[:, None] * reach[index]))
    starts = np.arange(0, n * n_neighbors + 1, n_neighbors)
    graph = sparse.csr_matrix((nearness.ravel(), index.ravel(), starts), (n, n))
    graph = graph.maximum(graph.T)
    scaled = sparse.diags(weight / weight.mean())
    graph = scaled @ graph @ scaled
    degree = np.asarray(graph.sum(axis=1)).ravel()
    inverse = sparse.diags(1 / np.sqrt(np.where(degree > 0, degree, 1.0)))
    return (inverse @ graph @ inverse).tocsr()


def spread_labels(graph, labels, passed_on=PASSED_ON):
    r"""Return what labels come to at all points of a graph.

    .. math:: F = (1 - \alpha) (I - \alpha S)^{-1} Y

    Parameters
    ----------
    graph : CSR matrix of shape (n, n)
    labels : ndarray of shape (n, t)
        Zeros where there is none.
    passed_on : float
        :math:`\alpha`.

    Returns
    -------
    spread : ndarray of shape (n, t)

    References
    ----------
    .. [1] Zhou, D., Bousquet, O., Lal, T., Weston, J. and Schölkopf, B. (2004).
       Learning with local and global consistency. NeurIPS, 321-328.
    """
    # Conjugate gradients, of all columns at once.
    solution = np.zeros_like(labels)
    rest = labels * (1 - passed_on)
    direction = rest.copy()
    square = _squares(rest)
    goal = TOLERANCE**2 * square
    for _ in range(MOST_STEPS):
        if np.all(square <= goal):
            break
        image = direction - passed_on * (graph @ direction)
        step = square / _above_zero(np.einsum("ij,ij->j", direction, image))
        solution += step * direction
        rest -= step * image
        before, square = square, _squares(rest)
        direction = rest + (square / _above_zero(before)) * direction
    return solution


def _squares(columns):
    return np.einsum("ij,ij->j", columns, columns)


def _above_zero(values):
    return np.where(values > 0, values, 1.0)


def certainty_of(shares):
    """Return how sure shares of classes are: 1 of one class, 0 of all alike.

    One minus their entropy, as a share of the largest there can be.
    """
    logs = np.log(np.where(shares > 0, shares, 1.0))
    entropy = -(shares * logs).sum(axis=1)
    return np.clip(1 - entropy / np.log(shares.shape[1]), 0.0, 1.0)
