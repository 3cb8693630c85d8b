import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae._lengths import SequenceScaling, fit_sequence_scaling
from sklearn_ae._sequences import as_rows

CPU = torch.device("cpu")


def sequences(n=30, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 8, size=n)
    parts = [rng.normal(size=(length, n_channels)) for length in lengths]
    return [part * [3, 0.5][:n_channels] + 10 for part in parts]


def rows_of(parts, width=7):
    return as_rows(parts, [len(part) for part in parts], width)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_units_are_those_of_the_steps_there_are(n_channels):
    parts = sequences(n_channels=n_channels)
    scaling, variance = fit_sequence_scaling(
        rows_of(parts), np.ones(len(parts)), n_channels
    )
    steps = np.concatenate(parts)
    assert_allclose(scaling.mean[:n_channels], steps.mean(axis=0))
    assert_allclose(scaling.std[:n_channels], steps.std(axis=0))
    assert len(variance) == len(scaling.mean) == 7 * n_channels + 1
    # All cells together have the variance of the steps, and the length has none.
    total = np.square(steps - steps.mean(axis=0)).sum() / len(parts)
    assert variance.sum() == pytest.approx(total)
    assert (variance[-1], scaling.mean[-1], scaling.std[-1]) == (0, 0, 1)


def test_weights_are_copies():
    parts, counts = sequences(6), np.array([1, 2, 1, 3, 1, 1])
    copies = [part for part, n in zip(parts, counts, strict=True) for _ in range(n)]
    one, variance = fit_sequence_scaling(rows_of(parts), counts.astype(float), 2)
    other, expected = fit_sequence_scaling(rows_of(copies), np.ones(9), 2)
    assert_allclose(one.mean, other.mean)
    assert_allclose(one.std, other.std)
    assert_allclose(variance, expected)


def test_constant_channels_do_not_vary():
    parts = [np.full((length, 2), [0.1, length]) for length in (3, 5)]
    scaling, variance = fit_sequence_scaling(rows_of(parts), np.ones(2), 2)
    assert scaling.std[0] == 1
    assert not variance[:-1].reshape(-1, 2)[:, 0].any()
    assert variance[1] > 0


@pytest.mark.parametrize("width", [7, 12])
def test_rows_of_any_width_there_and_back(width):
    parts = sequences()
    scaling, _ = fit_sequence_scaling(rows_of(parts), np.ones(30), 2)
    rows = rows_of(parts, width)
    there = scaling.standardize(rows, torch.float64, CPU)
    lengths = [len(part) for part in parts]
    assert_allclose(there[:, -1], lengths)
    for row, part in zip(there, parts, strict=True):
        expected = (part - scaling.mean[:2]) / scaling.std[:2]
        assert_allclose(row[: part.size], expected.ravel())
        assert not row[part.size : -1].any()
    assert_allclose(scaling.restore(there), rows, atol=1e-12)


def test_what_lies_behind_the_end_is_not_read():
    scaling = SequenceScaling(np.zeros(5), np.ones(5), 2)
    rows = np.array([[1.0, 2.0, np.nan, np.inf, 1.0]])
    assert scaling.standardize(rows, torch.float32, CPU).tolist() == [[1, 2, 0, 0, 1]]
    assert np.isnan(rows).any()  # the caller's rows stay as they are
