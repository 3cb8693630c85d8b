"""The skorch net: skorch's epochs, callbacks and history, at the cost of plain torch.

skorch's own loop spends more on a small batch than the batch's arithmetic. The
overrides below keep what users and callbacks see of it, and drop the rest: the walk
over all modules before every step, the closure around the optimiser, and the read-back
of the loss from the device after every batch.
"""

import dis
import math
import signal
import traceback
from contextlib import suppress

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler

from ._graphs import ReplayedStep, can_replay
from ._optimizer import StackedAdamW
from ._runtime import BFLOAT16, FULL, keep_freed_memory, matrix_products
from ._step_losses import StepLosses

# Steps over which the learning rate of a stream rises. Adam's first steps are as large
# as its later ones, however small the gradient, and nothing is held out of a stream
# that would undo them: they would throw the network off PCA.
WARM_UP = 200


# PCA's loss is at most 1. From there no fit comes this high that learns anything; a
# stream may, when its rows change.
DIVERGED = 1e3

# The same where a penalty of any weight is part of the loss; and in nats, of which a
# row may have any number where few rows leave next to no noise.
DIVERGED_PENALISED, DIVERGED_NATS = 1e9, 1e30

# What a callback may be told at every step.
STEP_EVENTS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class StopTraining(Exception):
    """A callback ends training; what was learned so far counts."""


