"""``partial_fit``: a network that goes on learning from blocks of rows."""

from dataclasses import replace

import numpy as np
import torch

from . import _defaults
from ._compat import fit_context
from ._fitted import Fitted
from ._fitting import Start, fit_network, make_metric
from ._inputs import weigh_rows
from ._persistence import copy_net
from ._transaction import all_or_nothing
from .training import (
    CLEAN,
    Batches,
    Chance,
    LazyRows,
    Training,
    TrainingBatches,
    content_ranks,
    cpu_threads,
    draw_seeds,
    lengths_in,
    make_plan,
    make_source,
)


def train_on_block(net, X, weight, scaling, corruption, settings, adapt=None):
    """Return a copy of ``net`` trained for one pass over a block of rows."""
    net = copy_net(net, settings)
    if adapt is not None:
        adapt(net.module_)
    device, dtype = torch.device(net.device), net.criterion_.column_weight.dtype
    # The step as well, or every block would be read in the same order.
    settings = replace(
        settings,
        batch_seed=settings.batch_seed + net.step_,
        noise_seed=settings.noise_seed + net.step_,
        dtype=dtype,
        device=device,
    )
    source = make_source(X, scaling, dtype, device)
    batches = TrainingBatches(
        source,
        weight[None],
        batch_size=settings.batch_size,
        seed=settings.batch_seed,
        dtype=dtype,
        device=device,
        chance=Chance.of(net.module_, corruption, settings),
        group=content_ranks(X, settings.batch_seed),
        lengths=lengths_in(net.module_, source),
    )
    net.train(Batches(batches, None), epochs=1)
    net.module_.eval()
    return net


def as_fitted(estimator):
    """Return an estimator's network and sample in the form detectors learn from."""
    net, reference = estimator.net_, estimator._reference
    start = Start(net.module_, estimator._scaling, estimator._code_unit)
    X, weight, scaling = reference.rows, reference.weight, start.scaling
    metric = make_metric(X, weight, estimator.standardize, start).metric
    plan = make_plan(
        content_ranks(X, reference.seed),
        weight,
        hold_out=False,
        validation_fraction=estimator.validation_fraction,
        cross_fit=False,
    )
    device, dtype = torch.device(net.device), net.criterion_.column_weight.dtype
    rows = LazyRows(X, scaling, dtype, device)
    return Fitted(
        network=net.module_,
        stack=net.module_,
        scaling=scaling,
        mean=reference.mean,
        metric=metric,
        plan=plan,
        training=None,
        loss=net.criterion_,
        corruptions=CLEAN,
        rows=rows,
        weight=weight,
        kind=estimator._network_kind,
    )


def first_block_recipe(recipe):
    """Return the recipe of a fit that sets up PCA and does not train, unheard."""
    settings = replace(recipe.settings, max_epochs=0, callbacks=())
    return replace(recipe, hold_out=False, cross_fit=False, settings=settings)


class StreamingMixin:
    """``partial_fit`` of an estimator."""

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
                start = first_block_recipe(recipe)
                group = content_ranks(rows, seeds.split)
                self._publish(fit_network(rows, weight, group, start), start)
            else:
                self._check_structure()
                self._reference = self._reference.extended(rows, weight)
                self._corruption = self._corruption_of_stream()
            self._learn_block(rows, weight, recipe)
        return self

    def _corruption_of_stream(self):
        """Return the corruption as asked for now, from the stream so far."""
        rows, weight = self._reference.rows, self._reference.weight
        source = LazyRows(rows, self._scaling, torch.float64, torch.device("cpu"))
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
        self._describe_anew()

    def _describe_anew(self):
        """Say of the network as it is what a fit says, by a sample of the rows.

        Of which none was held out from it.
        """
        fitted = as_fitted(self)
        self._describe_training(Training(None, self.net_.history, None))
        self._describe_codes(fitted)
        self._layout.describe(self, fitted)
        self._fit_detector(fitted)
