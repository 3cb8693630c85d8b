import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae.detection._expected import N_NEAREST, TypicalRows
from sklearn_ae.training import fit_scaling


@pytest.fixture
def groups():
    """Two groups of 60 rows, around -5 and 5 in all six columns."""
    rng = np.random.default_rng(0)
    return np.repeat([-5.0, 5.0], 60)[:, None] + 0.1 * rng.normal(size=(120, 6))


def typical(rows, weight=None, score=lambda rows: np.zeros(len(rows))):
    weight = np.ones(len(rows)) if weight is None else weight
    return TypicalRows(rows, weight, score, fit_scaling)


def expect(rows, row, *how):
    return typical(rows, *how).expect(np.asarray(row))[0]


def test_rows_like_it_are_what_is_expected(groups):
    assert_allclose(expect(groups, groups[3]), np.full(6, -5), atol=0.2)
    assert_allclose(expect(groups, groups[-3]), np.full(6, 5), atol=0.2)


@pytest.mark.parametrize("far", [5.0, 50.0, 1e6, 1e200, -1e308])
def test_a_column_far_out_does_not_pick_the_rows(groups, far):
    row = groups[3].copy()
    row[2] = far
    assert_allclose(expect(groups, row), np.full(6, -5), atol=0.2)


def test_it_is_the_mean_of_the_nearest_rows():
    rows = np.arange(100.0)[:, None]
    assert expect(rows, [50.2]) == 50.5
    assert expect(rows, [1e9]) == 99.5 - N_NEAREST / 2


def test_weights_count_in_the_mean():
    rows, weight = np.arange(10.0)[:, None], np.ones(10)
    weight[9] = 11
    assert_allclose(expect(rows, [0.0], weight), (36 + 99) / 20)


def test_rows_with_the_lowest_scores_are_not_trusted(groups):
    groups[:, 0] = np.arange(120)
    found = typical(groups, score=lambda rows: rows[:, 0])
    assert_array_equal(found.rows, groups[11:])
    # With a weight each, the tail is a share of these.
    weight = np.ones(120)
    weight[0] = 1000
    found = typical(groups, weight, lambda rows: rows[:, 0])
    assert_array_equal(found.rows, groups)


def test_a_mean_that_is_an_outlier_gives_way_to_the_nearest_row():
    # Categories: between them there is nothing.
    rows = np.tile(np.diag([1, 1.1, 1.2])[:2], (5, 1))

    def score(rows):
        return -np.abs(rows[:, :, None] - [0, 1, 1.1, 1.2]).min(axis=2).sum(axis=1)

    row = np.array([0.9, 0.8, 0.0])
    assert_allclose(expect(rows, row), [0.5, 0.55, 0.0])
    expected, of_expected = typical(rows, score=score).expect(row)
    assert_array_equal(expected, [1, 0, 0])
    assert of_expected == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_has_the_precision_of_the_row_and_the_score_of_what_is_returned(dtype):
    rows = np.random.default_rng(0).normal(size=(50, 3))

    def score(rows):
        assert rows.dtype == np.float64
        return -np.square(rows).sum(axis=1)

    expected, of_expected = typical(rows, score=score).expect(rows[0].astype(dtype))
    assert expected.dtype == dtype
    assert of_expected == score(expected[None].astype(np.float64))[0]


def test_units_do_not_matter(groups):
    unit = 10.0 ** np.arange(-3, 3)
    rows = groups + np.random.default_rng(1).normal(size=groups.shape)
    one, other = typical(rows), typical(rows * unit)
    for row in rows[::10]:
        assert_allclose(other.expect(row * unit)[0], one.expect(row)[0] * unit)


def test_equal_values_are_expected_as_they_are():
    rows = np.full((30, 2), 0.1)
    rows[:, 1] = np.arange(30)
    weight = np.random.default_rng(0).uniform(0.1, 1, size=30)
    assert expect(rows, [7.0, 3.0], weight)[0] == 0.1


def test_few_rows_are_enough():
    assert_array_equal(expect(np.ones((2, 3)), np.zeros(3)), np.ones(3))
