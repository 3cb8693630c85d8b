import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_ae import Autoencoder, AutoencoderClassifier
from sklearn_ae._classifier import weights_by_name

FAST = {"max_epochs": 4, "random_state": 0}
SMALL = Autoencoder(4, hidden_layer_sizes=(8,), max_epochs=2)


@pytest.fixture(scope="module")
def digits():
    """Training rows, of which five of each class have a label, and test rows."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    marked = np.full(len(y), -1)
    for c in range(10):
        marked[np.flatnonzero(y == c)[:5]] = c
    return X, marked, X_test, y_test


@pytest.fixture(scope="module")
def fitted(digits):
    X, marked, _, _ = digits
    return AutoencoderClassifier(random_state=0).fit(X, marked)


def test_rows_without_a_label_are_worth_a_lot(digits, fitted):
    X, marked, X_test, y_test = digits
    known = marked >= 0
    few = LogisticRegression(max_iter=1000).fit(X[known], marked[known])
    assert fitted.propagated_
    assert fitted.score(X_test, y_test) > few.score(X_test, y_test) + 0.05


def test_probabilities_go_with_all_else(digits, fitted):
    X_test = digits[2]
    p = fitted.predict_proba(X_test)
    assert p.shape == (len(X_test), 10)
    assert np.allclose(p.sum(axis=1), 1)
    assert np.allclose(np.log(p), fitted.predict_log_proba(X_test))
    assert np.array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(X_test))
    logits = fitted.decision_function(X_test)
    assert np.array_equal(logits.argmax(axis=1), p.argmax(axis=1))


def test_of_two_classes_there_is_one_logit(digits):
    X, marked, X_test, _ = digits
    y = np.where(marked < 0, -1, marked % 2)
    model = AutoencoderClassifier(SMALL, **FAST).fit(X[:300], y[:300])
    logits = model.decision_function(X_test)
    assert logits.shape == (len(X_test),)
    p = model.predict_proba(X_test)
    assert np.allclose(logits, np.log(p[:, 1] / p[:, 0]))


@pytest.mark.parametrize("kind", [object, float])
def test_labels_of_any_type_come_back(digits, kind):
    X, marked, X_test, _ = digits
    names = np.array([f"digit {c}" for c in range(10)], dtype=object)
    y = marked.astype(kind)
    if kind is object:
        y[marked >= 0] = names[marked[marked >= 0]]
    model = AutoencoderClassifier(SMALL, **FAST).fit(X, y)
    plain = AutoencoderClassifier(SMALL, **FAST).fit(X, marked)
    expected = plain.predict(X_test)
    if kind is object:
        expected = names[expected]
    assert np.array_equal(model.predict(X_test), expected)
    assert len(model.classes_) == 10


def test_minus_one_is_a_label_beside_one_other(digits):
    X, marked, X_test, _ = digits
    y = np.where(marked % 2, -1, 1)
    model = AutoencoderClassifier(SMALL, **FAST).fit(X[:200], y[:200])
    assert model.classes_.tolist() == [-1, 1]
    assert set(model.predict(X_test)) <= {-1, 1}
    assert not model.propagated_


# -- weights of classes


def test_balanced_weights_are_those_of_counts(digits):
    X, _, _, _ = digits
    y = np.repeat([0, 1], [150, 50])
    balanced = AutoencoderClassifier(SMALL, class_weight="balanced", **FAST)
    by_name = AutoencoderClassifier(
        SMALL, class_weight={0: 200 / 300, 1: 200 / 100}, **FAST
    )
    balanced.fit(X[:200], y)
    by_name.fit(X[:200], y)
    assert np.allclose(balanced.predict_proba(X), by_name.predict_proba(X))


def test_a_heavy_class_is_predicted_more_often(digits):
    X, marked, X_test, _ = digits
    y = np.where(marked < 0, -1, marked % 2)
    heavy = AutoencoderClassifier(SMALL, class_weight={1: 50.0}, **FAST)
    even = AutoencoderClassifier(SMALL, **FAST)
    assert (
        heavy.fit(X, y).predict_proba(X_test)[:, 1].mean()
        > even.fit(X, y).predict_proba(X_test)[:, 1].mean() + 0.05
    )


def test_weights_are_by_name():
    weights = weights_by_name({"b": 3}, np.array(["a", "b"]))
    assert weights.tolist() == [1, 3]


def test_a_fold_may_lack_a_class_that_has_a_weight(digits):
    weights = weights_by_name({0: 1, 1: 2, 2: 3}, np.array([0, 2]))
    assert weights.tolist() == [1, 3]
    X, marked, _, _ = digits
    y = np.where(marked % 3 == 2, -1, np.where(marked < 0, -1, marked % 3))
    model = AutoencoderClassifier(SMALL, class_weight={0: 1, 1: 2, 2: 3}, **FAST)
    assert model.fit(X[:300], y[:300]).classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        (
            {5: 1.0},
            "names 5, which is no class of y, and does not name 0, which is one. y has "
            "the classes [0, 1]: name these.",
        ),
        (
            {1: 1.0, "0": 2.0},
            "names '0', which is no class of y, and does not name 0, which is one. y "
            "has the classes [0, 1]: name these.",
        ),
        *(
            (
                weights,
                "must hold numbers from 0 on, and one of a class of y above.",
            )
            for weights in (
                {0: -1.0},
                {0: 0, 1: 0},
                {0: "a lot"},
                {0: None},
                {1: np.nan},
                {1: np.inf},
                {0: [1, 2], 1: [3, 4]},
            )
        ),
    ],
)
def test_weights_that_are_none_are_refused(digits, untrained, class_weight, message):
    X, marked, _, _ = digits
    y = np.where(marked < 0, -1, marked % 2)
    message = f"class_weight={class_weight!r} {message}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        AutoencoderClassifier(SMALL, class_weight=class_weight, **FAST).fit(X, y)


def test_one_class_is_refused(digits):
    X, _marked, _, _ = digits
    with pytest.raises(ValueError, match="y has 1 class, 3, among the rows"):
        AutoencoderClassifier(SMALL, **FAST).fit(X[:20], np.full(20, 3))
