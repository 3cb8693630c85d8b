import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae.model_selection._step_cache import StepCache


@pytest.fixture
def calls():
    return []


@pytest.fixture
def function(calls):
    def function(a, b=2, *, c=3):
        calls.append((a, b, c))
        return a + b + c

    return function


def test_equal_arguments_are_one_call(function, calls):
    cached = StepCache().cache(function)
    assert cached(1) == cached(1, 2) == cached(a=1, b=2, c=3) == 6
    assert len(calls) == 1
    assert cached(2) == 7
    assert len(calls) == 2


def test_a_call_is_made_once(function, calls):
    cached = StepCache().cache(function)
    first = cached(np.ones(3))
    first -= 100  # as steps that work in place do
    np.testing.assert_array_equal(cached(np.ones(3)), [6, 6, 6])
    assert len(calls) == 1
    cached(np.zeros(3))
    assert len(calls) == 2


def test_ignored_arguments_make_no_difference(function, calls):
    cached = StepCache().cache(function, ignore=["c"])
    assert cached(1, c=3) == cached(1, c=4) == 6
    assert len(calls) == 1


def test_functions_do_not_share_results(function):
    cache = StepCache()
    assert cache.cache(function)(1) == 6
    assert cache.cache(abs_of)(-1) == 1
    assert cache.cache(function)(-1) == 4


def abs_of(a):
    return abs(a)


def test_what_cannot_be_pickled_is_called_each_time(function, calls):
    cached = StepCache().cache(lambda given: calls.append(given))
    given = lambda: 0  # noqa: E731
    cached(given)
    cached(given)
    assert calls == [given, given]


def test_errors_are_not_kept():
    def fail(a):
        raise ValueError(a)

    cached = StepCache().cache(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            cached(1)


def test_clones_of_a_pipeline_share_the_cache():
    cache = StepCache()
    pipeline = make_pipeline(StandardScaler(), Autoencoder(), memory=cache)
    assert clone(pipeline).memory is copy.deepcopy(cache) is cache


def test_results_can_be_forgotten(function, calls):
    cache = StepCache()
    cached = cache.cache(function)
    cached(1)
    cache.clear()
    cached(1)
    assert len(calls) == 2


def test_pickles_are_empty(function):
    cache = StepCache()
    empty = pickle.dumps(cache)
    cache.cache(function)(1)
    assert pickle.dumps(cache) == empty
    assert pickle.loads(empty).cache(function)(1) == 6
