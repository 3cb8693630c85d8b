"""The graph of codes, its parts, and how many there are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs, make_circles
from sklearn.metrics import adjusted_rand_score

from sklearn_ae import _code_graph
from sklearn_ae._code_graph import (
    code_graph,
    count_clusters,
    graph_labels,
    graph_spectrum,
    start_clusters,
)


@pytest.fixture
def rings():
    """Two rings, one in the other, shape (300, 2), and the ring of each row."""
    return make_circles(300, factor=0.4, noise=0.03, random_state=0)


def test_neighbours_are_the_nearest(rings):
    X, _ = rings
    graph = code_graph(X, np.ones(300), 4)
    distances = np.linalg.norm(X[:, None] - X, axis=2)
    expected = np.argsort(distances, axis=1)[:, 1:5]
    assert_array_equal(graph.neighbors, expected)
    assert_array_equal(graph.nodes, np.arange(300))


def test_no_row_is_its_own_neighbour():
    codes = np.repeat([[0.0], [1.0]], 4, axis=0)  # of distinct rows
    graph = code_graph(codes, np.ones(8), 3)
    assert graph.neighbors.shape == (8, 3)
    assert not np.any(graph.neighbors == np.arange(8)[:, None])


def test_there_are_no_more_neighbours_than_rows():
    assert code_graph(np.eye(3), np.ones(3), 10).neighbors.shape == (3, 2)
    assert code_graph(np.eye(3), np.ones(3), 0).neighbors.shape == (3, 0)


def test_of_many_rows_some_are_nodes(rings, monkeypatch):
    X, ring = rings
    monkeypatch.setattr(_code_graph, "MOST_ROWS", 200)
    graph = code_graph(X, np.ones(300), 5)
    assert len(graph.nodes) == 200
    assert np.isin(graph.neighbors, graph.nodes).all()
    assert not np.any(graph.neighbors == np.arange(300)[:, None])
    labels = graph_labels(graph, np.ones(300), 2, 0)
    assert adjusted_rand_score(ring, labels) > 0.98


def test_iterations_find_the_same_spectrum(rings, monkeypatch):
    X, _ = rings
    weight = np.linspace(0.5, 2, 300)
    graph = code_graph(X, weight, 10)
    values, vectors = graph_spectrum(graph, weight, 4, 0)
    assert_allclose(values[0], 1)
    assert np.all(np.diff(values) <= 0)
    monkeypatch.setattr(_code_graph, "FEW_NODES", 10)
    other_values, other = graph_spectrum(graph, weight, 4, 0)
    assert_allclose(other_values, values)
    assert_allclose(np.abs((vectors * other).sum(axis=0)), np.ones(4), atol=1e-6)


def test_the_scale_of_weights_does_not_count(rings):
    X, _ = rings
    weight = np.linspace(0.5, 2, 300)
    graph = code_graph(X, weight, 10)
    values, _ = graph_spectrum(graph, weight, 4, 0)
    assert_allclose(graph_spectrum(graph, 1e9 * weight, 4, 0)[0], values)


def test_clusters_need_not_be_round(rings):
    X, ring = rings
    weight = np.ones(300)
    labels = start_clusters(X, weight, 2, 10, 0).labels
    assert adjusted_rand_score(ring, labels) == 1
    alone = start_clusters(X, weight, 2, 0, 0).labels
    assert adjusted_rand_score(ring, alone) < 0.1


def test_a_few_rows_far_out_are_no_cluster():
    X, y = make_blobs(300, centers=[[0, 0], [6, 0]], random_state=0)
    X = np.vstack([X, np.random.default_rng(0).normal([100, 100], 0.1, (12, 2))])
    labels = start_clusters(X, np.ones(312), 2, 10, 0).labels
    assert adjusted_rand_score(y, labels[:300]) > 0.95


def test_the_start_is_of_means(rings):
    X, _ = rings
    weight = np.linspace(1, 3, 300)
    start = start_clusters(X, weight, 3, 0, 0)
    for label in range(3):
        own = start.labels == label
        mean = np.average(X[own], axis=0, weights=weight[own])
        assert_allclose(start.centers[label], mean)
    squares = np.square(X - start.centers[start.labels]).sum(axis=1)
    assert_allclose(start.length**2, np.average(squares, weights=weight))


@pytest.mark.parametrize("n_blobs", [2, 5])
@pytest.mark.parametrize("most", [2000, 150])
def test_blobs_are_counted(n_blobs, most, monkeypatch):
    monkeypatch.setattr(_code_graph, "SILHOUETTE_ROWS", most)
    X, _ = make_blobs(300, n_features=8, centers=n_blobs, random_state=0)
    assert count_clusters(X, np.ones(300), 0) == n_blobs


def test_each_row_may_be_a_cluster(rings):
    labels = start_clusters(rings[0][:40], np.ones(40), 40, 5, 0).labels
    assert len(np.unique(labels)) == 40


def test_equal_codes_are_no_clusters():
    codes = np.repeat(np.eye(3), 4, axis=0)
    assert count_clusters(codes, np.ones(12), 0) == 2


def test_of_two_rows_there_is_one_cluster():
    assert count_clusters(np.eye(2), np.ones(2), 0) == 1
