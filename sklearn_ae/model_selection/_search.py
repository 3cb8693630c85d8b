"""scikit-learn's searches, with all fits of one shape trained as one network."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, indexable

from .._base import BaseAutoencoder
from .._compat import params_at, safe_split
from .._together import obstacle_of
from ._fits import Fits, FixedSplits, Fold
from ._step_cache import StepCache


class Asked(NamedTuple):
    """What a search is to be fitted to, and how.

    Attributes
    ----------
    X, y : array-like
    routed : Bunch
        What of the parameters of ``fit`` goes to the estimator, and to the splitter.
    n_jobs : int or None
    candidates : list of dict
    batched : list of bool
        Whether each candidate is trained together with others.
    obstacle : str or None
        Why none can be, whatever it is.
    """

    X: object
    y: object
    routed: Bunch
    n_jobs: int | None
    candidates: list
    batched: list
    obstacle: str | None


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
            estimator, or any to a Pipeline, nothing is batched.

        Returns
        -------
        self : object
            The search, with scikit-learn's attributes.
        """
        self._validate_params()
        X, y = indexable(X, y)
        given = {name: getattr(self, name) for name in ("estimator", "n_jobs", "cv")}
        self._asked = self._ask(X, y, params)
        cache = StepCache()
        try:
            self._prepare(cache)
            return super().fit(X, y, **params)
        finally:
            del self._asked
            cache.clear()
            if self.estimator is not given["estimator"]:  # scorers may hold it
                self.estimator.set_params(memory=None)
            _forget_steps(getattr(self, "best_estimator_", None))
            vars(self).update(given)

    def _ask(self, X, y, params):
        """Return what is :class:`Asked`; candidates are drawn here, and only here."""
        candidates = list(self._candidates())
        with warnings.catch_warnings():  # what there is to say, the search will say
            warnings.simplefilter("ignore")
            routed = self._get_routed_params_for_fit(params)
        obstacle = self._find_obstacle(routed.estimator.fit)
        batched = [
            obstacle is None and not _obstacle_of(estimator)
            for estimator in self._estimators(candidates)
        ]
        return Asked(X, y, routed, self.n_jobs, candidates, batched, obstacle)

    def _estimators(self, candidates):
        return [
            clone(self.estimator).set_params(**clone(candidate, safe=False))
            for candidate in candidates
        ]

    def _find_obstacle(self, fit_params):
        """Return why no candidate can be batched, or None if some may be."""
        is_pipeline = isinstance(self.estimator, Pipeline)
        if set(fit_params) - (set() if is_pipeline else {"sample_weight"}):
            return (
                f"fit was given {sorted(fit_params)}. Fits that are trained together "
                "take sample_weight, unless they are a Pipeline's, and nothing else."
            )
        return None

    def _prepare(self, cache):
        """Make the search look for its fits where they will be, and its steps too."""
        if isinstance(self.cv, Iterator):  # it gives its splits once
            self.cv = list(self.cv)
        if not any(self._asked.batched):
            return
        self.n_jobs = 1  # what is left to do is to score, where the fits are
        if isinstance(self.estimator, Pipeline) and self.estimator.memory is None:
            self.estimator = clone(self.estimator).set_params(memory=cache)

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        def evaluate(candidates, **context):  # which have been drawn already
            return self._evaluate(evaluate_candidates, context)

        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)

    def _evaluate(self, evaluate_candidates, context):
        """Evaluate the candidates, once those that can be batched are fitted."""
        X, y, routed, n_jobs, candidates, batched, obstacle = self._asked
        estimators = self._estimators(candidates)
        if not all(batched):
            message = _say_why(self, candidates, estimators, obstacle)
            warnings.warn(message, UserWarning, stacklevel=2)
        if not any(batched):
            return evaluate_candidates(candidates, **context)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = cv.split(X, y, **routed.splitter.split)
        cv, fits = FixedSplits(list(splits)), Fits()
        for train, _ in cv.splits:
            rows = safe_split(self.estimator, X, y, train)
            fold = Fold(*rows, finds_outliers=self.scoring is not None)
            fold.weight = params_at(X, routed.estimator.fit, train).get("sample_weight")
            for estimator, is_batched in zip(estimators, batched, strict=True):
                fits.add(fold.task(clone(estimator)) if is_batched else None)
        fits.make(n_jobs, self.error_score == "raise", self.verbose)
        with fits.bank.open():
            results = evaluate_candidates(candidates, cv, **context)
        fits.correct_times(results, len(candidates), len(cv.splits))
        return results

    def __getstate__(self):
        # For workers: they are given the rows themselves.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_asked"}


