"""The base of all estimators: parameters, fit, fitted attributes, pickles."""

import copy
import warnings
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from ._codes import CodesMixin
from ._compat import (
    CallbackSupportMixin,
    fit_context,
    open_callback_context,
    with_callbacks,
)
from ._diagnosis import DiagnosisMixin
from ._facts import is_cut_short
from ._fit_bank import adopt_fit
from ._fitting import Recipe, Start, complete, set_up
from ._inputs import weigh_rows
from ._parameters import SharedParameters, as_plain
from ._persistence import pack, unpack
from ._recipes import RecipeMixin
from ._reference import Reference
from ._streaming import StreamingMixin
from ._transaction import all_or_nothing
from ._variant import Variant
from .training import (
    EpochBar,
    ScikitLearnCallbacks,
    content_ranks,
    cpu_threads,
    draw_seeds,
    losses_of,
    make_net,
    resolve_device,
    rows_at,
    train,
    wide_dtype,
    with_enough_memory,
)


class Opened(NamedTuple):
    """A fit whose parameters and rows are in order.

    Attributes
    ----------
    rows : ndarray or CSR matrix of shape (n, n_features)
    weight : ndarray of shape (n,)
    group : ndarray of shape (n,)
        Ranks of the rows' contents.
    recipe : Recipe
    start : Start or None
    """

    rows: object
    weight: np.ndarray
    group: np.ndarray
    recipe: Recipe
    start: Start | None

    def of(self, index):
        """Return the fit of the rows at ``index`` alone."""
        settings = self.recipe.settings
        settings = replace(settings, batch_size=min(settings.batch_size, len(index)))
        return Opened(
            rows_at(self.rows, index),
            self.weight[index],
            np.unique(self.group[index], return_inverse=True)[1],
            replace(self.recipe, settings=settings),
            self.start,
        )


