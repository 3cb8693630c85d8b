"""scikit-learn's searches, with all fits of one shape trained as one network."""

import warnings
from typing import NamedTuple

from joblib import effective_n_jobs
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable

from .._base import BaseAutoencoder
from .._compat import params_at, safe_split
from .._fit_bank import FitBank, fit_key, key_of
from .._together import Task, can_be_batched, fit_together
from ._step_cache import StepCache


class Asked(NamedTuple):
    """What a search is to be fitted to, and how.

    Attributes
    ----------
    X, y : array-like
    params : dict
        Of ``fit``.
    n_jobs : int or None
    is_here : bool
        Whether fits are looked for in this process, so that it may hold some.
    """

    X: object
    y: object
    params: dict
    n_jobs: int | None
    is_here: bool


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


class BatchedSearchMixin:
    """Trains what a search will ask for in advance, and lets it go on as ever.

    The search is scikit-learn's own: candidates, splits, scores, results and refit. Its
    fits find that they have been made.
    """

    def fit(self, X, y=None, **params):
        """Run the search.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            For scorers that ask for it; no autoencoder does.
        **params : dict
            As of scikit-learn's search. Where others than ``sample_weight`` go to the
            estimator, nothing is batched.

        Returns
        -------
        self : object
            The search, with scikit-learn's attributes.
        """
        asked, n_jobs = self.estimator, self.n_jobs
        X, y = indexable(X, y)
        is_here = _is_batchable(asked) or effective_n_jobs(n_jobs) == 1
        self._asked = Asked(X, y, params, n_jobs, is_here)
        try:
            if is_here:  # what is left to do is to score, where the fits are
                self.n_jobs = 1
            if isinstance(asked, Pipeline) and asked.memory is None:
                self.estimator = clone(asked).set_params(memory=StepCache())
            return super().fit(X, y, **params)
        finally:
            del self._asked
            self.estimator, self.n_jobs = asked, n_jobs
            _forget_steps(getattr(self, "best_estimator_", None))

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        def evaluate(candidate_params, cv=None, more_results=None, **context):
            return self._evaluate(
                evaluate_candidates, list(candidate_params), cv, more_results, context
            )

        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)

    def _evaluate(self, evaluate_candidates, candidates, cv, more_results, context):
        """Evaluate candidates, once those that can be batched are fitted."""
        X, y, params, n_jobs, is_here = self._asked
        routed = self._get_routed_params_for_fit(params)
        estimators = [
            clone(self.estimator).set_params(**clone(candidate, safe=False))
            for candidate in candidates
        ]
        batched = [is_here and _is_batchable(estimator) for estimator in estimators]
        if not all(batched):
            message = _say_why(self, candidates, batched)
            warnings.warn(message, UserWarning, stacklevel=2)
        if not any(batched) or not set(routed.estimator.fit) <= {"sample_weight"}:
            return evaluate_candidates(candidates, cv, more_results, **context)
        splits = self._splitter(cv, y).split(X, y, **routed.splitter.split)
        cv, fits = FixedSplits(list(splits)), Fits()
        for train, _ in cv.splits:
            fold = _Fold(*safe_split(self.estimator, X, y, train))
            fold.weight = params_at(X, routed.estimator.fit, train).get("sample_weight")
            for estimator, is_batched in zip(estimators, batched, strict=True):
                fits.add(fold.task(clone(estimator)) if is_batched else None)
        fits.make(n_jobs)
        with fits.bank.open():
            results = evaluate_candidates(candidates, cv, more_results, **context)
        fits.correct_times(results, len(candidates), len(cv.splits))
        return results

    def _splitter(self, cv, y):
        if cv is not None:
            return cv
        known = getattr(self, "_checked_cv_orig", None)
        return known or check_cv(self.cv, y, classifier=is_classifier(self.estimator))

    def __getstate__(self):
        # For workers: they are given the rows themselves.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_asked"}


class _Fold:
    """The training rows of a split, as candidates' last steps receive them."""

    def __init__(self, X, y):
        self.X, self.y, self.weight = X, y, None
        self._transformed = {}

    def task(self, estimator):
        """Return the task of a candidate, or None if the search has to fit it."""
        if not isinstance(estimator, Pipeline):
            return Task(estimator, self.X, self.weight)
        if self.weight is not None:
            return None
        name, final = estimator.steps[-1]
        # A step like others, so that each before it is one that the cache knows.
        before = estimator.set_params(**{name: "passthrough"})
        key = key_of(before.get_params())
        try:
            rows = self._transformed.get(key)
            if rows is None:
                rows = before.fit_transform(self.X, self.y)
        except Exception:  # it will be raised again where the search fits the candidate
            return None
        if key is not None:
            self._transformed[key] = rows
        return Task(final, rows)


class Fits:
    """Fits of a search in the order of its folds and candidates, and their times."""

    def __init__(self):
        self.bank = FitBank()
        self._tasks = []
        self._seconds = []

    def add(self, task):
        """Take on the next fit; None is left to the search."""
        self._tasks.append(task)

    def make(self, n_jobs):
        """Make the fits, and bank those that succeed."""
        tasks = [task for task in self._tasks if task is not None]
        keys = [fit_key(*task) for task in tasks]
        outcomes = fit_together(tasks, n_jobs)
        for task, key, outcome in zip(tasks, keys, outcomes, strict=True):
            if outcome.error is None:
                self.bank.put(key, task.estimator)
        seconds = iter(outcome.seconds for outcome in outcomes)
        self._seconds = [task and next(seconds) for task in self._tasks]

    def correct_times(self, results, n_candidates, n_splits):
        """Give results the time of each fit: its share of that of its stack."""
        for place in range(n_candidates):
            own = [
                self._seconds[split * n_candidates + place] or 0.0
                for split in range(n_splits)
            ]
            results["mean_fit_time"][-n_candidates + place] += sum(own) / n_splits