def _obstacle_of(estimator):
    """Return what keeps an estimator from being batched, or nothing."""
    is_pipeline = isinstance(estimator, Pipeline)
    final = estimator.steps[-1][1] if is_pipeline else estimator
    if not isinstance(final, BaseAutoencoder):
        what = "its last step" if is_pipeline else "it"
        return f"{what} is a {type(final).__name__}"
    return obstacle_of(final)


def _forget_steps(best):
    """Drop the steps that the best estimator has kept while it was searched."""
    if isinstance(best, Pipeline) and isinstance(best.memory, StepCache):
        best.set_params(memory=None)


def _say_why(search, candidates, estimators, obstacle):
    name = type(search).__name__
    reasons = [_obstacle_of(estimator) for estimator in estimators]
    if obstacle is not None and not all(reasons):
        return f"{name} fits all candidates one by one: {obstacle}"
    left = [pair for pair in zip(candidates, reasons, strict=True) if pair[1]]
    return (
        f"{name} fits {len(left)} of {len(candidates)} candidates one by one, such as "
        f"{left[0][0]}: {left[0][1]}. Only Autoencoder, OutlierAutoencoder and "
        "DenoisingAutoencoder with network='dense', alone or as the last step of a "
        "Pipeline, and without callbacks, warm_start, verbose and a share to trim, are "
        "trained together."
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
    estimator : Autoencoder, OutlierAutoencoder, DenoisingAutoencoder or Pipeline
        The estimator whose parameters are searched; a Pipeline that ends in one of
        them.
    param_grid : dict or list of dict
        Values by the name of the parameter.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are judged by; None is the estimator's own ``score``.
    n_jobs : int, default=None
        Processes that train stacks side by side; None is one, -1 all cores. Scores,
        and candidates beside them that cannot be batched, are left to this one; where
        none can be batched, all processes fit and score.
    refit : bool, str or callable, default=True
        Whether to fit the best to all rows, or how it is found.
    cv : int, cross-validator or iterable, default=None
        The splits; None is five folds.
    verbose : int, default=0
        Above 0, a line for each stack, once it is trained; then what scikit-learn's
        search says of fits and scores, the more the higher.
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

    def _candidates(self):
        return ParameterGrid(self.param_grid)


class BatchedRandomizedSearchCV(BatchedSearchMixin, RandomizedSearchCV):
    """Search over drawn parameters; candidates and folds are trained together.

    :class:`sklearn.model_selection.RandomizedSearchCV` in all it takes, does and leaves
    behind; see :class:`BatchedGridSearchCV` for what is trained together.

    Read more in the :ref:`User Guide <batched_search>`.

    Parameters
    ----------
    estimator : Autoencoder, OutlierAutoencoder, DenoisingAutoencoder or Pipeline
        The estimator whose parameters are searched; a Pipeline that ends in one of
        them.
    param_distributions : dict or list of dict
        Lists of values or distributions, by the name of the parameter.
    n_iter : int, default=10
        Candidates.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are judged by; None is the estimator's own ``score``.
    n_jobs : int, default=None
        Processes that train stacks side by side; None is one, -1 all cores. Scores,
        and candidates beside them that cannot be batched, are left to this one; where
        none can be batched, all processes fit and score.
    refit : bool, str or callable, default=True
        Whether to fit the best to all rows, or how it is found.
    cv : int, cross-validator or iterable, default=None
        The splits; None is five folds.
    verbose : int, default=0
        Above 0, a line for each stack, once it is trained; then what scikit-learn's
        search says of fits and scores, the more the higher.
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

    def _candidates(self):
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )
