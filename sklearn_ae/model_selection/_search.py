"""scikit-learn's searches, with all fits of one shape trained as one network."""

import warnings

import joblib
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, check_cv
from sklearn.pipeline import Pipeline

from .._base import BaseAutoencoder
from .._compat import safe_split
from .._fit_bank import FitBank, fit_key
from .._together import Task, can_be_batched, fit_together
from ._step_cache import StepCache


class FixedSplits:
    """Splits that are drawn once, as a cross-validator."""

    def __init__(self, splits):
        self.splits = splits

    def split(self, X=None, y=None, groups=None):
        """Return the pairs of training and test positions."""
        return iter(self.splits)

    def get_n_splits(self, X=None, y=None, groups=None):
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
            As of scikit-learn's search. With others than ``sample_weight`` nothing is
            batched.

        Returns
        -------
        self : object
            The search, with scikit-learn's attributes.
        """
        asked, self._data = self.estimator, (X, y, params)
        try:
            if isinstance(asked, Pipeline) and asked.memory is None:
                self.estimator = clone(asked).set_params(memory=StepCache())
            return super().fit(X, y, **params)
        finally:
            del self._data
            if self.estimator is not asked:
                self._forget_steps(asked)

    def _forget_steps(self, asked):
        """Put the pipeline back that was given, and drop the steps kept meanwhile."""
        self.estimator = asked
        if hasattr(self, "best_estimator_"):
            self.best_estimator_.set_params(memory=None)

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        def evaluate(candidate_params, cv=None, more_results=None, **context):
            return self._evaluate(
                evaluate_candidates, list(candidate_params), cv, more_results, context
            )

        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)

    def _evaluate(self, evaluate_candidates, candidates, cv, more_results, context):
        """Evaluate candidates, once those that can be batched are fitted."""
        X, y, params = self._data
        fits = None
        if set(params) <= {"sample_weight"}:
            cv = FixedSplits(list(self._splitter(cv, y).split(X, y)))
            fits = self._batch(candidates, cv.splits)
        if fits is None:
            return evaluate_candidates(candidates, cv, more_results, **context)
        # What is left to do is to score, in this process, where the fits are.
        with fits.bank.open(), joblib.parallel_config(backend="sequential"):
            results = evaluate_candidates(candidates, cv, more_results, **context)
        fits.correct_times(results, len(candidates), len(cv.splits))
        return results

    def _splitter(self, cv, y):
        if cv is not None:
            return cv
        known = getattr(self, "_checked_cv_orig", None)
        return known or check_cv(self.cv, y, classifier=is_classifier(self.estimator))

    def _batch(self, candidates, splits):
        """Fit all that can be batched; return the :class:`Fits`, or None if nothing."""
        estimators = [
            clone(self.estimator).set_params(**clone(candidate, safe=False))
            for candidate in candidates
        ]
        finals = [_final_step(estimator) for estimator in estimators]
        left = [
            candidate
            for candidate, final in zip(candidates, finals, strict=True)
            if not (isinstance(final, BaseAutoencoder) and can_be_batched(final))
        ]
        if left:
            warnings.warn(_say_why(self, left, candidates), UserWarning, stacklevel=2)
        if len(left) == len(candidates):
            return None
        fits = Fits()
        X, y, params = self._data
        for train, _ in splits:
            fold = _Fold(*safe_split(self.estimator, X, y, train), params, train)
            for estimator in estimators:
                fits.add(fold.task(clone(estimator)))
        fits.make(self.n_jobs)
        return fits


class _Fold:
    """The training rows of a split, as candidates' last steps receive them."""

    def __init__(self, X, y, params, train):
        self.X, self.y, self.weight = X, y, params.get("sample_weight")
        if self.weight is not None:
            self.weight = self.weight[train]
        self._transformed = {}

    def task(self, estimator):
        """Return the task of a candidate, or None if it is no autoencoder."""
        final = _final_step(estimator)
        if not isinstance(final, BaseAutoencoder):
            return None
        if not isinstance(estimator, Pipeline):
            return Task(final, self.X, self.weight)
        if self.weight is not None or len(estimator.steps) < 2:
            return None
        return self._task_behind(estimator, final)

    def _task_behind(self, pipeline, final):
        before = pipeline[:-1]
        key = joblib.hash(before.get_params())
        try:
            if key not in self._transformed:
                self._transformed[key] = before.fit_transform(self.X, self.y)
        except Exception:  # it will be raised again where the search fits the candidate
            return None
        return Task(final, self._transformed[key])


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


def _final_step(estimator):
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _say_why(search, left, candidates):
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

    The smaller the networks and their batches, the more is saved. Where rows are held
    out (``early_stopping=True``), only fits of one learning rate are stacked. With a
    :class:`sklearn.pipeline.Pipeline` whose last step is an autoencoder, the steps
    before it are fitted once for each fold. What cannot be batched is fitted one by
    one, and a warning says so.

    Parameters
    ----------
    estimator : Autoencoder, DenoisingAutoencoder or Pipeline that ends in one
        The estimator whose parameters are searched.
    param_grid : dict or list of dict
        Values by the name of the parameter.
    scoring, refit, cv, verbose, pre_dispatch, error_score, return_train_score : \
any
        As of :class:`sklearn.model_selection.GridSearchCV`.
    n_jobs : int, default=None
        Threads that train stacks side by side; None is one, -1 all cores.

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

    Parameters
    ----------
    estimator : Autoencoder, DenoisingAutoencoder or Pipeline that ends in one
        The estimator whose parameters are searched.
    param_distributions : dict or list of dict
        Lists of values or distributions, by the name of the parameter.
    n_iter : int, default=10
        Candidates.
    scoring, refit, cv, verbose, pre_dispatch, random_state, error_score : any
        As of :class:`sklearn.model_selection.RandomizedSearchCV`.
    return_train_score : bool, default=False
        Likewise.
    n_jobs : int, default=None
        Threads that train stacks side by side; None is one, -1 all cores.

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
