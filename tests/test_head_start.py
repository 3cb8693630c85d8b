import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge

from sklearn_ae._head_start import logistic_start, ridge_start

X, y = load_iris(return_X_y=True)
EVEN = np.ones(len(X))


def one_hot(y, n_classes):
    return np.eye(n_classes)[y]


def log_probabilities(start, X):
    answers = start.answers(X)
    return answers - np.logaddexp.reduce(answers, axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logits_are_logistic_regressions(n_classes):
    rows, labels = X[y < n_classes], y[y < n_classes]
    start = logistic_start(rows, one_hot(labels, n_classes), EVEN[: len(rows)])
    model = LogisticRegression(max_iter=1000, tol=1e-6).fit(rows, labels)
    expected = model.predict_log_proba(rows)
    assert np.allclose(log_probabilities(start, rows), expected, atol=1e-8)


def test_a_class_that_no_row_has_is_unlikely():
    rows, labels = X[y < 2], y[y < 2]
    start = logistic_start(rows, one_hot(labels, 3), EVEN[: len(rows)])
    assert np.exp(log_probabilities(start, rows))[:, 2].max() < 0.05
    # So is one of rows of weight zero.
    weighed = logistic_start(X, one_hot(y, 3), (y < 2).astype(float))
    assert np.allclose(weighed.answers(X), start.answers(X))


def test_rows_of_one_class_tell_of_no_slope():
    start = logistic_start(X[:10], one_hot(y[:10], 3), EVEN[:10])
    assert not start.weight.any()
    assert np.all(start.answers(X).argmax(axis=1) == 0)


def test_values_are_ridge_regressions():
    weight = np.linspace(1, 2, len(X))
    targets = X[:, 2:]
    start = ridge_start(X[:, :2], targets, weight)
    model = Ridge().fit(X[:, :2], targets, sample_weight=weight)
    assert np.allclose(start.answers(X[:, :2]), model.predict(X[:, :2]))


def test_one_target_has_one_answer():
    start = ridge_start(X[:, :2], X[:, 2:3], EVEN)
    assert start.answers(X[:, :2]).shape == (len(X), 1)
