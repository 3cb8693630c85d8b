import numpy as np
import pytest
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_ae import Autoencoder, _lessons
from sklearn_ae._head_start import LinearMap, logistic_start, ridge_start
from sklearn_ae._labels import Labels
from sklearn_ae._lessons import (
    Case,
    Marks,
    accuracy,
    folds_of,
    groups_of,
    kept_nodes,
    make_lesson,
    r2,
    settle_shares,
    settle_values,
    stratified,
)

CLASSES = Marks(logistic_start, accuracy, settle_shares)
VALUES = Marks(ridge_start, r2, settle_values)


@pytest.fixture(scope="module")
def moons():
    """Two rings, which no linear map of columns tells apart, and an autoencoder."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 200)
    radius = np.repeat([1.0, 3.0], 100) + 0.1 * rng.normal(size=200)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    autoencoder = Autoencoder(2, max_epochs=0, random_state=0).fit(X)
    return X, np.repeat([0, 1], 100), autoencoder


def case_of(X, y, known, weight=None, class_weight=None):
    targets = np.eye(y.max() + 1)[y] * known[:, None]
    weight = np.ones(len(X)) if weight is None else weight
    labels = Labels(targets, known, np.arange(y.max() + 1))
    return Case(X, labels, weight, class_weight, 0)


def some_known(n=200, every=10):
    return np.arange(n) % every == 0


def test_rows_learn_from_their_neighbours(moons):
    X, y, autoencoder = moons
    known = some_known()
    lesson, propagated = make_lesson(autoencoder, case_of(X, y, known), CLASSES, True)
    assert propagated
    assert np.mean(lesson.targets.argmax(axis=1) == y) > 0.95
    assert np.array_equal(lesson.targets[known], np.eye(2)[y[known]])
    assert np.all(lesson.certainty[~known] <= lesson.certainty[known].max())
    assert lesson.certainty.mean() == pytest.approx(1)


def test_neighbours_who_are_wrong_are_not_asked(moons):
    _, _, autoencoder = moons
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2))
    X[:, 1] *= 30  # what decides is small, and neighbours do not see it
    y = (X[:, 0] > 0).astype(int)
    autoencoder = Autoencoder(2, max_epochs=0, random_state=0).fit(X)
    known = some_known(every=4)
    lesson, propagated = make_lesson(autoencoder, case_of(X, y, known), CLASSES, True)
    assert not propagated
    assert len(lesson.weight) == known.sum()
    assert np.all(lesson.certainty == 1)


@pytest.mark.parametrize("propagate", [True, False])
def test_where_all_have_a_label_nobody_is_asked(moons, propagate):
    X, y, autoencoder = moons
    known = np.ones(200, dtype=bool)
    case = case_of(X, y, known)
    lesson, propagated = make_lesson(autoencoder, case, CLASSES, propagate)
    assert not propagated
    assert np.array_equal(lesson.targets, np.eye(2)[y])


def test_who_is_not_to_ask_learns_from_labels_alone(moons):
    X, y, autoencoder = moons
    known = some_known()
    lesson, propagated = make_lesson(autoencoder, case_of(X, y, known), CLASSES, False)
    assert not propagated
    assert np.array_equal(lesson.rows, X[known])


def test_class_weights_are_shares_of_the_certainty(moons):
    X, y, autoencoder = moons
    case = case_of(X, y, np.ones(200, dtype=bool), class_weight=np.array([1.0, 3.0]))
    lesson, _ = make_lesson(autoencoder, case, CLASSES, True)
    assert lesson.certainty[:100] == pytest.approx(0.5)
    assert lesson.certainty[100:] == pytest.approx(1.5)


def test_a_row_given_twice_is_a_row_of_weight_two(moons):
    X, y, autoencoder = moons
    known = some_known()
    twice = np.concatenate([np.arange(200), np.arange(0, 200, 3)])
    weight = np.bincount(twice).astype(float)
    weighed, _ = make_lesson(autoencoder, case_of(X, y, known, weight), CLASSES, True)
    repeated, _ = make_lesson(
        autoencoder, case_of(X[twice], y[twice], known[twice]), CLASSES, True
    )
    assert np.allclose(weighed.targets[twice], repeated.targets, atol=1e-9)
    assert np.allclose(weighed.certainty[twice], repeated.certainty, atol=1e-9)
    assert np.array_equal(weighed.group[twice], repeated.group)


def test_the_order_of_the_rows_is_nothing_to_a_lesson(moons):
    X, y, autoencoder = moons
    known, order = some_known(), np.random.default_rng(2).permutation(200)
    one, _ = make_lesson(autoencoder, case_of(X, y, known), CLASSES, True)
    other, _ = make_lesson(
        autoencoder, case_of(X[order], y[order], known[order]), CLASSES, True
    )
    assert np.allclose(one.targets[order], other.targets, atol=1e-9)
    assert np.array_equal(one.group[order], other.group)


def test_of_many_rows_some_are_asked(moons, monkeypatch):
    monkeypatch.setattr(_lessons, "MOST_NODES", 100)
    X, y, autoencoder = moons
    known = some_known(every=5)
    lesson, propagated = make_lesson(autoencoder, case_of(X, y, known), CLASSES, True)
    assert propagated
    assert np.sum(lesson.certainty > 0) == pytest.approx(120, abs=15)
    assert np.all(lesson.certainty[known] > 0)


def test_rows_with_labels_stay_in_a_graph(monkeypatch):
    monkeypatch.setattr(_lessons, "MOST_NODES", 3)
    node, known = np.array([4, 3, 2, 1, 0]), np.array([True, False, False, False, True])
    assert kept_nodes(node, known, 5).tolist() == [0, 1, 2, 4]
    assert kept_nodes(node[2:], known[2:], 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("marks", "n_known"), [(CLASSES, 3), (VALUES, 3)])
def test_rows_that_are_all_one_have_no_neighbours(marks, n_known):
    X = np.ones((6, 2))
    autoencoder = Autoencoder(1, max_epochs=0, random_state=0).fit(X)
    known = np.arange(6) < n_known
    case = case_of(X, np.arange(6) % 2, known)
    lesson, propagated = make_lesson(autoencoder, case, marks, True)
    assert not propagated
    assert len(lesson.weight) == n_known


@pytest.mark.parametrize("marks", [CLASSES, VALUES])
def test_labels_of_one_row_cannot_be_held_back_from_each_other(moons, marks):
    X, _, autoencoder = moons
    X = X[[0, *range(200)]]
    labels = Labels(np.eye(2)[np.zeros(201, dtype=int)], np.arange(201) < 2)
    case = Case(X, labels, np.ones(201), None, 0)
    lesson, propagated = make_lesson(autoencoder, case, marks, True)
    assert not propagated
    assert len(lesson.weight) == 2


def test_neighbours_who_know_nothing_of_values_are_not_asked():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.random.default_rng(1).normal(size=(200, 1))
    known = some_known(200, 4)
    y = (y - y[known].mean()) / y[known].std()
    autoencoder = Autoencoder(3, max_epochs=0, random_state=0).fit(X)
    labels = Labels(np.where(known[:, None], y, 0.0), known)
    case = Case(X, labels, np.ones(200), None, 0)
    # Even where linear answers are still worse.
    worse = VALUES._replace(make_start=lambda *of: LinearMap(np.zeros((3, 1)), [99.0]))
    lesson, propagated = make_lesson(autoencoder, case, worse, True)
    assert not propagated
    assert len(lesson.weight) == known.sum()


def test_one_thread_does_it_whatever_there_are(moons):
    X, y, autoencoder = moons
    threads = []

    def make_start(*of):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return logistic_start(*of)

    case, marks = case_of(X, y, some_known()), CLASSES._replace(make_start=make_start)
    with threadpool_limits(2):
        make_lesson(autoencoder, case, marks, True)
    assert set(threads) == {1}


def test_values_are_as_certain_as_they_were_right():
    X = make_blobs(300, centers=1, n_features=3, random_state=0)[0]
    y = np.square(X[:, :1] - X[:, :1].mean())
    y = (y - y.mean()) / y.std()
    known = some_known(300, 3)
    autoencoder = Autoencoder(3, max_epochs=0, random_state=0).fit(X)
    labels = Labels(np.where(known[:, None], y, 0.0), known)
    case = Case(X, labels, np.ones(300), None, 0)
    lesson, propagated = make_lesson(autoencoder, case, VALUES, True)
    assert propagated
    assert len(np.unique(lesson.certainty[~known].round(12))) == 1
    assert 0 < lesson.certainty[~known][0] < lesson.certainty[known][0]


# -- marks


def test_accuracy_is_a_weighted_share():
    targets = np.eye(2)[[0, 1, 1]]
    assert accuracy(targets, targets, np.ones(3)) == 1
    assert accuracy(targets[::-1], targets, np.array([1, 1, 2])) == 0.25


def test_r2_is_one_of_the_targets_and_none_of_zeros():
    targets = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert r2(targets, targets, np.ones(2)) == 1
    assert r2(0 * targets, targets, np.ones(2)) == 0


def test_rows_are_of_the_likeliest_class_and_more_or_less_sure():
    means = np.array([[0.1, 0.3], [0.2, 0.2], [0.0, 0.0], [0.3, -1e-9]])
    classes, sure = settle_shares(means, 1)
    assert classes[[0, 3]].tolist() == [[0, 1], [1, 0]]
    assert sure[1:].tolist() == [0, 0, 1]
    assert 0 < sure[0] < 1


def test_values_that_were_wrong_are_not_certain():
    values, sure = settle_values(np.ones((3, 1)), -0.5)
    assert not sure.any()
    assert np.all(values == 1)


# -- folds


def test_each_fold_has_its_share_of_each_class():
    y = np.repeat([0, 1, 2], [50, 20, 10])
    X = np.random.default_rng(0).normal(size=(80, 2))
    fold = folds_of(case_of(X, y, np.ones(80, dtype=bool)))
    for c, n in enumerate([50, 20, 10]):
        assert np.all(np.bincount(fold[y == c], minlength=5) == n // 5)


def test_rows_without_a_label_are_in_no_fold():
    X = np.random.default_rng(0).normal(size=(80, 2))
    known = some_known(80, 2)
    fold = folds_of(case_of(X, np.arange(80) % 2, known))
    assert np.array_equal(fold >= 0, known)


def test_the_first_ranks_have_their_share_of_each_class():
    stratum = np.random.default_rng(0).permutation(
        np.repeat([0, 1, 2], [600, 300, 100])
    )
    ranks = stratified(stratum, in_folds=False)
    assert np.array_equal(np.sort(ranks), np.arange(1000))
    assert np.bincount(stratum[ranks < 100]) == pytest.approx([60, 30, 10], abs=1)


def test_equal_rows_of_different_labels_are_two():
    labels = Labels(np.eye(2), np.ones(2, dtype=bool), np.arange(2))
    assert groups_of(np.ones((2, 3)), labels, 0).tolist() in ([0, 1], [1, 0])
    same = labels.at(np.array([0, 0]))
    assert groups_of(np.ones((2, 3)), same, 0).tolist() == [0, 0]
