"""Two loops over one network: that of ``fit``, and one written by hand."""

import copy
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sklearn_ae._fitting import make_metric, make_stack
from sklearn_ae.networks._layers import StackedLinear
from sklearn_ae.training import (
    LazyRows,
    ReconstructionLoss,
    Run,
    Settings,
    content_ranks,
    draw_seeds,
    make_net,
    make_plan,
    make_source,
    train,
)
from sklearn_ae.training._batches import by_length

SKORCH, BY_HAND, PLAIN = "skorch", "by hand", "by hand, nn.Linear"

# How far losses of one model may differ in the first epochs, and in all, of themselves.
EARLY, SAME_EARLY, SAME = 2, 1e-3, 1e-2

CPU = torch.device("cpu")


class Problem(NamedTuple):
    """Everything that is ready before training starts, for all loops alike."""

    network: nn.Module
    source: object
    plan: object
    column_weight: np.ndarray
    settings: Settings
    adam: dict


def problem_of(estimator, X):
    """Return rows and the anchored network as ``fit`` prepares them, and threads.

    Parameters
    ----------
    estimator : estimator instance
        With ``early_stopping=False`` and a ``max_epochs``.
    X : array-like
        In a layout of the estimator's.
    """
    X = estimator._layout.read(estimator, X, reset=True)
    weight, seeds = np.ones(len(X)), draw_seeds(0)
    recipe = estimator._recipe(*X.shape, len(X), seeds, CPU)
    units = make_metric(X, weight, recipe.standardize, fit_scaling=recipe.fit_scaling)
    scaling, metric, _ = units
    plan = make_plan(
        content_ranks(X, seeds.split),
        weight,
        hold_out=False,
        validation_fraction=recipe.validation_fraction,
        cross_fit=False,
    )
    rows = LazyRows(X, scaling, torch.float64, CPU)
    network, _ = make_stack(rows, plan, units, recipe)
    settings, column_weight = recipe.settings, metric.column_weight
    loss = recipe.make_loss(scaling, metric)
    source = make_source(X, scaling, settings.dtype, settings.device)
    # The loop by hand takes the optimiser's parameters from ours, so that they agree.
    adam = make_net(copy.deepcopy(network), loss, settings).optimizer_.defaults
    adam = {name: adam[name] for name in ("lr", "betas", "eps", "weight_decay")}
    problem = Problem(network, source, plan, column_weight, settings, adam)
    return problem, estimator._n_threads(recipe)


# -- the loops


def train_by_skorch(problem):
    """Return the network that the loop of ``fit`` trains, and the loss by epoch."""
    run = Run(
        copy.deepcopy(problem.network),
        problem.source,
        problem.plan,
        np.ones(problem.source.n_rows),
        ReconstructionLoss(problem.column_weight),
        problem.settings,
    )
    training = train(run)
    return training.network, [row["train_loss"] for row in training.history]


def train_by_hand(problem, network=None, lengths=None):
    """Return the trained network and the loss of each epoch.

    Rows of several ``lengths`` meet others of about theirs in a batch.
    """
    settings, rows = problem.settings, problem.source.rows
    network = copy.deepcopy(problem.network if network is None else network).train()
    column_weight = torch.tensor(problem.column_weight, dtype=settings.dtype)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True, **problem.adam)
    generator = torch.Generator().manual_seed(settings.batch_seed)
    history, step = [], 0
    n_steps = -(-len(rows) // settings.batch_size) * settings.max_epochs
    for _ in range(settings.max_epochs):
        losses, sizes = [], []
        order = torch.randperm(len(rows), generator=generator)
        parts = order.split(settings.batch_size)
        if lengths is not None:
            parts = by_length(order, lengths, settings.batch_size, generator)
        for index in parts:
            batch = rows[index]
            falling = (1 + math.cos(math.pi * (step / n_steps))) / 2
            optimizer.param_groups[0]["lr"] = problem.adam["lr"] * falling
            step += 1
            optimizer.zero_grad()
            squares = (network(batch).reconstruction - batch).square()
            loss = (squares @ column_weight).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            sizes.append(len(index))
        shares = torch.tensor(sizes, dtype=settings.dtype) / len(rows)
        history.append(float(torch.stack(losses) @ shares))
    return network, history


def lengths_of(problem):
    """Return the lengths of the rows, where they have several, else None."""
    return problem.network.lengths_of(problem.source.rows)


# -- the same network from torch's layers


def with_plain_layers(network):
    """Return the same network with ``torch.nn.Linear`` for each layer of the stack."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, StackedLinear):
                setattr(parent, name, _plain(layer))
    # Without its model axis, or it would give the axis back to all that follows.
    network.spread = network.spread[0]
    network.inverse_spread = network.inverse_spread[0]
    return network


def _plain(stacked):
    weight, bias = stacked.weight.detach()[0], stacked.bias.detach()[0, 0]
    layer = nn.Linear(*weight.shape, dtype=weight.dtype)
    layer.weight.data.copy_(weight.T)
    layer.bias.data.copy_(bias)
    return layer.requires_grad_(stacked.weight.requires_grad)


# -- they train one model; asking warms them up too


def check_equal(problem):
    """Assert that both loops end with the same weights, bit by bit."""
    ours, _ = train_by_skorch(problem)
    by_hand, _ = train_by_hand(problem, lengths=lengths_of(problem))
    pairs = zip(ours.parameters(), by_hand.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs), "weights differ"
    _check_trained(ours, problem)


def check_close(problem):
    """Assert that both loops have the same losses up to rounding.

    So has the loop over torch's own layers. Training amplifies rounding step by step,
    so that only the first epochs agree closely.
    """
    ours, losses = train_by_skorch(problem)
    _check_trained(ours, problem)
    for network in (problem.network, with_plain_layers(problem.network)):
        by_hand = train_by_hand(problem, network)[1]
        np.testing.assert_allclose(losses[:EARLY], by_hand[:EARLY], rtol=SAME_EARLY)
        np.testing.assert_allclose(losses, by_hand, rtol=SAME)


def _check_trained(network, problem):
    trained = zip(network.parameters(), problem.network.parameters(), strict=True)
    assert not all(torch.equal(after, before) for after, before in trained), "untrained"
