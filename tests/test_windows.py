"""Windows: a grid that covers every step, and periods that are told."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._windows import (
    BLOCK_CELLS,
    DEFAULT_WINDOW,
    MIN_WINDOW,
    StepMean,
    blocks_of_windows,
    continued,
    cut,
    dominant_period,
    starts_back,
    starts_on,
    window_for,
)

GRIDS = [(10, 3, 1), (10, 3, 3), (11, 4, 3), (5, 5, 2), (100, 7, 5)]


@pytest.mark.parametrize(("n_steps", "window", "stride"), GRIDS)
def test_windows_cover_all_and_end_with_the_series(n_steps, window, stride):
    starts = starts_back(n_steps, window, stride)
    assert starts[0] == 0
    assert starts[-1] == n_steps - window
    assert np.all(np.diff(starts) > 0)
    assert np.all(np.diff(starts)[1:] == stride)
    covered = starts[:, None] + np.arange(window)
    assert_array_equal(np.unique(covered), np.arange(n_steps))


@pytest.mark.parametrize(("n_steps", "window", "stride"), GRIDS)
def test_windows_on_from_the_first_step(n_steps, window, stride):
    starts = starts_on(n_steps, window, stride)
    assert starts[0] == 0
    assert starts[-1] + window <= n_steps < starts[-1] + window + stride
    assert not len(starts_on(window - 1, window, stride))


def test_windows_hold_the_steps_they_begin_with():
    X = np.random.default_rng(0).normal(size=(20, 3))
    starts = np.array([0, 4, 15])
    for window, start in zip(cut(X, starts, 5), starts, strict=True):
        assert_array_equal(window, X[start : start + 5])


@pytest.mark.parametrize(("n_steps", "window", "stride"), GRIDS)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_mean_over_windows(n_steps, window, stride, shape):
    starts = starts_back(n_steps, window, stride)
    values = np.random.default_rng(0).normal(size=(len(starts), window, *shape))
    mean = StepMean(n_steps, shape)
    for some in np.array_split(np.arange(len(starts)), 2):
        mean.add(values[some], starts[some])
    for step, result in enumerate(mean.result()):
        which = np.flatnonzero((starts <= step) & (step < starts + window))
        expected = values[which, step - starts[which]].mean(axis=0)
        assert_allclose(result, expected, rtol=1e-12)


def test_short_segments_are_mirrored():
    X = np.array([[1.0], [2.0], [3.0]])
    assert continued(X, 7)[:, 0].tolist() == [1, 2, 3, 2, 1, 2, 3]
    assert continued(X[:1], 3)[:, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("n_cells", [1, 1000, 2 * BLOCK_CELLS])
def test_blocks_are_bounded(n_cells):
    starts = np.arange(5000)
    parts = list(blocks_of_windows(starts, n_cells))
    assert_array_equal(np.concatenate(parts), starts)
    assert max(map(len, parts)) <= max(1, BLOCK_CELLS // n_cells)


def wave(period, n_steps=2000, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    X = np.sin(2 * np.pi * np.arange(n_steps) / period)
    X = X + noise * rng.normal(size=n_steps)
    return ((X - X.mean()) / X.std())[:, None]


@pytest.mark.parametrize("period", [7, 24, 50, 168])
@pytest.mark.parametrize("seed", range(3))
def test_period_of_a_wave(period, seed):
    found = dominant_period([wave(period, seed=seed)], 400)
    # Noise may prefer a multiple.
    nearest = period * max(1, round(found / period))
    assert abs(found - nearest) <= 1 + nearest // 50


def test_period_is_told_from_all_channels_and_segments():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2000, 1))
    both = np.hstack([noise, wave(24, noise=0.1)])
    assert dominant_period([both[:900], both[900:]], 30) == 24


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).normal(size=(2000, 1)),
        np.zeros((2000, 2)),
        np.arange(2000.0)[:, None] / 2000 - 0.5,
    ],
    ids=["noise", "constant", "ramp"],
)
def test_there_may_be_no_period(X):
    assert dominant_period([X], 400) is None
    assert window_for([X]) == (DEFAULT_WINDOW, None)


@pytest.mark.parametrize("period", [7, 24, 120])
def test_windows_hold_whole_periods(period):
    window, found = window_for([wave(period, noise=0.01)])
    assert window % found == 0
    assert MIN_WINDOW <= window < MIN_WINDOW + found


@pytest.mark.parametrize("n_steps", [2, 3, 7, 40])
def test_windows_of_short_series_are_short(n_steps):
    window, _ = window_for([wave(5, n_steps=n_steps)])
    assert window == max(1, n_steps // 4)
