import re

import numpy as np
import pytest

from sklearn_ae._labels import read_classes, read_values

NAME = "Estimator"


def classes_of(y, weight=None):
    X = np.zeros((len(y), 1))
    return read_classes(y, X, np.ones(len(y)) if weight is None else weight, NAME)


def values_of(y, weight=None):
    X = np.zeros((len(y), 1))
    return read_values(y, X, np.ones(len(y)) if weight is None else weight, NAME)


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


# -- classes


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, -1, 1],
        [0.0, 1.0, -1.0, 1.0],
        np.array(["a", "b", -1, "b"], dtype=object),
        np.array([0, 1, -1, 1], dtype=object),
    ],
    ids=["int", "float", "strings", "objects"],
)
def test_minus_one_is_no_label_beside_two_classes(y):
    labels = classes_of(y)
    assert labels.known.tolist() == [True, True, False, True]
    assert labels.codes.tolist() == [0, 1, -1, 1]
    assert labels.targets.tolist() == [[1, 0], [0, 1], [0, 0], [0, 1]]
    assert labels.classes.tolist() == [y[0], y[1]]


def test_minus_one_is_a_class_beside_one():
    labels = classes_of([-1, 1, 1])
    assert labels.known.all()
    assert labels.classes.tolist() == [-1, 1]


def test_a_class_of_weight_zero_is_none():
    labels = classes_of([-1, 1, 0, -1], np.array([1.0, 1, 0, 1]))
    assert labels.classes.tolist() == [-1, 1]
    labels = classes_of([2, 1, 0, -1], np.array([1.0, 1, 0, 1]))
    assert labels.classes.tolist() == [1, 2]
    assert labels.known.tolist() == [True, True, False, False]


def test_strings_and_booleans_have_all_a_label():
    assert classes_of(np.array(["a", "b", "-2"])).known.all()
    assert classes_of(np.array([True, False])).known.all()


def test_a_string_of_minus_one_is_refused():
    message = (
        "y has dtype <U2 and holds '-1' beside other strings. For rows without a label "
        "give an array of objects, np.array([...], dtype=object), in which they are "
        "the number -1; a class of that name must be renamed."
    )
    with refused(message):
        classes_of(np.array(["a", "b", "-1"]))


@pytest.mark.parametrize(
    ("y", "found"),
    [
        (np.array([1, 1, 1]), "1 class, 1"),
        (np.array([-1, -1, -1]), "1 class, -1"),
        (np.array(["a", -1, "a"], dtype=object), "1 class, 'a'"),
    ],
)
def test_one_class_is_refused(y, found):
    message = (
        f"y has {found}, among the rows of weight above zero, and Estimator needs at "
        "least 2 classes. Rows without a label are those of label -1; give labels of "
        "another class, or fewer rows without one."
    )
    with refused(message):
        classes_of(y)


def test_no_label_is_refused():
    with pytest.raises(ValueError, match=r"^y has no label, among"):
        classes_of([0, 1], np.zeros(2))


def test_no_y_is_refused():
    message = (
        "Estimator requires y to be passed, but the target y is None. To fit an "
        "autoencoder without labels take Autoencoder."
    )
    with refused(message):
        read_classes(None, np.zeros((2, 1)), np.ones(2), NAME)


@pytest.mark.parametrize("y", [[0, np.nan, 1], [0, np.inf, 1]])
def test_labels_that_are_no_numbers_are_refused(y):
    with pytest.raises(ValueError, match="Input y contains"):
        classes_of(y)


def test_values_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classes_of([0.5, 1.5, 2.5])


def test_labels_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        read_classes([0, 1, 1], np.zeros((2, 1)), np.ones(2), NAME)


# -- values


def test_nan_is_no_value():
    labels, is_vector = values_of([1.0, np.nan, 3.0])
    assert is_vector
    assert labels.known.tolist() == [True, False, True]
    assert labels.targets.tolist() == [[1], [0], [3]]


def test_a_row_with_any_nan_has_no_value():
    labels, is_vector = values_of([[1, 2], [np.nan, 3], [4, 5]])
    assert not is_vector
    assert labels.known.tolist() == [True, False, True]
    assert labels.targets.tolist() == [[1, 2], [0, 0], [4, 5]]


def test_few_values_are_refused():
    message = (
        "y has 1 sample(s) with a value and of weight above zero, and Estimator needs "
        "at least 2. Rows without a label are those of which any value is NaN."
    )
    with refused(message):
        values_of([1.0, np.nan, 3.0], np.array([1.0, 1, 0]))


def test_infinity_is_refused():
    with pytest.raises(ValueError, match="Input y contains infinity"):
        values_of([1.0, np.inf, 2.0])


# -- rows


def test_labels_of_some_rows():
    labels = classes_of([0, 1, -1]).at(np.array([2, 1]))
    assert labels.codes.tolist() == [-1, 1]


def test_further_rows_have_no_label():
    labels = classes_of([0, 1]).padded(2)
    assert labels.codes.tolist() == [0, 1, -1, -1]
    assert labels.targets.shape == (4, 2)