def _is_batchable(estimator):
    """Whether an estimator is, or ends in, one whose fits are trained together."""
    final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return isinstance(final, BaseAutoencoder) and can_be_batched(final)


def _forget_steps(best):
    """Drop the steps that the best estimator has kept while it was searched."""
    if isinstance(best, Pipeline) and isinstance(best.memory, StepCache):
        best.set_params(memory=None)


def _say_why(search, candidates, batched):
    left = [
        c for c, is_batched in zip(candidates, batched, strict=True) if not is_batched
    ]
    return (
        f"{type(search).__name__} fits {len(left)} of {len(candidates)} candidates one "
        f"by one, such as {left[0]}: only Autoencoder and DenoisingAutoencoder with "
        "network='dense', and without callbacks, warm_start and verbose, are trained "
        "together."
    )


class BatchedGridSearchCV(BatchedSearchMixin, GridSearchCV):
    """Exhaustive search over parameters; candidates and folds are trained together.

    :class:`sklearn.model_selection.GridSearchCV` in all it takes, does and leaves
    behind, except that fits whose networks have one shape are trained as one stack of
    networks. Each has its own rows, seeds, learning rate, weight decay, corruption,
    early stopping and best epoch, and ends, up to rounding, where it would end alone.

    The smaller the networks and their batches, the more is saved; with the default
    layers on a CPU nothing is. Where rows are held out (``early_stopping=True``), only
    fits of one learning rate are stacked. With a :class:`sklearn.pipeline.Pipeline`
    whose last step is an autoencoder, the steps before it are fitted once for each
    fold. What cannot be batched is fitted one by one, and a warning says so.

    Read more in the :ref:`User Guide <batched_search>`.

    Parameters
    ----------
    estimator : Autoencoder, DenoisingAutoencoder or Pipeline that ends in one
        The estimator whose parameters are searched.
    param_grid : dict or list of dict
        Values by the name of the parameter.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are judged by; None is the estimator's own ``score``.
    n_jobs : int, default=None
        Processes that train stacks side by side; None is one, -1 all cores. All that
        is batched is scored in this one.
    refit : bool, str or callable, default=True
        Whether to fit the best to all rows, or how it is found.
    cv : int, cross-validator or iterable, default=None
        The splits; None is five folds.
    verbose : int, default=0
        How much is said of fits and scores.
    pre_dispatch : int or str, default="2*n_jobs"
        Jobs that wait, where processes fit.
    error_score : "raise" or float, default=np.nan
        Score of a candidate whose fit fails.
    return_train_score : bool, default=False
        Whether training rows are scored, too.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        ``mean_fit_time`` of a candidate is its share of the time of its stacks.
    best_estimator_, best_score_, best_params_, best_index_, refit_time_ : any
        As of :class:`sklearn.model_selection.GridSearchCV`.

    See Also
    --------
    BatchedRandomizedSearchCV : The same for candidates that are drawn.
    sklearn.model_selection.GridSearchCV : Fits one by one, of any estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.model_selection import BatchedGridSearchCV
    >>> X = load_iris().data
    >>> ae = Autoencoder(2, hidden_layer_sizes=(16,), max_epochs=20, random_state=0)
    >>> grid = {"learning_rate": [0.001, 0.01], "weight_decay": [0, 0.1]}
    >>> search = BatchedGridSearchCV(ae, grid, cv=3).fit(X)
    >>> sorted(search.best_params_)
    ['learning_rate', 'weight_decay']
    """


class BatchedRandomizedSearchCV(BatchedSearchMixin, RandomizedSearchCV):
    """Search over drawn parameters; candidates and folds are trained together.

    :class:`sklearn.model_selection.RandomizedSearchCV` in all it takes, does and leaves
    behind; see :class:`BatchedGridSearchCV` for what is trained together.

    Read more in the :ref:`User Guide <batched_search>`.

    Parameters
    ----------
    estimator : Autoencoder, DenoisingAutoencoder or Pipeline that ends in one
        The estimator whose parameters are searched.
    param_distributions : dict or list of dict
        Lists of values or distributions, by the name of the parameter.
    n_iter : int, default=10
        Candidates.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are judged by; None is the estimator's own ``score``.
    n_jobs : int, default=None
        Processes that train stacks side by side; None is one, -1 all cores. All that
        is batched is scored in this one.
    refit : bool, str or callable, default=True
        Whether to fit the best to all rows, or how it is found.
    cv : int, cross-validator or iterable, default=None
        The splits; None is five folds.
    verbose : int, default=0
        How much is said of fits and scores.
    pre_dispatch : int or str, default="2*n_jobs"
        Jobs that wait, where processes fit.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws of candidates.
    error_score : "raise" or float, default=np.nan
        Score of a candidate whose fit fails.
    return_train_score : bool, default=False
        Whether training rows are scored, too.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        ``mean_fit_time`` of a candidate is its share of the time of its stacks.
    best_estimator_, best_score_, best_params_, best_index_, refit_time_ : any
        As of :class:`sklearn.model_selection.RandomizedSearchCV`.

    See Also
    --------
    BatchedGridSearchCV : The same for all combinations of values.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.model_selection import BatchedRandomizedSearchCV
    >>> X = load_iris().data
    >>> ae = Autoencoder(2, hidden_layer_sizes=(16,), max_epochs=20, random_state=0)
    >>> rates = {"learning_rate": loguniform(1e-4, 1e-1)}
    >>> search = BatchedRandomizedSearchCV(ae, rates, n_iter=4, cv=3, random_state=0)
    >>> bool(search.fit(X).best_score_ > 0.9)
    True
    """
