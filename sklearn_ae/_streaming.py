"""``partial_fit``: a network that goes on learning from blocks of rows."""

from dataclasses import replace

import torch

from ._fitting import Fitted, make_metric
from ._persistence import copy_net
from .training import (
    CLEAN,
    Batches,
    Chance,
    LazyRows,
    TrainingBatches,
    content_ranks,
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


def as_fitted(net, reference, start, recipe):
    """Return the reference rows and a net in the form that detectors learn from."""
    X, weight = reference.rows, reference.weight
    scaling = start.scaling
    metric = make_metric(X, weight, recipe.standardize, start).metric
    plan = make_plan(
        content_ranks(X, reference.seed),
        weight,
        hold_out=False,
        validation_fraction=recipe.validation_fraction,
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
        code_covariance=None,
    )


def first_block_recipe(recipe):
    """Return the recipe of a fit that sets up PCA and does not train."""
    settings = replace(recipe.settings, max_epochs=0)
    return replace(recipe, hold_out=False, cross_fit=False, settings=settings)
