"""What training through skorch costs over a loop written by hand.

Three ways to train one network for the same epochs on the same batches, on one thread:

* skorch: the loop that ``fit`` runs, ``sklearn_ae.training.train``;
* by hand: the shortest loop in plain torch over the same network module, with fused
  AdamW and the same schedule, which also records the loss of each epoch;
* by hand, nn.Linear: that loop over the same network from ``torch.nn.Linear`` layers.

No rows are held out. The first two must end with bit-identical weights.

    python benchmarks/overhead.py

Bound: skorch takes at most 1.10 times as long as the loop by hand, in every setting. A
missed bound makes the exit status 1.
"""

import argparse
import copy
import math
from functools import partial
from typing import NamedTuple

import _data
import _report
import numpy as np
import torch
from _report import say
from _timing import interleave, median_ratio
from torch import nn

from sklearn_ae import Autoencoder
from sklearn_ae._fitting import make_metric, make_stack
from sklearn_ae.networks._layers import StackedLinear
from sklearn_ae.training import (
    LazyRows,
    ReconstructionLoss,
    Settings,
    content_ranks,
    draw_seeds,
    make_net,
    make_plan,
    make_source,
    train,
)
from sklearn_ae.training._batches import by_length

RATIO = 1.10
N_ROWS = 20_000

SKORCH, BY_HAND, PLAIN = "skorch", "by hand", "by hand, nn.Linear"


class Setting(NamedTuple):
    """The shape of the rows, the network and the batches."""

    n_features: int
    hidden: int
    k: int
    batch_size: int
    epochs: int

    @property
    def label(self):
        return f"{N_ROWS} × {self.n_features}, {self.hidden}, {self.k}"


# The number of epochs makes each run long enough to time, and the whole one bounded.
SETTINGS = (
    Setting(n_features=30, hidden=64, k=8, batch_size=64, epochs=2),
    Setting(n_features=30, hidden=64, k=8, batch_size=256, epochs=5),
    Setting(n_features=784, hidden=128, k=32, batch_size=256, epochs=2),
)


class Problem(NamedTuple):
    """Everything that is ready before training starts, for all three ways alike."""

    network: nn.Module
    source: object
    plan: object
    column_weight: np.ndarray
    settings: Settings
    adam: dict


def make_problem(setting):
    """Return the rows and the anchored network as ``fit`` would prepare them."""
    X = _data.make_table(N_ROWS, setting.n_features)
    weight = np.ones(N_ROWS)
    estimator = Autoencoder(
        setting.k,
        hidden_layer_sizes=(setting.hidden,),
        batch_size=setting.batch_size,
        max_epochs=setting.epochs,
        early_stopping=False,
        random_state=0,
    )
    estimator.n_features_in_ = setting.n_features
    seeds = draw_seeds(0)
    recipe = estimator._recipe(*X.shape, N_ROWS, seeds, torch.device("cpu"))
    units = make_metric(X, weight, recipe.standardize)
    scaling, metric, _ = units
    plan = make_plan(
        content_ranks(X, seeds.split),
        weight,
        hold_out=False,
        validation_fraction=recipe.validation_fraction,
        cross_fit=False,
    )
    rows = LazyRows(X, scaling, torch.float64, torch.device("cpu"))
    network, _ = make_stack(rows, plan, units, recipe)
    settings, column_weight = recipe.settings, metric.column_weight
    loss = recipe.make_loss(scaling, metric)
    source = make_source(X, scaling, settings.dtype, settings.device)
    # The loop by hand takes the optimiser's parameters from ours, so that they agree.
    adam = make_net(copy.deepcopy(network), loss, settings).optimizer_.defaults
    adam = {name: adam[name] for name in ("lr", "betas", "eps", "weight_decay")}
    return Problem(network, source, plan, column_weight, settings, adam)


# -- the three ways


def train_by_skorch(problem):
    """Return the trained network and the loss of each epoch."""
    training = train(
        copy.deepcopy(problem.network),
        problem.source,
        problem.plan,
        np.ones(N_ROWS),
        ReconstructionLoss(problem.column_weight),
        problem.settings,
    )
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
        losses = []
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
        history.append(float(torch.stack(losses).mean()))
    return network, history


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


# -- comparison


def check_equal(problem):
    """Assert that all three ways train one model; this warms them up too."""
    network, history = train_by_skorch(problem)
    by_hand, hand_history = train_by_hand(problem)
    _, plain_history = train_by_hand(problem, with_plain_layers(problem.network))
    pairs = zip(network.parameters(), by_hand.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs), "weights differ"
    trained = zip(network.parameters(), problem.network.parameters(), strict=True)
    assert not all(torch.equal(after, before) for after, before in trained), "untrained"
    # Other kernels and another mean over batches: equal up to rounding, not in bits.
    np.testing.assert_allclose(history, hand_history, rtol=1e-2)
    np.testing.assert_allclose(plain_history, hand_history, rtol=1e-2)


def compare(setting, repetitions):
    """Return the cells of one line, and the ratio that is bounded."""
    problem = make_problem(setting)
    check_equal(problem)
    ways = {
        SKORCH: partial(train_by_skorch, problem),
        BY_HAND: partial(train_by_hand, problem),
        PLAIN: partial(train_by_hand, problem, with_plain_layers(problem.network)),
    }
    seconds = interleave(ways, repetitions)
    steps = setting.epochs * -(-N_ROWS // setting.batch_size)
    ratio = median_ratio(seconds[SKORCH], seconds[BY_HAND])
    return (
        setting.label,
        setting.batch_size,
        *(f"{1e3 * np.median(seconds[way]) / steps:.3f}" for way in ways),
        f"{ratio:.3f}",
        f"{median_ratio(seconds[SKORCH], seconds[PLAIN]):.3f}",
    ), ratio


HEADER = (
    "rows, hidden, k",
    "batch",
    SKORCH,
    BY_HAND,
    PLAIN,
    "over by hand",
    "over nn.Linear",
)
WIDTHS = (22, 5, 7, 7, 18, 12, 14)


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument(
        "--save",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write the table to benchmarks/results/",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    say(_report.table_row(HEADER, WIDTHS))
    rows, bounds = [], []
    for setting in SETTINGS:
        cells, ratio = compare(setting, options.repetitions)
        say(_report.table_row(cells, WIDTHS))
        rows.append(cells)
        claim = f"skorch over by hand: {setting.label}, batch {setting.batch_size}"
        bounds.append(_report.at_most(claim, ratio, RATIO))
    verdicts = _report.bounds_table(bounds)
    say(f"\n{verdicts}")
    note = (
        "Milliseconds per step on one thread, medians of "
        f"{options.repetitions} interleaved runs; ratios are medians of the ratios "
        "within each repetition. The weights of skorch and of the loop by hand are "
        "bit-identical, as checked before measuring."
    )
    if options.save:
        _report.write(
            "overhead",
            "Training through skorch, against a loop by hand",
            "python benchmarks/overhead.py",
            [verdicts, note, _report.markdown_table(HEADER, rows)],
        )
    _report.finish(bounds)


if __name__ == "__main__":
    main()
