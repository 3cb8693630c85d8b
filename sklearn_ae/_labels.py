"""What ``y`` says: targets of the rows that have a label, and which have none."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

# How a row without a label is marked, as in scikit-learn's semi-supervised classifiers.
UNLABELLED = -1


class Labels(NamedTuple):
    """Targets of rows, and which of them count.

    Attributes
    ----------
    targets : ndarray of shape (n, t)
        Shares of the classes, or values; zeros where there is no label.
    known : ndarray of bool, shape (n,)
        Whether the row has a label.
    classes : ndarray of shape (t,) or None
        Of a classifier.
    """

    targets: np.ndarray
    known: np.ndarray
    classes: np.ndarray | None = None

    @property
    def codes(self):
        """Positions of the labels' classes, -1 where there is none."""
        return np.where(self.known, self.targets.argmax(axis=1), UNLABELLED)

    def at(self, index):
        """Return the labels of the rows at ``index``."""
        return self._replace(targets=self.targets[index], known=self.known[index])

    def padded(self, n_rows):
        """Return them with so many more rows that have none."""
        targets = np.zeros((n_rows, self.targets.shape[1]))
        return self._replace(
            targets=np.concatenate([self.targets, targets]),
            known=np.concatenate([self.known, np.zeros(n_rows, dtype=bool)]),
        )


# -- classes


def read_classes(y, X, weight, name):
    """Return the :class:`Labels` of a classifier.

    Parameters
    ----------
    y : array-like of shape (n,)
    X : array-like
        The rows, for their number.
    weight : ndarray of shape (n,)
        Rows of weight zero might as well not be there.
    name : str
        Of the estimator, for errors.
    """
    _check_is_given(y, name)
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    assert_all_finite(y, input_name="y")
    counts = weight > 0
    known = _known_classes(y, counts)
    if y.dtype == object and not any(isinstance(label, str) for label in y):
        y = np.array(y.tolist())  # of numbers, as scikit-learn asks for them
    check_classification_targets(y[known] if known.any() else y)
    classes = np.unique(y[known & counts])
    if len(classes) < 2:
        found = f"1 class, {classes.tolist()[0]!r}" if len(classes) else "no label"
        raise ValueError(
            f"y has {found}, among the rows of weight above zero, and {name} needs at "
            f"least 2 classes. Rows without a label are those of label {UNLABELLED}; "
            "give labels of another class, or fewer rows without one."
        )
    known &= counts
    targets = np.zeros((len(y), len(classes)))
    index = np.searchsorted(classes, y[known])
    targets[np.flatnonzero(known), index] = 1.0
    return Labels(targets, known, classes)


def _known_classes(y, counts):
    """Return which rows have a label: -1 is none if there are two others."""
    if y.dtype.kind in "US":
        _check_not_stringed(y)
        return np.ones(len(y), dtype=bool)
    if y.dtype.kind == "b":
        return np.ones(len(y), dtype=bool)
    # Object by object: a comparison of strings with a number may be no array.
    known = np.array([not _is_unlabelled(value) for value in y], dtype=bool)
    others = set(y[known & counts].tolist())
    # Beside a string a number is no class.
    if len(others) < 2 and not any(isinstance(other, str) for other in others):
        return np.ones(len(y), dtype=bool)
    return known


def _is_unlabelled(value):
    return not isinstance(value, (str, bytes)) and value == UNLABELLED


def _check_not_stringed(y):
    """Refuse the string that NumPy makes of -1 among strings."""
    mark = str(UNLABELLED)
    others = set(y.tolist()) - {mark}
    if len(others) >= 2 and mark in y.tolist():
        raise ValueError(
            f"y has dtype {y.dtype} and holds {mark!r} beside other strings. For rows "
            f"without a label give an array of objects, np.array([...], dtype=object), "
            f"in which they are the number {UNLABELLED}; a class of that name must be "
            "renamed."
        )


# -- values


def read_values(y, X, weight, name):
    """Return the :class:`Labels` of a regressor, and whether ``y`` was a vector.

    A row counts as labelled if none of its values is NaN.
    """
    _check_is_given(y, name)
    values = check_array(
        y,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name="y",
    )
    check_consistent_length(X, values)
    is_vector = values.ndim == 1
    targets = values.reshape(len(values), -1)
    known = np.isfinite(targets).all(axis=1) & (weight > 0)
    n_known = int(known.sum())
    if n_known < 2:
        raise ValueError(
            f"y has {n_known} sample(s) with a value and of weight above zero, and "
            f"{name} needs at least 2. Rows without a label are those of which any "
            "value is NaN."
        )
    return Labels(np.where(known[:, None], targets, 0.0), known), is_vector


def _check_is_given(y, name):
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None. To fit an "
            "autoencoder without labels take Autoencoder."
        )
