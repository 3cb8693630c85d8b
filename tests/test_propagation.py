import numpy as np
import pytest

from sklearn_ae._propagation import certainty_of, neighbor_graph, spread_labels


@pytest.fixture
def points():
    """Two clouds far from each other, of 30 points each."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(30, 3)), rng.normal(20, 1, size=(30, 3))])


def graph_of(points, weight=None, **kwargs):
    weight = np.ones(len(points)) if weight is None else weight
    return neighbor_graph(points, weight, **kwargs)


def test_a_graph_is_symmetric_and_normalised(points):
    dense = graph_of(points).toarray()
    assert np.allclose(dense, dense.T)
    assert np.all(dense.diagonal() == 0)
    assert np.linalg.eigvalsh(dense).max() == pytest.approx(1)


def test_points_have_the_neighbours_that_are_nearest(points):
    dense = graph_of(points, n_neighbors=4).toarray() > 0
    for i, row in enumerate(dense):
        distances = np.linalg.norm(points - points[i], axis=1)
        assert row[np.argsort(distances)[1:5]].all()


def test_fewer_points_than_neighbours_are_all_neighbours(points):
    assert (graph_of(points[:4]).toarray() > 0).sum() == 12


def test_points_in_one_place_are_neighbours(points):
    points[:] = 1.0
    graph = graph_of(points, n_neighbors=3)
    assert np.all(np.isfinite(graph.data))


def test_a_weight_is_what_a_point_counts_among_neighbours(points):
    weight = np.ones(len(points))
    weight[0] = 3.0
    even, uneven = graph_of(points).toarray(), graph_of(points, weight).toarray()
    near = np.flatnonzero(even[0])
    # One of its neighbours hears more of it, beside another.
    other = np.flatnonzero(even[near[0]])
    other = other[(other != 0) & ~np.isin(other, near)][0]
    gain = (uneven[near[0], 0] / even[near[0], 0]) / (
        uneven[near[0], other] / even[near[0], other]
    )
    assert gain > 1.2
    assert np.allclose(graph_of(points, 5 * weight).toarray(), uneven)


def test_labels_solve_the_equation(points):
    graph = graph_of(points)
    labels = np.zeros((60, 2))
    labels[0, 0], labels[40, 1] = 1, 2
    exact = 0.1 * np.linalg.solve(np.eye(60) - 0.9 * graph.toarray(), labels)
    assert np.allclose(spread_labels(graph, labels, 0.9), exact, atol=1e-6)


def test_labels_are_what_passing_them_on_comes_to(points):
    labels = np.zeros((60, 2))
    labels[[0, 1], 0] = labels[[2, 3], 1] = 1
    graph, passed = graph_of(points, n_neighbors=5), labels
    for _ in range(500):
        passed = 0.9 * (graph @ passed) + 0.1 * labels
    assert np.allclose(spread_labels(graph, labels, 0.9), passed, atol=1e-6)


def test_labels_stay_in_their_cloud(points):
    labels = np.zeros((60, 2))
    labels[0, 0], labels[40, 1] = 1, 1
    spread = spread_labels(graph_of(points, n_neighbors=5), labels)
    assert np.all(spread[:30].argmax(axis=1) == 0)
    assert np.all(spread[30:].argmax(axis=1) == 1)


def test_no_label_reaches_nobody(points):
    assert not spread_labels(graph_of(points), np.zeros((60, 2))).any()


def test_certainty_is_between_none_and_all():
    shares = np.array([[1.0, 0.0, 0.0], [1 / 3] * 3, [0.5, 0.5, 0.0], [0.0] * 3])
    sure = certainty_of(shares)
    assert sure[:2] == pytest.approx([1, 0])
    assert sure[2] == pytest.approx(1 - np.log(2) / np.log(3))
