import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae.model_selection._fits import Fits, FixedSplits, Fold

AE = Autoencoder(1, hidden_layer_sizes=(4,), max_epochs=2, random_state=0)


def test_splits_are_given_as_often_as_asked():
    splits = [([0, 1], [2]), ([2], [0, 1])]
    fixed = FixedSplits(splits)
    assert list(fixed.split()) == list(fixed.split("rows", groups="any")) == splits
    assert fixed.get_n_splits() == 2


def test_an_estimator_is_given_the_rows_of_its_fold(blob):
    fold = Fold(blob, None)
    fold.weight = np.ones(60)
    task = fold.task(AE)
    assert task.estimator is AE
    assert task.X is blob
    assert task.sample_weight is fold.weight


def test_the_last_step_is_given_what_the_steps_before_make_of_them(blob):
    fold = Fold(blob, None)
    tasks = [fold.task(make_pipeline(StandardScaler(), clone(AE))) for _ in range(2)]
    np.testing.assert_array_equal(tasks[0].X, StandardScaler().fit_transform(blob))
    assert tasks[1].X is tasks[0].X
    other = fold.task(make_pipeline(StandardScaler(with_std=False), clone(AE)))
    np.testing.assert_allclose(other.X, blob - blob.mean(axis=0), atol=1e-12)


def test_steps_leave_the_rows_of_a_fold_as_they_are(blob):
    given = blob.copy()
    Fold(blob, None).task(make_pipeline(StandardScaler(copy=False), clone(AE)))
    np.testing.assert_array_equal(blob, given)


@pytest.mark.parametrize("obstacle", ["an error", "a weight"])
def test_what_the_search_has_to_fit(blob, obstacle):
    def fail(X):
        raise ValueError

    fold = Fold(blob, None)
    step = FunctionTransformer(fail if obstacle == "an error" else None)
    fold.weight = np.ones(60) if obstacle == "a weight" else None
    assert fold.task(make_pipeline(step, clone(AE))) is None


def test_times_are_those_of_the_stacks_beside_those_of_the_search(blob):
    fits = Fits()
    for n_rows in (60, 40):
        fold = Fold(blob[:n_rows], None)
        fits.add(fold.task(clone(AE)))
        fits.add(None)
    fits.make(None)
    results = {name: np.full(3, 7.0) for name in ("mean_fit_time", "std_fit_time")}
    fits.correct_times(results, n_candidates=2, n_splits=2)
    assert results["mean_fit_time"][1] > 7
    assert results["std_fit_time"][1] < 7
    for times in results.values():  # of an earlier round, and of a fit of its own
        assert list(times[[0, 2]]) == [7, 7]
