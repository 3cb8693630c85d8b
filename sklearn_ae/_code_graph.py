"""The graph of nearest neighbours among codes, and clusters as its parts."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors

from .training import rows_by_weight

# Rows among which neighbours are looked for, at most: all pairs of them are compared.
MOST_ROWS = 100_000

# Nodes of a graph up to which all its eigenvectors are computed, without iterations.
FEW_NODES = 500

# Links that each node has to all others, in shares of its own: without them a handful
# of rows that no other row is near to would be a cluster.
TELEPORT = 0.01

# Steps of the walks that are compared, and eigenvectors for each cluster. With as many
# eigenvectors as clusters, each tells one of them from all others, and a small group
# that is well apart is one of them; further ones know of the large ones' insides.
WALK, VECTORS_EACH = 5, 2

N_STARTS = 10

# Clusters that are tried where their number is not given, at most, and rows, at most,
# that say how well they are told apart.
MOST_CLUSTERS, SILHOUETTE_ROWS = 20, 2000


class Start(NamedTuple):
    """Clusters of codes as they are.

    Attributes
    ----------
    labels : ndarray of shape (n,)
    centers : ndarray of shape (n_clusters, n_components)
        Such that some row is nearest to each.
    length : float
        Root mean square distance of codes to the mean of their label's.
    neighbors : ndarray of shape (n, n_neighbors)
        Positions of rows.
    """

    labels: np.ndarray
    centers: np.ndarray
    length: float
    neighbors: np.ndarray


class CodeGraph(NamedTuple):
    """Each row's nearest neighbours among some of the rows.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        Positions of the rows that may be neighbours, in order.
    neighbors : ndarray of shape (n, n_neighbors)
        Positions of each row's neighbours among the rows.
    """

    nodes: np.ndarray
    neighbors: np.ndarray


def start_clusters(codes, weight, n_clusters, n_neighbors, seed):
    """Return the :class:`Start` from distinct rows' codes.

    Parameters
    ----------
    codes : ndarray of shape (n, n_components)
    weight : ndarray of shape (n,)
    n_clusters : int or "auto"
        At most the number of different codes.
    n_neighbors : int
    seed : int

    Returns
    -------
    start : Start
    """
    if n_clusters == "auto":
        n_clusters = count_clusters(codes, weight, seed)
    graph, labels = code_graph(codes, weight, n_neighbors), np.zeros(0)
    if graph.neighbors.shape[1]:
        labels = graph_labels(graph, weight, n_clusters, seed)
    # Of a handful of rows each is a neighbour of each, and the graph has no parts.
    if len(np.unique(labels)) < n_clusters:
        labels = k_means(codes, weight, n_clusters, seed).labels_
    share = np.eye(n_clusters)[labels] * weight[:, None]
    centers = share.T @ codes / share.sum(axis=0)[:, None]
    squares = np.square(codes - centers[labels]).sum(axis=1)
    # The nearest centre need not be that of the label.
    model = KMeans(n_clusters, init=centers, n_init=1).fit(codes, sample_weight=weight)
    return Start(
        labels,
        model.cluster_centers_,
        np.average(squares, weights=weight) ** 0.5 or 1.0,
        graph.neighbors,
    )


def code_graph(codes, weight, n_neighbors):
    """Return the :class:`CodeGraph` of distinct rows' codes."""
    nodes = np.arange(len(codes))
    if len(codes) > MOST_ROWS:
        nodes = np.unique(rows_by_weight(weight, nodes, MOST_ROWS))
    n_neighbors = min(n_neighbors, len(nodes) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(codes[nodes])
    found = nodes[search.kneighbors(codes, return_distance=False)]
    # A row is its own nearest neighbour, unless others have the same code.
    is_own = found == np.arange(len(codes))[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    return CodeGraph(nodes, found[~is_own].reshape(len(codes), n_neighbors))


def graph_spectrum(graph, weight, n_vectors, seed):
    """Return the largest eigenvalues and the eigenvectors of a graph's random walk.

    The graph's links are mutual, and weigh what both of their rows weigh; each row is
    linked weakly to all others, too.

    Returns
    -------
    values : ndarray of shape (n_vectors,)
        From the largest, which is 1.
    vectors : ndarray of shape (n_nodes, n_vectors)
        Of the symmetric form, of length 1.
    """
    mass = weight[graph.nodes] / weight[graph.nodes].mean()
    n, k = len(mass), graph.neighbors.shape[1]
    columns = np.searchsorted(graph.nodes, graph.neighbors[graph.nodes])
    links = sparse.csr_array(
        (np.ones(n * k), columns.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n)
    )
    links = sparse.diags_array(mass) @ (links + links.T) @ sparse.diags_array(mass)
    degree = links.sum(axis=1)
    background = TELEPORT * degree.sum() / mass.sum() ** 2
    degree = degree + background * mass.sum() * mass
    root = 1 / np.sqrt(degree)
    links = sparse.diags_array(root) @ links @ sparse.diags_array(root)
    mass = np.sqrt(background) * mass * root
    if n <= FEW_NODES or n_vectors >= n - 1:
        values, vectors = np.linalg.eigh(links.toarray() + np.outer(mass, mass))
        return values[::-1][:n_vectors], vectors[:, ::-1][:, :n_vectors]
    operator = LinearOperator(
        (n, n), matvec=lambda x: links @ x + mass * (mass @ x), dtype=np.float64
    )
    start = np.random.default_rng(seed).standard_normal(n)
    values, vectors = eigsh(operator, n_vectors, which="LA", v0=start)
    return values[::-1], vectors[:, ::-1]


def graph_labels(graph, weight, n_clusters, seed):
    """Return a cluster for each row: of rows from which walks lead to the same rows."""
    n_vectors = min(VECTORS_EACH * n_clusters, len(graph.nodes))
    values, vectors = graph_spectrum(graph, weight, n_vectors, seed)
    points = vectors * values.clip(min=0) ** WALK
    length = np.linalg.norm(points, axis=1, keepdims=True)
    points /= np.where(length > 0, length, 1.0)
    with warnings.catch_warnings():
        # Where all walks lead everywhere, which the caller finds out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = k_means(points, weight[graph.nodes], n_clusters, seed).labels_
    if len(graph.nodes) == len(graph.neighbors):
        return labels
    # Others are what most of their neighbours are.
    of_node = np.zeros(len(graph.neighbors), dtype=labels.dtype)
    of_node[graph.nodes] = labels
    votes = np.eye(n_clusters)[of_node[graph.neighbors]].sum(axis=1)
    of_node_or_most = votes.argmax(axis=1)
    of_node_or_most[graph.nodes] = labels
    return of_node_or_most


def k_means(points, weight, n_clusters, seed):
    """Return scikit-learn's k-means, fitted to weighted points."""
    model = KMeans(n_clusters, n_init=N_STARTS, random_state=seed)
    return model.fit(points, sample_weight=weight)


def count_clusters(codes, weight, seed):
    """Return the number of clusters of k-means whose mean silhouette is largest."""
    places = np.arange(len(codes))
    if len(codes) > SILHOUETTE_ROWS:
        places = np.unique(rows_by_weight(weight, places, SILHOUETTE_ROWS))
        weight = np.ones(len(weight))
    codes, weight = codes[places], weight[places]
    n_distinct = len(np.unique(codes, axis=0))
    widths = {}
    for n_clusters in range(2, min(MOST_CLUSTERS, n_distinct - 1) + 1):
        labels = k_means(codes, weight, n_clusters, seed).labels_
        widths[n_clusters] = np.average(
            silhouette_samples(codes, labels), weights=weight
        )
    return max(widths, key=widths.get, default=1)
