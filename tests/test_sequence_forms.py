import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_ae._sequence_forms import (
    as_numbers,
    as_sequences,
    ended,
    form_of_sequences,
    is_table,
    split,
)

ONE, OTHER = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)
ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]])


def objects(*items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


@pytest.mark.parametrize(
    ("X", "form", "are_of_one_length"),
    [
        (ROWS[:1], 2, True),
        (ROWS, 2, False),
        (ROWS[:, :, None], 3, False),
        (np.ones((2, 3, 2)), 3, True),
        ([ONE, ONE], 3, True),
        ([ONE, OTHER], "list", False),
        (objects(ONE, OTHER), "list", False),
        ([ONE[:, 0], OTHER[:, 0]], "flat", False),
        ([[1, 2], [3, 4]], 2, True),
        (pd.DataFrame(ROWS[:1]), 2, True),
        (sparse.csr_array(np.eye(3)), 2, True),
    ],
)
def test_forms_are_told_apart(X, form, are_of_one_length):
    assert form_of_sequences(X) == form
    assert is_table(as_sequences(X, "Name")) == are_of_one_length


def test_sequences_are_split_where_they_end():
    first, second = split(ROWS, "Name")
    assert_array_equal(first, [[1], [2], [3]])
    assert_array_equal(second, [[4], [5]])
    for one, other in zip(split([ONE, OTHER], "Name"), (ONE, OTHER), strict=True):
        assert_array_equal(one, other)


def test_only_steps_that_are_missing_as_a_whole_end_a_sequence():
    half = np.array([[1.0, np.nan], [np.nan, 2.0], [np.nan, np.nan]])
    assert_array_equal(ended(half), half[:2])
    assert len(ended(half[2:])) == 0
    assert len(ended(np.ones((3, 1), dtype=int))) == 3


def test_anything_with_numbers_is_an_array_of_numbers():
    for X in (np.eye(2), sparse.csr_array(np.eye(2)), pd.DataFrame(np.eye(2))):
        assert_array_equal(as_numbers(X), np.eye(2))
    assert as_numbers(objects(1, 2)).dtype == np.float64
    with pytest.raises(ValueError, match="Complex data not supported"):
        as_numbers(np.array([1j]))
