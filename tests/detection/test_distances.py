import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from sklearn_ae.detection import References, _distances
from sklearn_ae.detection._distances import kth_distances, power_for, smallest


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


def nearest(points, rows, own=None, wary=False):
    references = References(points, wary)
    gaps = references.gaps(rows)
    if own is None:
        own = references.find(gaps)
    return references.distances(gaps, own)


def kth(points, rows, rank, own=None):
    references = References(points)
    gaps = references.gaps(rows)
    if own is None:
        own = references.find(gaps)
    return kth_distances(gaps, [rank], own)[0]


# -- squares and places


def test_gaps_are_squared_distances(points, rows):
    squares, lengths = References(points).gaps(rows)
    assert_allclose(squares, cdist(rows, points, "sqeuclidean"), atol=1e-12)
    assert_allclose(lengths, np.square(rows).sum(axis=1))


def test_points_are_those_given(points):
    assert_array_equal(References(points[:, ::2]).points, points[:, ::2])


def test_rows_are_found_among_the_points(points, rows):
    mixed = np.vstack([rows[:5], points[7:9], rows[5:6], points[1:2]])
    references = References(points)
    own = references.find(references.gaps(mixed))
    assert_array_equal(own[[0, 1, 2, 3, 4, 7]], -1)
    assert_array_equal(own[[5, 6]], [7, 8])
    assert own[8] in {0, 1, 2}


def test_rows_in_float32_are_found(points):
    rounded = points.astype(np.float32).astype(np.float64)
    assert (rounded != points).any(axis=1).all()
    own = References(points).find(References(points).gaps(rounded))
    assert_array_equal(own[3:], np.arange(3, 20))


def test_rows_close_by_are_not_taken_for_points(points):
    near = points + 1e-5
    own = References(points).find(References(points).gaps(near))
    assert_array_equal(own, -1)


@pytest.mark.parametrize("mean", [1e3, 1e4])
def test_rows_of_large_means_in_float32_are_found_by_their_rounding(mean, points):
    rounded = (points + mean).astype(np.float32).astype(np.float64) - mean
    references = References(points)
    gaps, rounding = references.gaps(rounded), 2 * np.finfo(np.float32).eps * mean
    assert_array_equal(references.find(gaps), -1)
    assert_array_equal(references.find(gaps, rounding)[3:], np.arange(3, 20))
    # Of four columns twice as much as of one.
    assert_array_equal(references.find(references.gaps(points + rounding)), -1)


def test_rows_farther_apart_than_a_hundredth_are_two_whatever_rounding(points):
    references = References(points)
    for share, expected in ((0.009, np.arange(3, 20)), (0.011, -1)):
        near = points + share * references.unit * np.eye(4)[0]
        own = references.find(references.gaps(near), 1e9)
        assert_array_equal(own[3:], expected)


# -- the nearest of all


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_distances_of_other_rows_are_scipys(rank, points, rows):
    expected = np.sort(cdist(rows, points), axis=1)
    assert_allclose(nearest(points, rows), expected[:, :3].mean(axis=1))
    assert_allclose(kth(points, rows, rank), expected[:, rank - 1])


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("n_columns", [3, 1000])
def test_the_smallest_are_those_of_a_sort(n_columns, count):
    values = np.random.default_rng(0).normal(size=(7, n_columns))
    values[0] = 1.0
    values[2, 1:] = np.inf
    expected = np.sort(values, axis=1)[:, :count]
    assert_array_equal(smallest(values, count), expected)


def test_of_few_points_there_are_fewer_nearest(points, rows):
    expected = np.sort(cdist(rows, points[3:6]), axis=1)[:, :2].mean(axis=1)
    assert_allclose(nearest(points[3:6], rows), expected)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_point_is_not_its_own_neighbour_and_its_copies_are(rank, points):
    # Of three equal points each has the two others at no distance.
    distances = np.sort(cdist(points, points), axis=1)[:, 1:]
    assert_allclose(distances[:3, :2], 0)
    for own in (None, np.arange(20)):
        expected = distances[:, rank - 1]
        assert_allclose(kth(points, points, rank, own), expected, atol=1e-12)
        expected = distances[:, :3].mean(axis=1)
        assert_allclose(nearest(points, points, own), expected, atol=1e-12)


@pytest.mark.parametrize("wary", [False, True])
def test_distances_of_nothing_are_zero_and_no_rounding_error(wary, points):
    far = points[[0] * 15 + [5, 6, 7]] + 1e4
    assert_array_equal(nearest(far, far, wary=wary)[:15], 0)
    assert (nearest(far, far, wary=wary)[15:] > 0).all()