class AutoencoderNet(NeuralNet):
    """Trains a stack of autoencoders on :class:`Batches`.

    Parameters
    ----------
    module : torch module
        The network; its ``forward`` returns an ``Output``.
    criterion : ReconstructionLoss
    judge : Judge or None
        Turns the held-out rows' errors into ``valid_loss``, the mean over its teams.
    anneal_over : int or None
        Number of epochs over which the learning rate falls to zero along half a
        cosine. None, for streams of unknown length, keeps it constant, once it has
        risen over the first steps.
    flat : FlatParameters or None
        What the optimiser steps, in the place of the module's parameters.
    direct : DenseStep or None
        Computes losses and gradients in the place of autograd.
    by_model : bool
        Whether the history has the training loss of each model; needs ``direct``.
    products : {"full", "tf32", "bfloat16"}
        How matrix products are computed in training; rows are judged in full.
    **kwargs : dict
        As of ``skorch.NeuralNet``.
    """

    def __init__(
        self,
        module,
        criterion,
        *,
        judge=None,
        anneal_over=None,
        flat=None,
        direct=None,
        by_model=False,
        products=FULL,
        **kwargs,
    ):
        self.judge = judge
        self.anneal_over = anneal_over
        self.flat = flat
        self.direct = direct
        self.by_model = by_model
        self.products = products
        super().__init__(module, criterion, **kwargs)

    # -- data: a plan's batches come ready made, there is nothing to load or split

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the batches to train on and those that judge."""
        return X.train, X.held_out

    def get_iterator(self, dataset, training=False):
        """Return the batches themselves."""
        return dataset

    # -- one fit

    def train(self, batches, epochs):
        """Run up to ``epochs`` epochs; unlike ``fit``, let Ctrl-C through."""
        keep_freed_memory()
        device = torch.device(self.device)
        with suppress(StopTraining), torch.enable_grad():
            self.notify("on_train_begin", X=batches, y=None)
            with matrix_products(self.products, device):
                self.fit_loop(batches, epochs=epochs)
        with suppress(StopTraining):
            self.notify("on_train_end", X=batches, y=None)
        return self

    def notify(self, method_name, **cb_kwargs):
        """Notify callbacks; tell a callback's wish to stop from a real Ctrl-C.

        skorch's callbacks stop training by raising KeyboardInterrupt themselves. The
        other callbacks are still notified: each of them sees every epoch whole.
        """
        getattr(self, method_name)(self, **cb_kwargs)
        stop = None
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except StopTraining as error:
                stop = error
            except KeyboardInterrupt as error:
                if not _raised_by_statement(error):
                    raise
                stop = error
        if stop is not None:
            raise StopTraining from stop

    def on_train_begin(self, net, **kwargs):
        """See what the callbacks ask for, once: every step would feel the question."""
        super().on_train_begin(net, **kwargs)
        self.watched_ = {name: self._is_watched(name) for name in STEP_EVENTS}
        self.scheduled_ = not any(
            isinstance(callback, LRScheduler) for _, callback in self.callbacks_
        )
        if can_replay(self):
            self.direct = ReplayedStep(self.direct)

    def learning_rate_at(self, step, n_steps):
        """Return the learning rate of a step, of which an epoch has ``n_steps``."""
        if self.anneal_over is None:
            return self.lr * min(1, (step + 1) / WARM_UP)
        done = step / (n_steps * self.anneal_over)
        return self.lr * (1 + math.cos(math.pi * done)) / 2

    def initialize(self):
        """Initialise the net's parts; no step has been taken."""
        self.step_ = 0
        self.best_losses_ = {}
        return super().initialize()

    def initialize_optimizer(self, triggered_directly=None):
        """Initialise the optimiser, of parameters by model if there are such."""
        if self.flat is None:
            return super().initialize_optimizer()
        _, settings = self.get_params_for_optimizer("optimizer", [])
        stacked = issubclass(self.optimizer, StackedAdamW)
        steps = self.flat if stacked else [self.flat.as_parameter()]
        self.optimizer_ = self.optimizer(steps, **settings)
        return self

    # -- one epoch

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Train or judge for one epoch and record its loss."""
        if iterator is None:
            return
        self._set_training(training)
        if training:
            with torch.inference_mode(self._needs_no_autograd()):
                loss = self._train_epoch(iterator, step_fn)
        else:
            self.held_out_errors_ = self.held_out_errors(iterator)
            losses = self.judge.losses(self.held_out_errors_)
            if self.by_model:
                self.history.record("team_losses", losses.tolist())
            loss = float(losses.mean())
        # As skorch's own scoring records it, for callbacks that ask for the best.
        best = self.best_losses_.get(prefix, math.inf)
        self.history.record(f"{prefix}_loss_best", loss < best)
        self.best_losses_[prefix] = min(loss, best)
        self.history.record(f"{prefix}_loss", loss)
        if training and self.by_model:  # the mean would hide one of many
            loss = np.max(self.history[-1, "model_losses"])
        # Where rows are held out, they tell, team by team; but a likelihood of rows
        # unlike all others has no bound.
        if self.judge is None or (training and not self.criterion_.is_relative):
            self.check_loss(loss)

    def _train_epoch(self, iterator, step_fn):
        # Together, for skorch opens a batch in the history at the one and writes at the
        # other.
        watched = self.watched_["on_batch_begin"] or self.watched_["on_batch_end"]
        if not watched:
            self.history.new_batch()  # callbacks of epochs look for one
        groups, n_steps = self.optimizer_.param_groups, len(iterator)
        kind = "loss" if self.direct is None else "losses"
        losses, own = StepLosses(), vars(self)
        for batch in iterator:
            if self.scheduled_:
                rate = self.learning_rate_at(self.step_, n_steps)
                for group in groups:
                    group["lr"] = rate * group.get("rate_share", 1.0)
            own["step_"] += 1  # skorch looks at what is set as an attribute
            if watched:
                self.notify("on_batch_begin", batch=batch, training=True)
            step = step_fn(batch)
            losses.add(step[kind], batch.inputs.shape[-2])
            if watched:
                self.notify("on_batch_end", batch=batch, training=True, **step)
        # One read-back per epoch: on a GPU each one waits for all work queued so far.
        means = losses.mean()
        if self.by_model:
            self.history.record("model_losses", means.tolist())
        return float(means.sum()) / self.module_.n_models

    @torch.no_grad()
    def held_out_errors(self, iterator, forward=None):
        """Return the error of each held-out row, in the order of the plan's rows.

        ``forward`` replaces the network, for example by its linear path.
        """
        forward = forward or self.module_
        errors = torch.cat(
            [self._mean_errors(forward, batch) for batch in iterator], dim=1
        )
        return errors[iterator.counts].cpu().numpy().astype(np.float64)

    def _mean_errors(self, forward, batch):
        """Return the rows' errors, the mean over draws where there are several."""
        if batch.noise is None:
            weighs = forward is self.module_ and self.module_.weighs_rows
            known = {"row_weight": batch.row_weight} if weighs else {}
            return self.criterion_.row_errors(forward(batch.inputs, **known), batch)
        errors = [
            self.criterion_.row_errors(forward(batch.inputs, noise), batch)
            for noise in batch.noise
        ]
        return torch.stack(errors).mean(dim=0)

    # -- one step

    def train_step(self, batch, **fit_params):
        """Take one step of the optimiser."""
        if self.direct is None:
            # Gradients that are views of one matrix must stay so.
            self.optimizer_.zero_grad(set_to_none=self.flat is None)
        step = self.train_step_single(batch)
        if self.watched_["on_grad_computed"]:
            self.notify(
                "on_grad_computed",
                named_parameters=self.get_all_learnable_params(),
                batch=batch,
                training=True,
            )
        if self.flat is None:
            self.optimizer_.step()
        else:
            self.optimizer_.take_step()
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the gradients of one batch."""
        if self.direct is not None:
            losses, output = self.direct(batch, self.criterion_.column_weight)
            step = {"losses": losses, "y_pred": output}
            if self.watched_["on_batch_end"]:
                step["loss"] = losses.sum()
            return step
        if self.products == BFLOAT16:
            output = self._answer_in_bfloat16(batch)
        else:
            output = self._answer(batch)
        loss = self.criterion_(output, batch)
        loss.backward()
        self.module_.observe(output, batch.target, batch.row_weight)
        return {"loss": loss.detach(), "y_pred": output}

    def _answer(self, batch):
        if batch.noise is not None:
            return self.module_(batch.inputs, batch.noise)
        if self.module_.weighs_rows:
            return self.module_(batch.inputs, row_weight=batch.row_weight)
        return self.module_(batch.inputs)

    def _answer_in_bfloat16(self, batch):
        """Return the output with products in bfloat16, as precise as the rows else."""
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            output = self._answer(batch)
        return type(output)(
            *(part if part is None else part.to(batch.target) for part in output)
        )

    # -- helpers

    def _needs_no_autograd(self):
        """Whether steps may do without it on every call, and nobody sees tensors.

        On a CPU: of a step's time a twentieth is torch's asking about gradients.
        """
        on_cpu = torch.device(self.device).type == "cpu"
        return on_cpu and self.direct is not None and not any(self.watched_.values())

    def _is_watched(self, method_name):
        """Whether any callback does something at this event."""
        plain = getattr(Callback, method_name)
        return any(
            getattr(type(callback), method_name, None) is not plain
            for _, callback in self.callbacks_
        )

    def _largest_loss(self, held_out):
        """Return the loss beyond which training has diverged."""
        if self.anneal_over is None:
            return math.inf
        if self.criterion_.is_relative:
            return DIVERGED_PENALISED if self.module_.is_penalised else DIVERGED
        return math.inf if held_out else DIVERGED_NATS

    def check_loss(self, loss, held_out=False):
        """Raise if a loss says that training has diverged."""
        if math.isfinite(loss) and loss <= self._largest_loss(held_out):
            return
        rate = min(self.lr / 10, 1e-3)
        raise ValueError(
            f"Training diverged: in epoch {len(self.history)} "
            f"{self.criterion_.describe(loss)}, with learning_rate={self.lr:g}. Try a "
            f"smaller learning_rate, such as {rate:g}, or look for extreme values in X."
        )


def _raised_by_statement(error):
    """Whether an exception comes from a ``raise``, not from a signal."""
    handler = _code_of(signal.getsignal(signal.SIGINT))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is handler:
            return False
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _code_of(handler):
    """Return the code of a signal handler that is written in Python, or None."""
    while hasattr(handler, "func"):  # functools.partial
        handler = handler.func
    if not hasattr(handler, "__code__"):
        handler = vars(type(handler)).get("__call__")
    return getattr(handler, "__code__", None)
