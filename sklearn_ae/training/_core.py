"""One training run: a stack of networks, a plan of rows, settings; no estimator."""

import copy

import numpy as np
import torch

from ..networks import DenseStep, Output, is_dense
from ._batches import (
    Batches,
    HeldOutBatches,
    ReadBatches,
    TrainingBatches,
    lengths_in,
)
from ._flat import FlatParameters
from ._judge import Judge, KeepBest
from ._loss import ReconstructionLoss
from ._net import AutoencoderNet
from ._noise import Chance
from ._optimizer import FlatAdamW, QuickAdamW, StackedAdamW
from ._runs import Judged, Training
from ._runtime import BFLOAT16

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
    kind = FlatAdamW if by_rows else QuickAdamW
    optimizer = {"optimizer": kind, "lr": settings.learning_rate}
    flat = FlatParameters(network) if by_rows else None
    if np.ndim(settings.learning_rate):
        optimizer = _own_rates(settings, network.n_models)
    return AutoencoderNet(
        network,
        copy.deepcopy(loss).to(settings.device, settings.dtype),
        flat=flat,
        products=settings.products,
        optimizer__weight_decay=settings.weight_decay,
        optimizer__betas=(0.9, settings.beta2),
        optimizer__eps=ADAM_EPSILON,
        optimizer__param_groups=[
            (pattern, {"rate_share": share})
            for pattern, share in network.rate_shares.items()
        ],
        **optimizer,
        # One kernel for all parameters: small steps are dispatch, not arithmetic.
        optimizer__fused=settings.device.type in ("cpu", "cuda"),
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        callbacks=copy.deepcopy(list(settings.callbacks)) or None,
        callbacks__print_log=None,  # it makes a table of every epoch, and shows none
        verbose=0,
        device=str(settings.device),
    ).initialize()


def _own_rates(settings, n_models):
    """Return the arguments of an optimiser with rates and decays by model."""
    values = settings.learning_rate, settings.weight_decay, np.empty(n_models)
    rates, decays, _ = np.broadcast_arrays(*values)
    rates, decays = (torch.tensor(each).unsqueeze(1) for each in (rates, decays))
    most = float(rates.max())
    return {
        "optimizer": StackedAdamW,
        "lr": most,
        "optimizer__rates": rates / most,
        "optimizer__decays": decays,
    }


def takes_direct_steps(network, loss):
    """Whether network and loss are of a kind whose gradients are written out."""
    return is_dense(network) and type(loss) is ReconstructionLoss


def make_step(net):
    """Return what takes the direct steps of a net."""
    return DenseStep(net.module_, bfloat16=net.products == BFLOAT16)


def train(run, callbacks=()):
    """Train a stack of networks by a plan.

    Parameters
    ----------
    run : Run
        Its network is initialised and anchored; it is trained in place. The weights
        are for the held-out rows, the mean row is zero if it is None, and the keys
        decide what is random in the held-out rows, if anything is.
    callbacks : sequence of skorch callbacks
        The package's own, used as they are.

    Returns
    -------
    training : Training
    """
    settings = run.settings
    direct = takes_direct_steps(run.network, run.loss)
    net = make_net(run.network, run.loss, settings, by_rows=direct)
    batches = make_batches(run)
    if direct:
        net.direct = make_step(net)
        batches.train.prepare_with(net.direct)
    judged = Judged.of([run]) if batches.held_out is not None else None
    return run_net(net, batches, settings, judged, callbacks)


def train_on(run, read):
    """Train a stack of dense networks on what a function makes of the rows.

    No row is held out, and what is random about the rows is their corruption alone.

    Parameters
    ----------
    run : Run
        Its network reads what ``read`` returns; it is trained in place.
    read : callable
        Takes rows and returns a tensor of shape ``(M, n, n_features)``.

    Returns
    -------
    training : Training
    """
    net = make_net(run.network, run.loss, run.settings, by_rows=True)
    net.direct = make_step(net)
    batches = Batches(ReadBatches(make_batches(run).train, read), None)
    return run_net(net, batches, run.settings, None)


def run_net(net, batches, settings, judged, callbacks=()):
    """Train an initialised net.

    Parameters
    ----------
    net : AutoencoderNet
    batches : Batches
    settings : Settings
    judged : Judged or None
        None where no rows are held out.
    callbacks : sequence of skorch callbacks

    Returns
    -------
    training : Training
    """
    net.anneal_over = settings.max_epochs
    keep_best = None
    if judged is not None:
        net.judge, keep_best = appoint_judge(net, batches.held_out, settings, judged)
        callbacks = [keep_best, *callbacks]
    net.callbacks_ = [(type(cb).__name__, cb) for cb in callbacks] + net.callbacks_
    net.train(batches, settings.max_epochs)
    if keep_best is None:
        return Training(net.module_, net.history, np.array([len(net.history)]))
    return settle(net, batches.held_out, keep_best)


def make_batches(run, width=None, n_abreast=None):
    """Return both sides of a plan, with what is random about them.

    ``width`` and ``n_abreast`` are those of :class:`HeldOutBatches`.
    """
    network, source, plan, settings = run.network, run.source, run.plan, run.settings
    train_on = TrainingBatches(
        source,
        plan.train_weight,
        batch_size=settings.batch_size,
        seed=settings.batch_seed,
        dtype=settings.dtype,
        device=settings.device,
        chance=Chance.of(network, run.corruptions.training, settings),
        group=plan.group,
        lengths=lengths_in(network, source),
    )
    if not len(plan.held_out_rows):
        return Batches(train_on, None)
    held_out = HeldOutBatches(
        source,
        plan,
        device=settings.device,
        weight=run.weight,
        chance=Chance.of(network, run.corruptions.evaluation, settings),
        keys=run.keys,
        width=width,
        n_abreast=n_abreast,
    )
    return Batches(train_on, held_out)


def settle(net, held_out, keep_best):
    """Put the best weights back, and compare them with the start."""
    keep_best.settle(net)
    run = Training(
        net.module_,
        net.history,
        keep_best.epochs,
        kept_loss=keep_best.losses,
        n_epochs=keep_best.n_epochs,
    )
    if not net.module_.is_anchored:
        return run
    start = net.held_out_errors(held_out, forward=net.module_.linear)
    return run._replace(
        improved=net.judge.prefers(keep_best.errors, over=start),
        start_loss=net.judge.losses(start),
    )


def appoint_judge(net, held_out, settings, judged):
    """Return the judge of the held-out rows, and the callback that acts on it."""
    judge = Judge(
        judged.weight,
        judged.group,
        judged.team_of_rows,
        scale=_unit_of_losses(net, held_out, settings, judged.mean_row),
        gate=judged.gate,
    )
    start = net.held_out_errors(held_out)
    return judge, KeepBest(judge, start, judged.team, settings.n_iter_no_change)


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
