import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_ae.training import _rows, fit_scaling
from sklearn_ae.training._scaling import Scaling, column_moments, copied_to

CPU = torch.device("cpu")


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 3)) * [1, 1e-9, 1e9] + [0, 1, 1e10]


@pytest.fixture
def weight():
    return np.random.default_rng(1).integers(1, 4, size=50).astype(float)


@pytest.mark.parametrize("block_rows", [1, 7, 1000])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array, np.asfortranarray])
def test_moments_do_not_depend_on_blocks_or_on_what_holds_the_rows(
    X, weight, block_rows, wrap, monkeypatch
):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", block_rows)
    mean, variance = column_moments(wrap(X), weight)
    expected = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=1e-13, atol=1e-13)
    spread = np.average((X - expected) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(variance, spread, rtol=1e-6)


def test_moments_keep_their_digits_far_from_zero(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 10)
    x = np.random.default_rng(0).normal(size=(500, 1)).round(3)
    _, variance = column_moments(x + 2.0**30, np.ones(500))
    np.testing.assert_allclose(variance, x.var(axis=0), rtol=1e-6)


def test_a_block_of_weight_zero_changes_nothing(X, weight, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 10)
    weight[:20] = 0
    for ours, expected in zip(
        column_moments(X, weight), column_moments(X[20:], weight[20:]), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_a_weight_is_a_number_of_repetitions(X, weight):
    repeated = np.repeat(X, weight.astype(int), axis=0)
    weighted, variance = fit_scaling(X, weight)
    plain, plain_variance = fit_scaling(repeated, np.ones(len(repeated)))
    np.testing.assert_allclose(weighted.mean, plain.mean, rtol=1e-13)
    np.testing.assert_allclose(weighted.std, plain.std, rtol=1e-6)
    np.testing.assert_allclose(variance, plain_variance, rtol=1e-6)


def test_standardised_rows_have_mean_zero_and_spread_one(X):
    scaling, variance = fit_scaling(X, np.ones(50))
    rows = scaling.standardize(X, torch.float64, CPU).numpy()
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(rows.std(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(variance, scaling.std**2)


def test_restore_undoes_standardize(X):
    scaling, _ = fit_scaling(X, np.ones(50))
    rows = scaling.restore(scaling.standardize(X, torch.float64, CPU))
    assert rows.dtype == np.float64
    np.testing.assert_allclose(rows, X, rtol=1e-14)


def test_a_timestamp_keeps_its_spread_in_float32():
    seconds = 1.7e9 + np.arange(100.0)[:, None] / 10
    scaling, _ = fit_scaling(seconds, np.ones(100))
    rows = scaling.standardize(seconds, torch.float32, CPU)
    assert rows.dtype == torch.float32
    assert rows.std(correction=0).item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -1e300 / 1e200, 1e15 / 3, 1e-300])
@pytest.mark.parametrize("n_rows", [7, 20_000])
def test_a_constant_column_has_no_spread_whatever_rounding_says(value, n_rows):
    weight = np.random.default_rng(0).uniform(0.1, 1, size=n_rows)
    scaling, variance = fit_scaling(np.full((n_rows, 1), value), weight)
    assert scaling.std == [1.0]
    assert variance == [0.0]


def test_a_column_that_varies_in_its_last_digits_is_not_constant():
    x = 1 + np.arange(10.0)[:, None] * 1e-13
    scaling, variance = fit_scaling(x, np.ones(10))
    assert scaling.std == pytest.approx(x.std(), rel=0.01)
    assert variance > 0


def test_sparse_rows_become_dense():
    scaling = Scaling(np.array([1.0, 0.0]), np.array([2.0, 1.0]))
    rows = sparse.csr_matrix(np.array([[0.0, 3.0], [5.0, 0.0]]))
    assert scaling.standardize(rows, torch.float64, CPU).tolist() == [[-0.5, 3], [2, 0]]


@pytest.mark.parametrize("value", [1e200, 1.7e308])
def test_values_beyond_the_range_are_refused_by_column(value):
    X = np.ones((4, 3))
    X[:, 1] = [value, -value, value, -value]
    with pytest.raises(ValueError, match=r".") as error:
        fit_scaling(X, np.ones(4))
    assert str(error.value) == (
        "Input X has values whose squares exceed the range of float64, in columns [1]. "
        "Divide these columns by a large constant, or scale them, before fitting."
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_rows_go_to_a_gpu_as_they_are_and_are_float64_there(dtype):
    rows = np.asfortranarray(np.arange(-6, 6).reshape(4, 3).astype(dtype))
    rows.flags.writeable = False
    for given in (rows, rows[::-1], sparse.csr_array(rows)):
        there = copied_to(CPU, given)
        assert there.dtype == torch.float64
        dense = given.toarray() if sparse.issparse(given) else given
        np.testing.assert_array_equal(there.numpy(), dense)