@pytest.mark.parametrize("wary", [False, True])
def test_a_row_does_not_depend_on_the_others(wary, points, rows):
    mixed = np.vstack([rows, points])
    alone = [nearest(points, row[None], wary=wary)[0] for row in mixed]
    together = nearest(points, mixed, wary=wary)
    assert_allclose(together, alone, rtol=1e-12, atol=1e-12)


def test_distances_of_several_ranks_are_those_of_each(points, rows):
    for ranks in ([1, 5, 9], [9, 1, 5], [3, 3], [20, 40]):
        gaps = References(points).gaps(rows)
        expected = [kth(points, rows, rank) for rank in ranks]
        assert_array_equal(kth_distances(gaps, ranks, np.full(30, -1)), expected)


def test_of_too_few_points_the_farthest_but_one_is_taken(points, rows):
    # Of those that are points themselves there is one less, and all are treated alike.
    points = points[3:6]
    expected = np.sort(cdist(rows, points), axis=1)[:, 1]
    assert_allclose(kth(points, rows, 9), expected)
    expected = np.sort(cdist(points, points), axis=1)[:, 2]
    assert_allclose(kth(points, points, 9), expected)


@pytest.mark.parametrize(("wary", "range_"), [(False, 1e154), (True, 1e38)])
@pytest.mark.parametrize("size", [1e10, 1e37, 1e150, 1e160, 1e308, np.inf, np.nan])
def test_rows_beyond_the_range_of_floats_are_as_far_as_can_be(
    wary, range_, points, rows, size
):
    rows[4] = size
    distances = nearest(points, rows, wary=wary)
    # All points are as far from it, but for their scales.
    scale = np.sort(References(points, wary).scales)[:3].mean()
    expected = 2 * size * scale if size < range_ else np.inf
    assert_allclose(distances[4], expected, rtol=1e-9)
    others = np.arange(30) != 4
    assert_allclose(distances[others], nearest(points, rows[others], wary=wary))


# -- points far from the others


def reach_by_hand(points):
    """How far points lie from the central ones, as a multiple of the median."""
    apart = cdist(points, points) + np.diag([np.inf] * len(points))
    first = np.sort(apart, axis=1)[:, round(2 * len(points) ** 0.5) - 1]
    central = first <= np.quantile(first, 0.75)
    reach = np.sort(apart[:, central], axis=1)[:, round(2 * central.sum() ** 0.5) - 1]
    return reach / np.median(reach)


def heights_by_hand(points):
    """The formulas of the class: how far points count, which are far, their scales."""
    apart = cdist(points, points) + np.diag([np.inf] * len(points))
    relative = reach_by_hand(points)
    local = np.sort(apart, axis=1)[:, 9]
    scales = (np.median(local) / local) ** 0.25
    quartile = np.quantile(relative, 0.25) / np.median(relative)
    power = np.clip(np.log(0.5) / np.log(quartile), 1, 2)
    return np.median(apart.min(axis=1)) * relative**power, relative > 2, scales


def raised(distances, heights, scales):
    distances = (distances**8 + heights**8) ** 0.125 * scales
    return np.sort(distances, axis=1)[:, :3].mean(axis=1)


def test_far_points_count_as_far(points, rows):
    points[:3] = [[50] * 4, [50.1] * 4, [50.2] * 4]
    heights, is_far, scales = heights_by_hand(points)
    references = References(points)
    assert_allclose(references.heights, heights)
    assert_allclose(references.scales, scales)
    assert_array_equal(references.is_far, is_far)
    assert_array_equal(np.flatnonzero(is_far), [0, 1, 2])
    mixed = np.vstack([rows, [[50.05] * 4]])
    distances = nearest(points, mixed, wary=True)
    assert_allclose(distances, raised(cdist(mixed, points), heights, scales))
    assert distances[30] > 20 > 1 > nearest(points, mixed)[30]


@pytest.mark.parametrize(
    ("quartile", "expected"),
    [(1, 2), (0.9, 2), (0.71, 2), (0.6, 1.357), (0.5, 1), (0.2, 1), (0.1, 2), (0, 2)],
)
def test_the_power_leaves_the_lower_quartile_a_half(quartile, expected):
    relative = np.repeat([quartile, 1, 1.1], [30, 40, 30])
    assert power_for(relative) == pytest.approx(expected, abs=1e-3)
    if 0.5 <= quartile < 0.7:
        assert quartile ** power_for(relative) == pytest.approx(0.5)


