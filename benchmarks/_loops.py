"""Two loops over one network: that of ``fit``, and one written by hand."""

import copy

import numpy as np
import overhead
import torch

from sklearn_ae._fitting import make_metric, make_stack
from sklearn_ae.training import (
    LazyRows,
    ReconstructionLoss,
    content_ranks,
    draw_seeds,
    make_net,
    make_plan,
    make_source,
    train,
)

CPU = torch.device("cpu")


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
    adam = make_net(copy.deepcopy(network), loss, settings).optimizer_.defaults
    adam = {name: adam[name] for name in ("lr", "betas", "eps", "weight_decay")}
    problem = overhead.Problem(network, source, plan, column_weight, settings, adam)
    return problem, estimator._n_threads(recipe)


def train_by_skorch(problem):
    """Return the network that the loop of ``fit`` trains."""
    return train(
        copy.deepcopy(problem.network),
        problem.source,
        problem.plan,
        np.ones(problem.source.n_rows),
        ReconstructionLoss(problem.column_weight),
        problem.settings,
    ).network


def lengths_of(problem):
    """Return the lengths of the rows, where they have several, else None."""
    return problem.network.lengths_of(problem.source.rows)


def check_equal(problem):
    """Assert that both ways train one model; this warms them up too."""
    ours = train_by_skorch(problem)
    by_hand, _ = overhead.train_by_hand(problem, lengths=lengths_of(problem))
    pairs = zip(ours.parameters(), by_hand.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs), "weights differ"
    trained = zip(ours.parameters(), problem.network.parameters(), strict=True)
    assert not all(torch.equal(after, before) for after, before in trained), "untrained"
