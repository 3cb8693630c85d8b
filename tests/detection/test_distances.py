import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from sklearn_ae.detection import References
from sklearn_ae.detection._distances import nearest_distances

RANKS = (2, 5, 1)


@pytest.fixture
def points():
    """Points, the first three of which are one, of shape (20, 4)."""
    points = np.random.default_rng(0).normal(size=(20, 4)) + 3
    points[1:3] = points[0]
    return points


@pytest.fixture
def rows():
    """Other rows around the same place, of shape (30, 4)."""
    return 2 * np.random.default_rng(1).normal(size=(30, 4)) + 3


def nearest(points, rows, ranks=RANKS, own=None):
    references = References(points)
    gaps = references.gaps(rows)
    if own is None:
        own = references.find(rows, gaps)
    return nearest_distances(rows, gaps, ranks, own)


def test_gaps_are_squared_distances_less_the_squares_of_rows(points, rows):
    gaps = References(points).gaps(rows)
    expected = cdist(rows, points, "sqeuclidean") - np.square(rows).sum(axis=1)[:, None]
    assert_allclose(gaps, expected, atol=1e-12)


def test_points_lie_side_by_side_in_memory(points):
    assert References(points[:, ::2]).points.flags.c_contiguous


def test_distances_of_other_rows_are_scipys(points, rows):
    expected = np.sort(cdist(rows, points), axis=1)
    assert_allclose(nearest(points, rows), expected[:, np.array(RANKS) - 1])


def test_a_point_is_not_its_own_neighbour_and_its_copies_are(points):
    # Of three equal points each has the two others at no distance.
    distances = np.sort(cdist(points, points), axis=1)[:, 1:]
    assert_allclose(distances[:3, :2], 0)
    ranks = (1, 2, 3)
    assert_allclose(nearest(points, points, ranks), distances[:, :3], atol=1e-12)
    told = nearest(points, points, ranks, own=np.arange(20))
    assert_allclose(told, distances[:, :3], atol=1e-12)


def test_distances_of_nothing_are_zero_and_no_rounding_error(points):
    far = points + 1e4
    assert_array_equal(nearest(far, far, (1,))[:3], 0)
    assert (nearest(far, far, (1,))[3:] > 0).all()


def test_rows_are_found_among_the_points(points, rows):
    mixed = np.vstack([rows[:5], points[7:9], rows[5:6], points[1:2]])
    references = References(points)
    own = references.find(mixed, references.gaps(mixed))
    assert_array_equal(own[[0, 1, 2, 3, 4, 7]], -1)
    assert_array_equal(own[[5, 6]], [7, 8])
    assert own[8] in {0, 1, 2}


def test_rows_in_float32_are_found(points):
    rounded = points.astype(np.float32).astype(np.float64)
    assert (rounded != points).any(axis=1).all()
    own = References(points).find(rounded, References(points).gaps(rounded))
    assert_array_equal(own[3:], np.arange(3, 20))


def test_rows_close_by_are_not_taken_for_points(points):
    near = points + 1e-5
    own = References(points).find(near, References(points).gaps(near))
    assert_array_equal(own, -1)


def test_a_row_does_not_depend_on_the_others(points, rows):
    mixed = np.vstack([rows, points])
    alone = np.vstack([nearest(points, row[None]) for row in mixed])
    assert_allclose(nearest(points, mixed), alone, rtol=1e-12, atol=1e-12)


def test_ranks_come_in_any_order(points, rows):
    forward = nearest(points[2:], rows, (1, 2, 5))
    assert_array_equal(nearest(points[2:], rows, (5, 2, 1)), forward[:, ::-1])
    assert (np.diff(forward, axis=1) > 0).all()


def test_of_too_few_points_the_farthest_but_one_is_taken(points, rows):
    # Of those that are points themselves there is one less, and all are treated alike.
    points = points[3:6]
    expected = np.sort(cdist(rows, points), axis=1)[:, 1]
    assert_allclose(nearest(points, rows, (2, 9))[:, 1], expected)
    expected = np.sort(cdist(points, points), axis=1)[:, 2]
    assert_allclose(nearest(points, points, (9,))[:, 0], expected)


@pytest.mark.parametrize("size", [1e10, 1e150, 1e160, 1e250, 1e308, np.inf, np.nan])
def test_rows_beyond_the_range_of_floats_are_as_far_as_can_be(points, rows, size):
    rows[4] = size
    distances = nearest(points, rows)
    expected = 2 * size if size < 1e154 else np.inf
    assert_allclose(distances[4], expected, rtol=1e-9)
    others = np.arange(30) != 4
    assert_allclose(distances[others], nearest(points, rows[others]))