class BaseAutoencoder(
    CodesMixin,
    DiagnosisMixin,
    StreamingMixin,
    RecipeMixin,
    Variant,
    SharedParameters,
    CallbackSupportMixin,
    BaseEstimator,
):
    """What all autoencoders of this package share.

    A subclass answers what :class:`Variant` asks, and adds its own parameters. The
    estimator has a skorch net; it is none.
    """

    @property
    def _row_shape(self):
        return self._layout.row_shape(self)

    @property
    def _layout(self):
        return self._network_kind.layout

    def _check_params(self):
        """Check what the parameter constraints cannot say."""
        self._network_kind.check()
        resolve_device(self.device)
        self._check_callbacks()

    # Parameters that shape the network, which a fit that goes on cannot change.
    _structural = ("n_components", "standardize")

    def _structural_params(self):
        # As plain values: a list or an array of sizes says the same as a tuple.
        values = {name: getattr(self, name) for name in self._structural}
        return {name: as_plain(value) for name, value in values.items()}

    def _check_structure(self):
        """Refuse to go on with a network of another shape than asked for."""
        for name, value in self._structural_params().items():
            if value != self._structure[name]:
                raise ValueError(
                    f"{name}={value!r} differs from {self._structure[name]!r}, with "
                    f"which this {type(self).__name__} was fitted, and cannot change "
                    "where training goes on. Fit a new one, or set it back."
                )

    # -- fit

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the autoencoder to rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The training rows, at least two. Sparse rows are made dense batch by batch.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: a weight of two is a row given twice, a weight of
            zero a row left out. None weighs all rows alike.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or ``X`` is out of order, before any training; or if
            training diverges. The estimator then is as it was before.
        """
        if adopt_fit(self, X, sample_weight):
            return self
        opened = self._open(X, sample_weight)
        context = open_callback_context(self, opened.recipe.settings.max_epochs)
        with cpu_threads(self._n_threads(opened.recipe)):
            self._adopt(*self._train(opened, context))
        return self

    def _open(self, X, sample_weight):
        """Check parameters and rows; return the :class:`Opened` fit."""
        self._check_params()
        warm = self.warm_start and hasattr(self, "net_")
        X = self._draw(X, sample_weight, reset=not warm)
        rows = self._layout.read(self, X, reset=not warm, min_rows=2)
        self._check_rows(rows)
        rows, weight = weigh_rows(self, rows, sample_weight, least=2)
        if warm:
            self._layout.check_block(self, rows)
        else:
            rows = self._layout.trimmed(self, rows)
        seeds = draw_seeds(self.random_state)
        group = content_ranks(rows, seeds.split)
        n_distinct = int(group.max()) + 1
        device = self._device_for(*rows.shape, n_distinct)
        recipe = self._recipe(*rows.shape, n_distinct, seeds, device)
        start = None
        if warm:
            self._check_structure()
            network = self._adapt(copy.deepcopy(self.net_.module_))
            start = Start(network, self._scaling, self._code_unit)
        return Opened(rows, weight, group, recipe, start)

    def _draw(self, X, sample_weight, **how):
        """Return what to train on of ``X``: all of it, or patches of its images."""
        if not hasattr(self._layout, "draw"):
            return X
        return self._layout.draw(self, X, sample_weight, **how)

    def _set_up(self, opened, source=None):
        """Return the :class:`Job` of an opened fit."""
        rows, weight, group, recipe, start = opened
        if start is None:
            self._explore(rows, weight, group, recipe)
        return set_up(rows, weight, group, recipe, start, source)

    def _train(self, opened, context):
        """Run the fit; return what it came to and the recipe that it followed.

        Where a GPU's memory is too small for the steps it starts again with smaller
        ones, of the rows as they have been read.
        """
        listener, source = None, None
        if context is not None:
            listener = ScikitLearnCallbacks(self, context)

        def attempt(settings):
            nonlocal source
            recipe = replace(opened.recipe, settings=settings)
            job = self._set_up(opened._replace(recipe=recipe), source)
            source = job.run.source
            return job, self._run(job, listener)

        settings, n_rows = opened.recipe.settings, opened.rows.shape[0]
        job, training = with_enough_memory(attempt, settings, n_rows)
        return complete(job, training), job.recipe

    def _run(self, job, listener):
        """Train with the callbacks that report on it."""
        n_epochs = job.recipe.settings.max_epochs
        callbacks = self._make_callbacks(n_epochs)
        if listener is not None:
            callbacks.append(listener)
        with ExitStack() as stack:
            if self.verbose:
                bar = EpochBar(type(self).__name__, n_epochs)
                stack.callback(bar.close)
                callbacks.append(bar)
            return train(job.run, callbacks)

    def _adopt(self, fitted, recipe):
        """Become what a fit has come to."""
        self._publish(fitted, recipe)
        self._fit_detector(fitted)

    def _publish(self, fitted, recipe):
        """Set the fitted attributes."""
        training, settings = fitted.training, recipe.settings
        wide = replace(settings, dtype=wide_dtype(settings.device), callbacks=())
        self.net_ = make_net(fitted.network, fitted.loss, wide)
        self.net_.history = training.history
        self.device_ = str(settings.device)
        self._scaling = fitted.scaling
        self._code_unit = fitted.metric.code_unit
        self._corruption, self._evaluation = fitted.corruptions
        reference = Reference(len(fitted.mean), recipe.projection_seed)
        self._reference = reference.extended(fitted.rows.X, fitted.weight, fitted.mean)
        self._structure = self._structural_params()
        self.mean_ = fitted.mean
        self.scale_ = fitted.scaling.std.copy() if self.standardize else None
        self.n_components_ = fitted.network.n_components
        self._describe_codes(fitted)
        self._layout.describe(self, fitted)
        self.batch_size_ = settings.batch_size
        self.max_epochs_ = settings.max_epochs
        self.n_epochs_ = len(training.history)
        self.best_epoch_ = int(training.kept_epoch[0])
        self.history_ = losses_of(training)
        self._describe_training(training)
        self._warn_if_cut_short()

    def _warn_if_cut_short(self):
        if is_cut_short(self):
            warnings.warn(
                f"{type(self).__name__} was still improving when its max_epochs="
                f"{self.max_epochs_} ran out. Raise max_epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )

    # -- scikit-learn's conventions

    @classmethod
    def _get_param_names(cls):
        return list(cls._known_param_names())

    @classmethod
    @cache
    def _known_param_names(cls):
        # scikit-learn reads the signature anew at every question, of which a search
        # asks dozens for each fit.
        return tuple(super()._get_param_names())

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __getstate__(self):
        return pack(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(unpack(state))
