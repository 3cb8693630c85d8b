"""The base of all estimators: parameters, fit, fitted attributes, pickles."""

import copy
import warnings
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from . import _defaults
from ._codes import CodesMixin
from ._compat import (
    CallbackSupportMixin,
    fit_context,
    open_callback_context,
    with_callbacks,
)
from ._fit_bank import adopt_fit
from ._fitting import Recipe, Start, complete, fit_network, set_up
from ._inputs import weigh_rows
from ._parameters import SharedParameters, as_plain
from ._persistence import pack, unpack
from ._reference import Reference
from ._streaming import as_fitted, first_block_recipe, train_on_block
from ._transaction import all_or_nothing
from ._variant import Variant
from .training import (
    EpochBar,
    LazyRows,
    ScikitLearnCallbacks,
    Settings,
    Training,
    choose_device,
    content_ranks,
    cpu_threads,
    draw_seeds,
    losses_of,
    make_net,
    precision_of,
    resolve_device,
    train,
    wide_dtype,
    with_fewer_rows,
)

# A fit counts as cut short if its loss fell by more than this share in the last tenth
# of its epochs.
STILL_IMPROVING = 0.01

CPU = torch.device("cpu")

# Cells of a table, at most, that is trained on in float64.
PRECISE_CELLS = 2**15


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


