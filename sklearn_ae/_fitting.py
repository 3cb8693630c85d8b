"""Fit a network to given rows: the one core below every estimator.

It knows of rows, weights and settings, not of estimators, and can be called again: on
other rows, from other seeds, from an earlier network.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from ._anchor import Metric, Problem, order_codes
from ._fitted import Fitted
from .networks import select_model
from .training import (
    CPU,
    LazyRows,
    Run,
    Scaling,
    Settings,
    fit_scaling,
    make_plan,
    make_source,
    row_keys,
    rows_at,
    train,
    wide_dtype,
)


@dataclass(frozen=True)
class Recipe:
    """What an estimator asks of a fit.

    Attributes
    ----------
    make_network : callable
        ``make_network(n_models, n_features, n_components)`` returns a network.
    n_components : int or float
    standardize, hold_out, cross_fit : bool
    validation_fraction : float
    settings : Settings
    weight_seed, projection_seed : int
    make_anchor : callable
        Returns the ``Anchor`` of a ``Problem``: where the networks start.
    make_loss : callable
        Returns the loss of a ``Scaling`` and a ``Metric``.
    arrange_codes : callable
        ``arrange_codes(fitted)`` settles how codes are shown.
    make_corruptions : callable
        Returns the ``Corruptions`` of a source and its weights.
    max_folds : int
        Folds of a cross-fit, at most.
    start_is_a_model : bool
        Whether networks too few rows can judge stay at their start.
    kind : NetworkKind
        Says in which blocks rows are read after training.
    fit_scaling : callable
        Returns the ``Scaling`` of rows and weights, and the variance of each column.
    grid_shape : tuple (height, width, n_channels) or None
        Of images; None where columns are no neighbours of each other.
    pretrain : callable or None
        ``pretrain(run, seed)`` prepares the networks of a run that starts afresh.
    """

    make_network: Callable
    n_components: int | float
    standardize: bool
    hold_out: bool
    cross_fit: bool
    validation_fraction: float
    settings: Settings
    weight_seed: int
    projection_seed: int
    make_anchor: Callable
    make_loss: Callable
    arrange_codes: Callable
    make_corruptions: Callable
    start_is_a_model: bool
    max_folds: int
    kind: object
    fit_scaling: Callable = fit_scaling
    grid_shape: tuple | None = None
    pretrain: Callable | None = None


class Start(NamedTuple):
    """An earlier model to go on from, instead of PCA.

    Attributes
    ----------
    network : torch module, a stack of one model
    scaling : Scaling
        The units its rows are in.
    code_unit : float
        The unit its raw codes are in.
    """

    network: torch.nn.Module
    scaling: Scaling
    code_unit: float


class Units(NamedTuple):
    """The units of a fit, and the mean of its rows."""

    scaling: Scaling
    metric: Metric
    mean: np.ndarray


class Job(NamedTuple):
    """A fit that is set up and not trained.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
    recipe : Recipe
    units : Units
    run : Run
        What is to be trained.
    anchor : Anchor or None
    start : Start or None
    """

    X: object
    recipe: Recipe
    units: Units
    run: Run
    anchor: object
    start: Start | None


def fit_network(X, weight, group, recipe, *, index=None, callbacks=(), start=None):
    """Fit a network to the rows of ``X``, or to those at ``index``.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
    weight : ndarray of shape (n,)
        Above zero.
    group : ndarray of shape (n,)
        Ranks of the rows' contents.
    recipe : Recipe
    index : ndarray of int or None
        Positions of the rows to fit to; the others might as well not be there.
    callbacks : sequence of skorch callbacks
    start : Start or None

    Returns
    -------
    fitted : Fitted
    """
    if index is not None:
        X, weight = rows_at(X, index), weight[index]
        group = np.unique(group[index], return_inverse=True)[1]
    job = set_up(X, weight, group, recipe, start)
    return complete(job, train(job.run, callbacks))


def set_up(X, weight, group, recipe, start=None, source=None):
    """Return the :class:`Job` of a fit; ``source`` has the rows if they are read."""
    units = make_metric(X, weight, recipe.standardize, start, recipe.fit_scaling)
    scaling, metric, mean = units
    plan = plan_for(X.shape[1], weight, group, recipe, start)
    settings = settings_for(plan, recipe)
    precise = LazyRows(X, scaling, torch.float64, CPU)
    corruptions = recipe.make_corruptions(precise, weight)
    if start is None:
        stack, anchor = make_stack(precise, plan, units, recipe, corruptions.evaluation)
    else:
        stack, anchor = select_model(start.network, 0), None
    keys = None
    if stack.noise_width or corruptions.evaluation:
        keys = held_out_keys(X, plan, settings.noise_seed)
    if source is None:
        source = make_source(X, scaling, settings.dtype, settings.device)
    run = Run(
        stack,
        source,
        plan,
        weight,
        recipe.make_loss(scaling, metric),
        settings,
        mean_row=(mean - scaling.mean) / scaling.std,
        corruptions=corruptions,
        keys=keys,
    )
    if start is None and recipe.pretrain is not None:
        recipe.pretrain(run, recipe.weight_seed)
    return Job(X, recipe, units, run, anchor, start)


def complete(job, training):
    """Return what a job has come to, once it is trained."""
    X, recipe, units, run, anchor, start = job
    wide = wide_dtype(run.settings.device)
    stack = made_precise(training.network, wide, start, anchor)
    rows = LazyRows(X, units.scaling, wide, run.settings.device)
    loss = run.loss.to(run.settings.device, wide)  # the net has its own
    fitted = Fitted(
        network=select_model(stack, run.plan.final).eval(),
        stack=stack,
        scaling=units.scaling,
        mean=units.mean,
        metric=units.metric,
        plan=run.plan,
        training=training,
        loss=loss,
        corruptions=run.corruptions,
        rows=rows,
        weight=run.weight,
        kind=recipe.kind,
    )
    recipe.arrange_codes(fitted)
    return fitted


def plan_for(n_features, weight, group, recipe, start):
    """Return the plan of a fit that goes on from ``start``, if there is one."""
    return make_plan(
        group,
        weight,
        hold_out=recipe.hold_out,
        validation_fraction=recipe.validation_fraction,
        # The earlier model has seen its rows, all of them where it was cross-fitted.
        cross_fit=recipe.cross_fit and start is None,
        n_features=n_features,
        max_folds=recipe.max_folds,
    )


def settings_for(plan, recipe):
    """Return how to train; not at all where rows are too few to judge the start by."""
    undecided = recipe.hold_out and not len(plan.held_out_rows)
    if undecided and recipe.start_is_a_model:
        return replace(recipe.settings, max_epochs=0)
    return recipe.settings


def made_precise(stack, dtype, start, anchor):
    """Return a trained stack in a wide dtype, with its linear path exact again."""
    stack = stack.to(dtype).eval()
    if start is None:
        stack.settle(anchor)
    else:
        stack.copy_linear_path(start.network)
    return stack


def held_out_keys(X, plan, seed):
    """Return keys of the held-out rows' contents, in the places of the rows."""
    # In the order of the rows: a permutation of them all would read as all of them.
    index = np.sort(plan.held_out_rows)
    keys = np.zeros(X.shape[0], dtype=np.uint64)
    keys[index] = row_keys(rows_at(X, index), seed)
    return keys


