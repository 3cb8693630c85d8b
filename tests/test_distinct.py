"""Rows as encoders read them, and without their repetitions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder
from sklearn_ae._distinct import distinct_rows, rows_as_read

X = np.arange(12.0).reshape(6, 2)


def of(X, sample_weight=None, rows=None, seed=0):
    return distinct_rows(X, X if rows is None else rows, sample_weight, seed)


@pytest.mark.parametrize("encoder", [None, Autoencoder(1), Autoencoder(1).fit(X)])
def test_rows_of_tables(encoder):
    assert_array_equal(rows_as_read(SimpleNamespace(encoder=encoder), X), X)


def test_rows_that_a_fitted_encoder_cannot_be_trained_on_are_refused():
    encoder = Autoencoder(1).fit(X)
    with pytest.raises(ValueError, match="is fitted, and cannot read the rows"):
        rows_as_read(SimpleNamespace(encoder=encoder), X[:, :1])


def test_rows_of_images():
    encoder = ConvolutionalAutoencoder(1)
    rows = rows_as_read(SimpleNamespace(encoder=encoder), np.ones((5, 4, 3)))
    assert rows.shape == (5, 12)
    assert not encoder.__sklearn_is_fitted__()


def test_distinct_rows_come_as_they_are():
    distinct = of(X)
    assert distinct.X is X
    assert_array_equal(distinct.weight, np.ones(6))


@pytest.mark.parametrize("unit", [0.1, 1, 3])
def test_weights_that_are_all_alike_are_none(unit):
    distinct = of(X, np.full(6, unit))
    assert distinct.X is X
    assert_array_equal(distinct.weight, np.ones(6))
    assert_array_equal(of(np.repeat(X, 2, axis=0)).X, X)


@pytest.mark.parametrize("others", [1, np.array([2, 1, 4, 3, 1])])
def test_a_weight_of_zero_is_a_row_left_out(others):
    index, weight = [0, 1, 3, 4, 5], np.zeros(6)
    weight[index] = others
    without = of(X[index], weight[index])
    zeroed = of(X, weight)
    assert_array_equal(zeroed.X, without.X)
    assert_array_equal(zeroed.weight, without.weight)
    # Not even where a row like it comes first.
    zeroed = of(X[[3, *range(6)]], np.append(0, weight))
    assert_array_equal(zeroed.X, without.X)
    assert_array_equal(zeroed.weight, without.weight)


def test_a_weight_of_two_is_a_row_given_twice():
    weight = np.array([2, 0, 1, 3, 1, 0])
    order = np.random.default_rng(0).permutation(weight.sum())
    again = of(np.repeat(X, weight, axis=0)[order])
    weighted = of(X, weight)
    assert_array_equal(weighted.X, again.X)
    assert_array_equal(weighted.weight, again.weight)
    assert sorted(weighted.weight) == [1, 1, 2, 3]


def test_rows_keep_their_weights():
    distinct = of(X, np.arange(6))
    assert_array_equal(distinct.X[:, 0] / 2, distinct.weight)


def test_rows_stay_what_they_are():
    twice = [0, 1, 0]
    table = pd.DataFrame(X, columns=["a", "b"]).iloc[twice]
    assert list(of(table, rows=X[twice]).X.columns) == ["a", "b"]
    matrix = sparse.csr_array(X)[twice]
    assert of(matrix).X.shape == (2, 2)
    sequences = [np.ones((n, 1)) for n in (3, 4, 3)]
    distinct = of(sequences, rows=X[twice])
    assert sorted(map(len, distinct.X)) == [3, 4]


@pytest.mark.parametrize("unit", [1e-80, 1e80])
def test_weights_count_by_their_ratios(unit):
    weight = of(X, np.array([1, 2, 3, 4, 5, 5]) * unit).weight
    assert sorted(np.round(weight * 5, 12)) == [1, 2, 3, 4, 5, 5]
