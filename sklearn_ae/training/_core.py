"""One training run: a stack of networks, a plan of rows, settings; no estimator."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..networks import DenseStep, Output, is_dense
from ._batches import Batches, HeldOutBatches, TrainingBatches, lengths_in
from ._corruption import CLEAN
from ._flat import FlatParameters
from ._judge import Judge, KeepBest, gate_of
from ._loss import ReconstructionLoss
from ._net import AutoencoderNet
from ._noise import Chance


@dataclass(frozen=True)
class Settings:
    """How to train. Everything here is resolved: no "auto" is left.

    Attributes
    ----------
    max_epochs, batch_size, n_iter_no_change : int
    learning_rate, weight_decay : float or tuple of M floats
        One for all models of a stack, or one for each.
    beta2 : float
        What Adam keeps of the mean squared gradients at each step.
    batch_seed, noise_seed : int
        Seeds of the order of the rows, and of corruption and noise.
    dtype : torch dtype
    device : torch device
    callbacks : tuple
        skorch callbacks, copied before use.
    """

    max_epochs: int
    batch_size: int
    learning_rate: float | tuple
    weight_decay: float | tuple
    n_iter_no_change: int
    batch_seed: int
    dtype: torch.dtype
    device: torch.device
    callbacks: tuple = ()
    noise_seed: int = 0
    beta2: float = 0.999


class Training(NamedTuple):
    """What came out of a run; by team of models, of which a single fit has one.

    Attributes
    ----------
    network : torch module
        The stack, with the weights that were kept.
    history : skorch History
    kept_epoch : ndarray of shape (n_teams,)
        The epoch of these weights; 0 is the start.
    improved : ndarray of shape (n_teams,) or None
        Whether held-out rows prefer them to the start; None if no rows were held out.
    start_loss, kept_loss : ndarray of shape (n_teams,) or None
        Held-out loss of the start, as the linear path alone has it, and of the kept
        weights.
    """

    network: torch.nn.Module
    history: list
    kept_epoch: np.ndarray
    improved: np.ndarray | None = None
    start_loss: np.ndarray | None = None
    kept_loss: np.ndarray | None = None


# Adam divides each step by the gradient's size plus this. At PCA the encoder's gradient
# is exactly zero; with Adam's usual 1e-8 its rounding errors would become steps.
ADAM_EPSILON = 1e-6


def make_net(network, loss, settings, *, by_rows=False):
    """Return an initialised skorch net around a network and a copy of a loss.

    Parameters
    ----------
    network : torch module
    loss : torch module
    settings : Settings
    by_rows : bool, default=False
        Whether parameters become rows of one matrix, a row for each model, which is
        faster where steps are small, and which rates for each model ask for.

    Returns
    -------
    net : AutoencoderNet
    """
    network = network.to(settings.device, settings.dtype)
    groups, rate, decay = None, settings.learning_rate, settings.weight_decay
    if by_rows:
        each = np.broadcast_arrays(rate, decay, np.empty(network.n_models))
        groups, rate = FlatParameters(network).groups(*each[:2]), float(np.max(rate))
        decay = 0.0  # the groups have their own
    return AutoencoderNet(
        network,
        copy.deepcopy(loss).to(settings.device, settings.dtype),
        groups=groups,
        optimizer=torch.optim.AdamW,
        lr=rate,
        optimizer__weight_decay=decay,
        optimizer__betas=(0.9, settings.beta2),
        optimizer__eps=ADAM_EPSILON,
        optimizer__param_groups=[
            (pattern, {"rate_share": share})
            for pattern, share in network.rate_shares.items()
        ],
        # One kernel for all parameters: small steps are dispatch, not arithmetic.
        optimizer__fused=settings.device.type in ("cpu", "cuda"),
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        callbacks=copy.deepcopy(list(settings.callbacks)) or None,
        verbose=0,
        device=str(settings.device),
    ).initialize()


def takes_direct_steps(network, loss):
    """Whether network and loss are of a kind whose gradients are written out."""
    return is_dense(network) and type(loss) is ReconstructionLoss


def train(
    network,
    source,
    plan,
    weight,
    loss,
    settings,
    callbacks=(),
    mean_row=None,
    corruptions=CLEAN,
    keys=None,
):
    """Train a stack of networks by a plan.

    Parameters
    ----------
    network : AnchoredAutoencoder
        Initialised and anchored; trained in place.
    source : RowSource
    plan : Plan
    weight : ndarray of shape (n,)
        Row weights, for the held-out rows.
    loss : ReconstructionLoss
    settings : Settings
    callbacks : sequence of skorch callbacks
        The package's own, used as they are.
    mean_row : ndarray of shape (n_features,) or None
        The mean of the rows in the network's units; None where it is zero.
    corruptions : Corruptions
        Of the rows in training, and of the held-out rows.
    keys : ndarray of shape (n,) or None
        Keys of the rows' contents, which decide what is random in the held-out rows;
        None where nothing is.

    Returns
    -------
    training : Training
    """
    direct = takes_direct_steps(network, loss)
    uneven = np.ndim(settings.learning_rate) or np.ndim(settings.weight_decay)
    net = make_net(network, loss, settings, by_rows=direct or bool(uneven))
    net.anneal_over = settings.max_epochs
    batches = make_batches(network, source, plan, weight, settings, corruptions, keys)
    if direct:
        net.direct = DenseStep(net.module_)
        batches.train.prepare_with(net.direct)
    keep_best = None
    if batches.held_out is not None:
        net.judge, keep_best = appoint_judge(
            net, batches.held_out, plan, weight, settings, mean_row
        )
        callbacks = [keep_best, *callbacks]
    net.callbacks_ = [(type(cb).__name__, cb) for cb in callbacks] + net.callbacks_
    net.train(batches, settings.max_epochs)
    if keep_best is None:
        return Training(net.module_, net.history, np.array([len(net.history)]))
    return settle(net, batches.held_out, keep_best)


def make_batches(network, source, plan, weight, settings, corruptions, keys):
    """Return both sides of a plan, with what is random about them."""
    train_on = TrainingBatches(
        source,
        plan.train_weight,
        batch_size=settings.batch_size,
        seed=settings.batch_seed,
        dtype=settings.dtype,
        device=settings.device,
        chance=Chance.of(network, corruptions.training, settings),
        group=plan.group,
        lengths=lengths_in(network, source),
    )
    if not len(plan.held_out_rows):
        return Batches(train_on, None)
    held_out = HeldOutBatches(
        source,
        plan,
        device=settings.device,
        weight=weight,
        chance=Chance.of(network, corruptions.evaluation, settings),
        keys=keys,
    )
    return Batches(train_on, held_out)


def settle(net, held_out, keep_best):
    """Put the best weights back, and compare them with the start."""
    keep_best.settle(net)
    run = Training(
        net.module_, net.history, keep_best.epochs, kept_loss=keep_best.losses
    )
    if not net.module_.is_anchored:
        return run
    start = net.held_out_errors(held_out, forward=net.module_.linear)
    return run._replace(
        improved=net.judge.prefers(keep_best.errors, over=start),
        start_loss=net.judge.losses(start),
    )


def appoint_judge(net, held_out, plan, weight, settings, mean_row):
    """Return the judge of the held-out rows, and the callback that acts on it."""
    rows = plan.held_out_rows
    judge = Judge(
        weight[rows],
        plan.group[rows],
        plan.team_of_rows,
        scale=_unit_of_losses(net, held_out, settings, mean_row),
        gate=gate_of(plan),
    )
    start = net.held_out_errors(held_out)
    return judge, KeepBest(judge, start, plan.team, settings.n_iter_no_change)


def _unit_of_losses(net, held_out, settings, mean_row):
    """Return by held-out row what makes one unit of loss: an error, or the row."""
    if not net.criterion_.is_relative:
        return np.ones(int(held_out.counts.sum()))
    center = torch.zeros(1, dtype=settings.dtype, device=settings.device)
    if mean_row is not None:
        center = center + torch.tensor(mean_row).to(center)
    return net.held_out_errors(
        held_out, forward=lambda rows, noise=None: Output(center.expand_as(rows), None)
    )


def losses_of(training):
    """Return the losses of a run by name, one value per epoch."""
    names = ["train_loss", "valid_loss"][: 1 if training.kept_loss is None else 2]
    return {name: np.array([row[name] for row in training.history]) for name in names}


def first(values):
    """Return what came out for the one team of a fit, as a plain value."""
    return None if values is None else values[0].item()


def share_kept(loss):
    """Return the R² of a loss that is a share of the variance."""
    return None if loss is None else 1 - first(loss)
