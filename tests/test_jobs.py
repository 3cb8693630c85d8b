import os
import threading

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

from sklearn_ae import Autoencoder, _jobs
from sklearn_ae._together import Task, fit_together

from .stacks import make, message_of, texts

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


class Placed(Autoencoder):
    """Knows where it was fitted."""

    def _adopt(self, *args):
        super()._adopt(*args)
        self.place_ = os.getpid(), threading.get_ident()


def fit_placed(few, n_jobs, **attributes):
    """Fit two stacks; return codes, and the places where they were fitted."""
    estimators = [
        make(Placed, n_components=k, random_state=s) for k in (1, 2) for s in (0, 1)
    ]
    for estimator in estimators:
        vars(estimator).update(attributes)
    outcomes = fit_together([Task(each, few) for each in estimators], n_jobs)
    assert [outcome.n_together for outcome in outcomes] == [2] * 4
    return [each.transform(few) for each in estimators], {e.place_ for e in estimators}


HERE = os.getpid(), threading.get_ident()


def assert_same_codes(ours, expected):
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_jobs_are_processes_that_change_no_bit(few):
    alone, place = fit_placed(few, None)
    assert place == {HERE}
    codes, places = fit_placed(few, 2)
    assert os.getpid() not in {process for process, _ in places}
    assert_same_codes(codes, alone)


def test_what_cannot_be_pickled_is_fitted_in_threads(few):
    codes, places = fit_placed(few, 2, lock=threading.Lock())
    assert {process for process, _ in places} == {os.getpid()}
    assert HERE not in places
    assert_same_codes(codes, fit_placed(few, None)[0])


def test_a_gpu_is_shared_by_threads(few, monkeypatch):
    monkeypatch.setattr(_jobs, "is_on_gpu", lambda opened: True)
    _, places = fit_placed(few, 2)
    assert {process for process, _ in places} == {os.getpid()}
    assert HERE not in places


def test_joblib_may_be_told_to_take_threads(few):
    with parallel_config("threading", n_jobs=2):
        codes, places = fit_placed(few, None)
    assert {process for process, _ in places} == {os.getpid()}
    assert HERE not in places
    assert_same_codes(codes, fit_placed(few, None)[0])


def test_errors_come_back_from_processes(few):
    tasks = [
        Task(make(early_stopping=False, learning_rate=rate, n_components=k), few)
        for rate in (0.03, 1e30)
        for k in (1, 2)
    ]
    alone = [message_of(task.estimator, few) for task in tasks]
    assert alone[:2] == [None, None]
    assert alone[2].startswith("Training diverged")
    assert texts(fit_together(tasks, 2)) == alone
    assert [hasattr(task.estimator, "net_") for task in tasks] == [1, 1, 0, 0]


class Unsendable(Exception):
    """Cannot be made anew of what it says."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Raising(Autoencoder):
    """Raises an error once it is trained."""

    def _adopt(self, *args):
        raise Unsendable(1, 2)


def test_errors_that_cannot_be_pickled_are_told_of(few):
    tasks = [Task(make(Raising, n_components=k), few) for k in (1, 2)]
    assert texts(fit_together(tasks)) == ["1 and 2"] * 2
    assert texts(fit_together(tasks, 2)) == ["Unsendable('1 and 2')"] * 2


class Seen(Autoencoder):
    """Knows how its rows are held."""

    def _set_up(self, opened, source=None):
        self.rows_ = type(opened.rows)
        return super()._set_up(opened, source)


@pytest.mark.parametrize("kind", [np.ndarray, np.memmap])
def test_large_rows_are_held_in_processes_as_they_are_here(few, kind, tmp_path):
    wide = np.tile(few, (1000, 2))  # of 8 MB
    if kind is np.memmap:
        np.save(tmp_path / "rows.npy", wide)
        wide = np.load(tmp_path / "rows.npy", mmap_mode="r")
    estimators = [make(Seen, max_epochs=0, n_components=k) for k in (1, 2)]
    fit_together([Task(each, wide) for each in estimators], 2)
    assert {each.rows_ for each in estimators} == {kind}


def test_processes_are_those_of_other_calls(few):
    _, places = fit_placed(few, 2)
    others = Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(16))
    assert {process for process, _ in places} & set(others)
    _, again = fit_placed(few, 2)
    assert {process for process, _ in again} & set(others)
