"""The fits that a search asks for, made in advance."""

import copy

import numpy as np
from sklearn.pipeline import Pipeline

from .._fit_bank import FitBank, fit_key, key_of, rows_key
from .._together import Task, fit_together


class FixedSplits:
    """Splits that are drawn once, as a cross-validator."""

    def __init__(self, splits):
        self.splits = splits

    def split(self, X=None, y=None, groups=None, **params):
        """Return the pairs of training and test positions."""
        return iter(self.splits)

    def get_n_splits(self, X=None, y=None, groups=None, **params):
        """Return the number of pairs."""
        return len(self.splits)


class Fold:
    """The training rows of a split, as candidates' last steps receive them.

    Candidates that are judged by their own ``score``, and then forgotten, need no
    scores of outliers, unless it is none of this package.
    """

    def __init__(self, X, y, finds_outliers=True):
        self.X, self.y, self.weight = X, y, None
        self.finds_outliers = finds_outliers
        self._transformed = {}

    def task(self, estimator):
        """Return the task of a candidate, or None if the search has to fit it."""
        finds_outliers = self.finds_outliers or has_own_score(estimator)
        if not isinstance(estimator, Pipeline):
            return Task(estimator, self.X, self.weight, finds_outliers)
        if self.weight is not None:
            return None
        name, final = estimator.steps[-1]
        # A step like others, so that each before it is one that the cache knows.
        before = estimator.set_params(**{name: "passthrough"})
        key = key_of(before.get_params())
        try:
            rows = self._transformed.get(key)
            if rows is None:  # of a copy: steps may work in place
                rows = before.fit_transform(copy.deepcopy(self.X), self.y)
        except Exception:  # it will be raised again where the search fits the candidate
            return None
        if key is not None:
            self._transformed[key] = rows
        return Task(final, rows, None, finds_outliers)


def has_own_score(estimator):
    """Whether the ``score`` of an estimator, or of a step, is a user's own."""
    if type(estimator) is Pipeline:
        estimator = estimator.steps[-1][1]
    owner = next(kind for kind in type(estimator).__mro__ if "score" in vars(kind))
    package = __name__.partition(".")[0]
    return owner.__module__.partition(".")[0] != package


class Fits:
    """Fits of a search in the order of its folds and candidates, and their times."""

    def __init__(self):
        self.bank = FitBank()
        self._tasks = []
        self._seconds = []

    def add(self, task):
        """Take on the next fit; None is left to the search."""
        self._tasks.append(task)

    def make(self, n_jobs, raises=False, verbose=0):
        """Make the fits, and bank those that succeed; rows are not kept.

        Arguments are those of :func:`~sklearn_ae._together.fit_together`.
        """
        tasks = [task for task in self._tasks if task is not None]
        keys = _keys_of(tasks)
        outcomes = fit_together(tasks, n_jobs, raises, verbose)
        for task, key, outcome in zip(tasks, keys, outcomes, strict=True):
            if outcome.error is None:
                self.bank.put(key, task.estimator)
        seconds = iter(outcome.seconds for outcome in outcomes)
        self._seconds = [task and next(seconds) for task in self._tasks]
        self._tasks = []

    def correct_times(self, results, n_candidates, n_splits):
        """Give results the time of each fit: its share of that of its stack."""
        for place in range(n_candidates):
            own = self._seconds[place::n_candidates]
            if None in own:  # the search has fitted it, and timed that
                continue
            results["mean_fit_time"][-n_candidates + place] += np.mean(own)
            results["std_fit_time"][-n_candidates + place] = np.std(own)


def _keys_of(tasks):
    """Return the keys of fits; rows that many share are read once for them."""
    rows, keys = {}, []
    for task in tasks:
        place = id(task.X), id(task.sample_weight)
        if place not in rows:
            rows[place] = rows_key(task.X, task.sample_weight)
        keys.append(fit_key(task.estimator, rows[place]))
    return keys
