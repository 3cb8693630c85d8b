"""Several fits as one: a stack of all their networks."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from skorch.history import History

from ..networks import select_models, stack_models
from ._batches import Batches
from ._core import (
    make_batches,
    make_net,
    make_step,
    run_net,
    takes_direct_steps,
    train,
)
from ._corruption import Corruptions, stack_corruptions
from ._lanes import LanedHeldOut, LanedTraining
from ._loss import ReconstructionLoss
from ._plan import join_plans
from ._runs import Judged, Training

# What runs of one stack share; rates, decays and seeds are each run's own.
SHARED = (
    *("max_epochs", "batch_size", "n_iter_no_change"),
    *("dtype", "products", "device", "beta2"),
)


def can_be_stacked(run):
    """Whether a run can be trained together with others like it."""
    settings = run.settings
    plain = not settings.callbacks and not np.ndim(settings.learning_rate)
    return plain and takes_direct_steps(run.network, run.loss)


def stack_key(run):
    """Return what is equal for runs that one stack can hold: shapes and schedule."""
    settings = {name: getattr(run.settings, name) for name in SHARED}
    plan = run.plan
    return (
        str({**run.network.arguments, "n_models": None}),
        str(settings),
        int(plan.train_weight.any(axis=0).sum()),
        (plan.n_models > 1, len(plan.held_out_rows) > 0),
        None if run.mean_row is None or not run.mean_row.any() else tuple(run.mean_row),
    )


def lane_key(run):
    """Return what is equal for runs that read the same rows in the same order."""
    training, evaluation = run.corruptions
    return (
        id(run.source),
        (run.settings.batch_seed, run.settings.noise_seed),
        run.plan.group.tobytes(),
        run.plan.train_weight.tobytes(),
        run.weight.tobytes(),
        None if training is None else training.key(with_amount=False),
        None if evaluation is None else evaluation.key(),
    )


def train_stacked(runs):
    """Train runs of one :func:`stack_key` together.

    Each has its own rows and their order, learning rate, weight decay, corruption and
    weights of columns, and its own best epoch; up to rounding it ends where it would
    end alone.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    trainings : list of Training
    """
    if len(runs) == 1:
        return [train(runs[0])]
    lanes = {}
    for place, run in enumerate(runs):
        lanes.setdefault(lane_key(run), []).append(place)
    order = [place for lane in lanes.values() for place in lane]
    lanes = [[runs[place] for place in lane] for lane in lanes.values()]
    runs = [run for lane in lanes for run in lane]
    training = _train_lanes(lanes, runs)
    losses = Losses.of(training)
    trainings, start = [None] * len(runs), 0
    for team, (place, run) in enumerate(zip(order, runs, strict=True)):
        models = slice(start, start + run.plan.n_models)
        trainings[place] = _part(training, losses, team, models)
        start = models.stop
    return trainings


def _train_lanes(lanes, runs):
    """Return the training of a stack of runs, in the order of their lanes."""
    settings = _joined_settings(runs)
    network = stack_models([run.network for run in runs])
    net = make_net(network, _joined_loss(runs), settings, by_rows=True)
    net.by_model, net.direct = True, make_step(net)
    batches = _joined_batches([_joined_run(lane) for lane in lanes], net.direct)
    judged = Judged.of(runs) if batches.held_out is not None else None
    training = run_net(net, batches, settings, judged)
    if judged is None:
        epochs = np.repeat(training.kept_epoch, len(runs))
        training = training._replace(kept_epoch=epochs)
    return training


def _joined_settings(runs):
    """Return settings with a rate and a decay for each model, where they differ."""
    pairs = [(run.settings.learning_rate, run.settings.weight_decay) for run in runs]
    if len(set(pairs)) == 1:
        return runs[0].settings
    sizes = [run.plan.n_models for run in runs]
    rates, decays = (
        np.repeat(values, sizes).tolist() for values in zip(*pairs, strict=True)
    )
    return replace(
        runs[0].settings, learning_rate=tuple(rates), weight_decay=tuple(decays)
    )


def _joined_loss(runs):
    """Return a loss with the columns' weights of each model."""
    sizes = torch.tensor([run.plan.n_models for run in runs])
    weights = torch.stack([run.loss.column_weight for run in runs])
    return ReconstructionLoss(weights.repeat_interleave(sizes, dim=0).unsqueeze(1))


def _joined_run(lane):
    """Return one run of all models of a lane, whose settings are the first's."""
    training = [run.corruptions.training for run in lane]
    sizes = [run.plan.n_models for run in lane]
    if training[0] is not None:
        training[0] = stack_corruptions(training, sizes)
    corruptions = Corruptions(training[0], lane[0].corruptions.evaluation)
    plan = join_plans([run.plan for run in lane])
    return lane[0]._replace(plan=plan, corruptions=corruptions)


def _joined_batches(lanes, step):
    """Return the batches of lanes, side by side if there are several."""
    if len(lanes) == 1:
        batches = make_batches(lanes[0])
        batches.train.prepare_with(step)
        return batches
    width = max(len(rows) for lane in lanes for rows in lane.plan.held_out)
    most = max(lane.plan.n_models for lane in lanes)
    both = [make_batches(lane, width, most) for lane in lanes]
    sizes = [lane.plan.n_models for lane in lanes]
    held_out = None
    if both[0].held_out is not None:
        held_out = LanedHeldOut([each.held_out for each in both], sizes)
    return Batches(LanedTraining([each.train for each in both], sizes), held_out)


class Losses(NamedTuple):
    """The history of a stack by column, each read once for all of its runs.

    Attributes
    ----------
    of_models : ndarray of shape (n_epochs, M)
    of_teams : ndarray of shape (n_epochs, n_teams) or None
    seconds : list of float
    """

    of_models: np.ndarray
    of_teams: np.ndarray | None
    seconds: list

    @classmethod
    def of(cls, training):
        """Return those of a stack's :class:`Training`."""
        rows = list(training.history)
        judged = bool(rows) and "team_losses" in rows[0]
        of_models = np.array([row["model_losses"] for row in rows])
        return cls(
            of_models.reshape(len(rows), training.network.n_models),
            np.array([row["team_losses"] for row in rows]) if judged else None,
            [row["dur"] for row in rows],
        )

    def history(self, n_epochs, team, models):
        """Return the history of one run, as skorch keeps it."""
        columns = {
            "batches": [[] for _ in range(n_epochs)],
            "epoch": range(1, n_epochs + 1),
            "train_loss": self.of_models[:n_epochs, models].mean(axis=1).tolist(),
        }
        if self.of_teams is not None:
            columns["valid_loss"] = self.of_teams[:n_epochs, team].tolist()
        columns["dur"] = self.seconds[:n_epochs]
        rows = zip(*columns.values(), strict=True)
        return History(dict(zip(columns, row, strict=True)) for row in rows)


def _part(training, losses, team, models):
    """Return what came out for one run."""

    def own(values):
        return None if values is None else values[team : team + 1]

    n_epochs = len(training.history)
    if training.n_epochs is not None:  # alone, it would have stopped before others
        n_epochs = int(training.n_epochs[team])
    return Training(
        network=select_models(training.network, models),
        history=losses.history(n_epochs, team, models),
        kept_epoch=own(training.kept_epoch),
        improved=own(training.improved),
        start_loss=own(training.start_loss),
        kept_loss=own(training.kept_loss),
        n_epochs=own(training.n_epochs),
    )