def arrange_as_principal(fitted):
    """Turn codes such that they are uncorrelated and ordered, as PCA's."""
    order_codes(fitted.network, *fitted.code_moments, fitted.metric)


def leave_codes(fitted):
    """Leave codes as the network gives them: each has a meaning of its own."""


def make_metric(X, weight, standardize, start=None, fit_scaling=fit_scaling):
    """Return the :class:`Units` of a fit; those of ``start`` stay where they were."""
    own, variance = fit_scaling(X, weight)
    scaling = own if start is None else start.scaling
    unit = np.ones_like(scaling.std) if standardize else scaling.std
    metric = Metric(
        torch.from_numpy(unit),
        torch.from_numpy(variance / scaling.std**2),
        None if start is None else start.code_unit,
    )
    return Units(scaling, metric, own.mean)


def make_stack(source, plan, units, recipe, corruption=None):
    """Return the plan's networks, initialised and at their start, and the anchor."""
    anchor = recipe.make_anchor(
        Problem(
            source,
            torch.from_numpy(plan.anchor_weight),
            units.scaling,
            units.metric,
            recipe.n_components,
            recipe.projection_seed,
            corruption,
            plan.group,
            torch.from_numpy(plan.train_weight),
            recipe.grid_shape,
            recipe.settings.device,
        )
    )
    stack = recipe.make_network(
        n_models=plan.n_models,
        n_features=source.n_features,
        n_components=anchor.encoder.shape[-1],
    )
    stack.to(recipe.settings.dtype)
    # One seed for all: folds that start alike stop alike, and the final model's twin
    # on other rows is what the held-out rows judge.
    stack.initialise([recipe.weight_seed] * plan.n_models)
    stack.set_anchor(anchor)
    return stack, anchor