class BaseAutoencoder(
    CodesMixin, Variant, SharedParameters, CallbackSupportMixin, BaseEstimator
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
        for callback in self.callbacks or ():
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"callbacks={self.callbacks!r} must hold instances of "
                    f"skorch.callbacks.Callback, and {callback!r} is none. "
                    "scikit-learn's callbacks go to set_callbacks."
                )

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

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on learning from another block of rows, in one pass over it.

        The first block, which should be typical of the stream, settles where the
        network starts, the number of components, and what each component of the codes
        means; later blocks train the network and never turn the codes. Nothing
        is held out. Scores and threshold follow a bounded, uniform sample of the rows
        seen. After :meth:`fit`, it goes on from the fitted network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The next rows; the first block at least two, and as many as
            ``n_components``.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows within the block. None weighs all rows alike.

        Returns
        -------
        self : object
            The estimator, fitted to the rows so far.

        Raises
        ------
        ValueError
            As :meth:`fit`.
        """
        self._check_params()
        first = not hasattr(self, "net_")
        n_seen = 0 if first else self._reference.n_seen
        X = self._draw(X, sample_weight, reset=first, n_seen=n_seen)
        rows = self._layout.read(self, X, reset=first, min_rows=2 if first else 1)
        if not first:
            self._layout.check_block(self, rows)
        self._check_rows(rows)
        rows, weight = weigh_rows(self, rows, sample_weight, least=2 if first else 1)
        seeds = draw_seeds(self.random_state)
        # A stream is long, however short its first block.
        sizes = _defaults.SMALL, rows.shape[1], _defaults.SMALL
        recipe = self._recipe(*sizes, seeds, self._device_for(*sizes))
        with cpu_threads(self._n_threads(recipe)):
            if first:
                self._check_first_block(rows)
                recipe = first_block_recipe(recipe)
                group = content_ranks(rows, seeds.split)
                self._publish(fit_network(rows, weight, group, recipe), recipe)
            else:
                self._check_structure()
                self._reference = self._reference.extended(rows, weight)
                self._corruption = self._corruption_of_stream()
            self._learn_block(rows, weight, recipe)
        return self

    def _draw(self, X, sample_weight, **how):
        """Return what to train on of ``X``: all of it, or patches of its images."""
        if not hasattr(self._layout, "draw"):
            return X
        return self._layout.draw(self, X, sample_weight, **how)

    def _corruption_of_stream(self):
        """Return the corruption as asked for now, from the stream so far."""
        rows, weight = self._reference.rows, self._reference.weight
        source = LazyRows(rows, self._scaling, torch.float64, CPU)
        return self._make_corruptions(source, weight).training

    def _check_first_block(self, rows):
        """Refuse a first block whose PCA could not have the components asked for."""
        n_components = self._count_components(rows.shape[1])
        least = max(2, min(int(n_components), rows.shape[1]))
        if rows.shape[0] < least:
            raise ValueError(
                f"n_components={n_components!r} needs a first block of at least "
                f"{least} samples, and it has {rows.shape[0]}. Give partial_fit a "
                "larger first block, typical of the stream."
            )

    def _device_for(self, n_rows, n_features, n_distinct):
        """Return where to train on rows of this shape."""
        device = resolve_device(self.device)
        if self.device != "auto":
            return device
        batch_size = self._batch_size_for(n_rows)
        return choose_device(
            device, self._step_flops(batch_size, n_features, n_distinct)
        )

    def _batch_size_for(self, n_rows):
        return _or(self.batch_size, self._network_kind.batch_size(n_rows))

    def _recipe(self, n_rows, n_features, n_distinct, seeds, device):
        """Resolve the parameters for rows of this shape."""
        kind = self._network_kind
        batch_size = self._batch_size_for(n_rows)
        # One small batch in float64 costs little, and makes a weight of two equal to a
        # row given twice to the last digits.
        precise = n_rows <= batch_size and n_rows * n_features <= PRECISE_CELLS
        dtype, products = precision_of(self.precision, device, precise)
        n_batches = -(-n_rows // batch_size)
        schedule = kind.schedule(self._schedule, n_batches)
        epochs = _or(
            self.max_epochs,
            _defaults.max_epochs_for(n_distinct, n_batches, schedule),
        )
        n_components = self._count_components(n_features)
        is_count = isinstance(n_components, Integral)
        return Recipe(
            make_network=partial(self._make_network, n_distinct=n_distinct),
            n_components=(int if is_count else float)(n_components),
            standardize=self.standardize,
            hold_out=self.early_stopping,
            cross_fit=True,
            validation_fraction=self.validation_fraction,
            settings=Settings(
                max_epochs=epochs,
                batch_size=batch_size,
                learning_rate=_or(
                    self.learning_rate, self._auto_learning_rate(n_distinct)
                ),
                weight_decay=_or(self.weight_decay, self._auto_weight_decay()),
                n_iter_no_change=self.n_iter_no_change,
                batch_seed=seeds.batches,
                dtype=dtype,
                device=device,
                callbacks=tuple(self.callbacks or ()),
                noise_seed=seeds.noise,
                beta2=kind.beta2(self._is_corrupted),
                products=products,
            ),
            weight_seed=seeds.weights,
            projection_seed=seeds.projection,
            make_anchor=kind.anchor_of(self._make_anchor, self._row_shape),
            make_loss=self._make_loss,
            arrange_codes=self._arrange_codes,
            make_corruptions=self._make_corruptions,
            start_is_a_model=self._start_is_a_model and kind.start_is_a_model,
            max_folds=min(self._max_folds, kind.max_folds),
            fit_scaling=self._fit_scaling,
            grid_shape=kind.grid_shape(self._row_shape),
        )

    def _fit_scaling(self, X, weight):
        return self._network_kind.fit_scaling(X, weight, self._row_shape)

    def _n_threads(self, recipe):
        batch_size = recipe.settings.batch_size
        return self._network_kind.n_threads(batch_size, self.n_features_in_)

    def _set_up(self, opened, source=None):
        """Return the :class:`Job` of an opened fit."""
        rows, weight, group, recipe, start = opened
        if start is None:
            self._explore(rows, weight, group, recipe)
        return set_up(rows, weight, group, recipe, start, source)

    def _train(self, opened, context):
        """Run the fit; return what it came to and the recipe that it followed.

        Where a GPU's memory is too small for the batches it starts again with smaller
        ones.
        """
        listener = None
        if context is not None:
            listener = ScikitLearnCallbacks(self, context)
        while True:
            try:
                return self._train_once(opened, listener), opened.recipe
            except torch.OutOfMemoryError:
                rows, recipe = opened.rows, opened.recipe
                settings = with_fewer_rows(recipe.settings, rows.shape[0])
                if settings is None:
                    raise
            opened = opened._replace(recipe=replace(recipe, settings=settings))

    def _train_once(self, opened, listener):
        """Run the fit with the callbacks that report on it."""
        job, n_epochs = self._set_up(opened), opened.recipe.settings.max_epochs
        callbacks = self._make_callbacks(n_epochs)
        if listener is not None:
            callbacks.append(listener)
        with ExitStack() as stack:
            if self.verbose:
                bar = EpochBar(type(self).__name__, n_epochs)
                stack.callback(bar.close)
                callbacks.append(bar)
            return complete(job, train(job.run, callbacks))

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
        self._warn_if_cut_short(training)

    def _warn_if_cut_short(self, training):
        losses = self.history_.get("valid_loss", ())
        in_vain = training.improved is not None and not training.improved
        if len(losses) < max(2, self.max_epochs_) or in_vain:
            return
        last = max(1, len(losses) // 10)
        before, after = losses[:-last].min(), losses[-last:].min()
        # Shares of the variance end at zero; other losses at no known value.
        relative = self.net_.criterion_.is_relative
        whole = before if relative else training.start_loss.mean() - after
        if before - after > STILL_IMPROVING * whole:
            warnings.warn(
                f"{type(self).__name__} was still improving when its max_epochs="
                f"{self.max_epochs_} ran out. Raise max_epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _learn_block(self, rows, weight, recipe):
        """Train on a block of a stream and bring the attributes up to it."""
        self.net_ = train_on_block(
            self.net_,
            rows,
            weight,
            self._scaling,
            self._corruption,
            recipe.settings,
            self._adapt,
        )
        self.mean_ = self._reference.mean
        self.n_epochs_ += 1
        self.best_epoch_ = self.n_epochs_
        loss = self.net_.history[-1, "train_loss"]
        self.history_ = {"train_loss": np.append(self.history_["train_loss"], loss)}
        self._describe_training(Training(None, self.net_.history, None))
        start = Start(self.net_.module_, self._scaling, self._code_unit)
        fitted = as_fitted(self.net_, self._reference, start, recipe)
        self._describe_codes(fitted)
        self._layout.describe(self, fitted)
        self._fit_detector(fitted)

    # -- scikit-learn's conventions

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


def _or(parameter, default):
    return default if isinstance(parameter, str) else parameter
