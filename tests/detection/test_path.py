import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_ae.detection import _path
from sklearn_ae.detection._path import path_shares

D = 6


@pytest.fixture
def ends():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, D))


def shares_of(score, start, end):
    of_start, of_end = score(start[None])[0], score(end[None])[0]
    return path_shares(score, start, end, of_start, of_end)


def linear(rows):
    return -rows @ np.arange(D)


def quadratic(rows):
    factor = np.random.default_rng(1).normal(size=(D, D))
    return -np.square(rows @ factor).sum(axis=1)


def bent(rows):
    return -np.log1p(np.square(rows).sum(axis=1)) + np.sin(rows[:, 0] * rows[:, 1])


def test_of_a_linear_score_shares_are_its_terms(ends):
    start, end = ends
    assert_allclose(shares_of(linear, *ends), np.arange(D) * (end - start), atol=1e-12)


def test_of_a_quadratic_score_shares_are_the_integral_itself(ends):
    # The gradient is linear on the way: its mean is that in the middle.
    start, end = ends
    factor = np.random.default_rng(1).normal(size=(D, D))
    gradient = 2 * factor @ factor.T @ (start + end) / 2
    assert_allclose(shares_of(quadratic, *ends), gradient * (end - start))


def test_of_a_bent_score_shares_are_near_the_integral(ends):
    start, end = ends
    t = (np.arange(2000)[:, None] + 0.5) / 2000
    path, step = start * (1 - t) + end * t, 1e-6
    gradient = [
        (bent(path + step * unit) - bent(path - step * unit)).mean() / (2 * step)
        for unit in np.eye(D)
    ]
    found = shares_of(bent, *ends)
    assert_allclose(found, -np.array(gradient) * (end - start), atol=0.01)
    assert np.ptp(found) > 0.1


@pytest.mark.parametrize("score", [linear, quadratic, bent])
def test_shares_sum_to_what_the_score_changes(ends, score):
    of_start, of_end = score(ends)
    assert shares_of(score, *ends).sum() == pytest.approx(of_start - of_end, abs=1e-12)


def test_columns_that_do_not_differ_have_no_share(ends):
    start, end = ends
    end[[1, 4]] = start[[1, 4]]
    assert (shares_of(quadratic, start, end)[[1, 4]] == 0).all()


def test_what_no_column_says_is_spread_evenly(ends):
    assert_allclose(path_shares(np.zeros_like, ends[0], ends[0], -1, -7), np.ones(D))


def test_equal_columns_share_alike(ends):
    start, end = ends
    start[1], end[1] = start[0], end[0]
    shares = shares_of(lambda rows: -np.square(rows[:, 0] + rows[:, 1]), start, end)
    assert shares[0] == shares[1]


def test_a_score_that_is_infinite_on_the_way_leaves_finite_shares(ends):
    def score(rows):
        return np.where(np.abs(rows[:, 2]) < 0.2, -np.inf, quadratic(rows))

    start, end = ends
    start[2], end[2] = -1, 1
    shares = shares_of(score, start, end)
    assert shares.sum() == pytest.approx(score(start[None])[0] - score(end[None])[0])


def test_the_size_of_blocks_changes_nothing(ends, monkeypatch):
    whole = shares_of(bent, *ends)
    sizes = []

    def spy(rows):
        sizes.append(len(rows))
        return bent(rows)

    monkeypatch.setattr(_path, "BLOCK_CELLS", 2 * 2 * _path.N_SEGMENTS * D)
    assert_allclose(shares_of(spy, *ends), whole, rtol=1e-12)
    assert sizes == [1, 1] + 3 * [2 * 2 * _path.N_SEGMENTS]