def uneven(rng, n_points=400):
    """Points of which half lie 5 times as far apart as the others."""
    points = rng.normal(size=(n_points, 3))
    points[: n_points // 2] *= 5
    return points


def power_of(points):
    return power_for(reach_by_hand(points))


def even(rng, n_points=400):
    """Points of one density, by and large."""
    return rng.normal(size=(n_points, 3))


@pytest.mark.parametrize(("make", "n_outliers"), [(even, 20), (even, 80), (uneven, 20)])
def test_outliers_do_not_decide_on_the_power(make, n_outliers):
    rng = np.random.default_rng(0)
    points, outliers = make(rng), rng.uniform(-100, 100, size=(n_outliers, 3))
    power = power_of(np.vstack([points, outliers]))
    assert power == pytest.approx(power_of(points), rel=0.2)


@pytest.mark.parametrize("n_copies", [80, 110, 190])
def test_copies_do_not_decide_on_the_power(n_copies):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    points[:n_copies] = points[0]
    assert power_of(points) == 2
    points[:n_copies] += 1e-6 * rng.normal(size=(n_copies, 3))
    assert power_of(points) == 2


def test_a_group_of_outliers_is_far_beside_many_copies():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    points[:150] = points[0]
    points = np.vstack([points, 8 + 0.01 * rng.normal(size=(30, 3))])
    new = 8 + 0.01 * rng.normal(size=(5, 3))
    unit = References(points).unit
    assert nearest(points, new, wary=True).min() > 10 * unit
    assert nearest(points, new).max() < 0.1 * unit


@pytest.mark.parametrize(("make", "least", "most"), [(even, 2, 2), (uneven, 1, 1.7)])
def test_where_density_varies_points_count_as_less_far(make, least, most):
    points = make(np.random.default_rng(1))
    references, relative = References(points), reach_by_hand(points)
    heights = references.heights / np.median(references.heights)
    power = np.log(heights.max()) / np.log(relative.max())
    assert least <= round(power, 3) <= most
    assert power == pytest.approx(power_for(relative), rel=1e-3)


def test_points_lie_as_dense_as_can_be_from_a_tenth_of_what_is_usual():
    points = np.random.default_rng(0).normal(size=(40, 3))
    points[:12] = points[0]  # ten of the others are copies of each
    apart = cdist(points, points) + np.diag([np.inf] * 40)
    local = np.sort(apart, axis=1)[:, 9]
    scales = References(points).scales
    assert_allclose(scales[:12], 10**0.25)
    assert_allclose(scales[12:], (np.median(local) / local[12:]) ** 0.25)
    assert_array_equal(References(points, wary=False).scales, 1)
    assert_array_equal(References(points[:12]).scales, 1)


def test_a_group_of_far_points_does_not_vouch_for_itself(points, monkeypatch):
    rng = np.random.default_rng(2)
    group = 12 + 0.8 * rng.normal(size=(25, 4))
    points = np.vstack([rng.normal(size=(100, 4)), group])
    expected = np.repeat([False, True], [100, 25])
    assert_array_equal(References(points).is_far, expected)
    # Among all points each has more of its own kind than the rank that is asked for.
    monkeypatch.setattr(_distances, "CENTRAL", 1.0)
    assert References(points).is_far.sum() < 5


def test_of_equal_points_all_are_central_or_none():
    rng = np.random.default_rng(0)
    # The cut lies among the copies of one, which differ in their last digits.
    points = np.repeat(rng.normal(size=(7, 3)), 8, axis=0)
    heights = References(points).heights
    for _ in range(10):
        noisy = points * (1 + 1e-14 * rng.normal(size=points.shape))
        assert_allclose(References(noisy).heights, heights, rtol=1e-6)


def test_rows_among_the_points_do_not_tie(points):
    rows = points[5] + np.linspace(0.1, 0.2, 50)[:, None]
    distances = nearest(points, rows, wary=True)
    assert len(np.unique(distances)) == 50


def test_the_unit_is_the_median_distance_of_the_points(points):
    apart = cdist(points, points) + np.diag([np.inf] * 20)
    expected = np.median(np.sort(apart, axis=1)[:, :3].mean(axis=1))
    assert References(points, wary=False).unit == pytest.approx(expected)
    heights, _, scales = heights_by_hand(points)
    expected = np.median(raised(apart, heights, scales))
    assert References(points).unit == pytest.approx(expected)


@pytest.mark.parametrize("wary", [False, True])
def test_where_most_points_are_equal_there_is_a_unit(wary, points):
    points[:15] = points[0]
    apart = cdist(points, points) + np.diag([np.inf] * 20)
    references = References(points, wary)
    assert 0 < references.unit < np.inf
    if not wary:
        expected = np.sort(apart, axis=1)[:, :3].mean()
        assert references.unit == pytest.approx(expected)
    assert References(points[:15], wary).unit == 1
    assert not References(points[:15], wary).is_far.any()
