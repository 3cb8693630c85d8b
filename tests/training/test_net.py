import copy
import math
import os
import signal
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    TrainEndCheckpoint,
)

from sklearn_ae.training import (
    Batches,
    TrainingBatches,
    _net,
    content_ranks,
    make_net,
)
from sklearn_ae.training._batches import HeldOutBatches
from sklearn_ae.training._core import ADAM_EPSILON
from sklearn_ae.training._judge import GATE, Judge, KeepBest
from sklearn_ae.training._net import StopTraining
from sklearn_ae.training._plan import make_plan

PLACED = {"dtype": torch.float64, "device": torch.device("cpu")}


class Recorder(Callback):
    """Write down every event, and do something at one of them."""

    def __init__(self, at=None, action=None):
        self.at = at
        self.action = action

    def initialize(self):
        self.events, self.given = [], {}
        return self

    def _happened(self, event, given):
        self.events.append(event)
        self.given[event] = given
        if event == self.at:
            self.action()

    def on_train_begin(self, net, **kwargs):
        self._happened("on_train_begin", kwargs)

    def on_train_end(self, net, **kwargs):
        self._happened("on_train_end", kwargs)

    def on_epoch_begin(self, net, **kwargs):
        self._happened("on_epoch_begin", kwargs)

    def on_epoch_end(self, net, **kwargs):
        self._happened("on_epoch_end", kwargs)

    def on_batch_begin(self, net, **kwargs):
        self._happened("on_batch_begin", kwargs)

    def on_batch_end(self, net, **kwargs):
        self._happened("on_batch_end", kwargs)

    def on_grad_computed(self, net, **kwargs):
        self._happened("on_grad_computed", kwargs)


class Rates(Callback):
    """Write down the learning rate of every step."""

    def initialize(self):
        self.rates = []
        return self

    def on_batch_end(self, net, **kwargs):
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


class Kept(Callback):
    """Keep the epochs that are the best so far, as skorch's checkpoints do."""

    def __init__(self, monitor):
        self.monitor = monitor

    def initialize(self):
        self.epochs = []
        return self

    def on_epoch_end(self, net, **kwargs):
        if net.history[-1, self.monitor]:
            self.epochs.append(len(net.history))


def stop_training():
    raise StopTraining


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def wish_to_stop():
    raise KeyboardInterrupt


@pytest.fixture
def make(table, make_rows, make_network, make_settings, column_weight, loss):
    """Make a net, its batches and its network as it was at the start."""

    def make(*callbacks, judged=False, seeds=(0,), **changes):
        settings = make_settings(callbacks=callbacks, **changes)
        source, weight = make_rows(table), np.ones(len(table))
        plan = make_plan(
            content_ranks(table, 0),
            weight,
            hold_out=judged,
            validation_fraction=0.25,
            cross_fit=False,
        )
        train = TrainingBatches(
            source,
            np.repeat(plan.train_weight, len(seeds), axis=0),
            batch_size=settings.batch_size,
            seed=settings.batch_seed,
            **PLACED,
        )
        network = make_network(seeds)
        start = copy.deepcopy(network)
        net = make_net(network, loss, settings)
        held_out = None
        if judged:
            rows = plan.held_out_rows
            net.judge = Judge(
                weight[rows],
                plan.group[rows],
                plan.team_of_rows,
                table[rows] ** 2 @ column_weight,
                GATE,
            )
            held_out = HeldOutBatches(source, plan, device=PLACED["device"])
        return net, Batches(train, held_out), start

    return make


def recorder_of(net):
    (recorder,) = (
        cb for _, cb in net.callbacks_ if isinstance(cb, Recorder | Rates | Kept)
    )
    return recorder


def weights_of(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


# -- the loop


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("anneal_over", [None, 6])
@pytest.mark.parametrize("batch_size", [20, 96])
def test_training_is_a_hand_written_loop_to_the_last_bit(
    make, make_rows, table, column_weight, watched, anneal_over, batch_size, monkeypatch
):
    monkeypatch.setattr(_net, "WARM_UP", 3)
    callbacks = [Recorder()] if watched else []
    net, batches, network = make(*callbacks, batch_size=batch_size)
    net.anneal_over = anneal_over
    net.train(batches, epochs=4)

    optimizer = torch.optim.AdamW(
        network.parameters(), lr=0.01, weight_decay=0.01, eps=ADAM_EPSILON, fused=True
    )
    column_weight = torch.tensor(column_weight)
    batches = TrainingBatches(
        make_rows(table), np.ones((1, 96)), batch_size=batch_size, seed=0, **PLACED
    )
    losses, n_done = [], 0
    for _ in range(4):
        total = 0.0
        for batch in batches:
            if anneal_over:
                done = n_done / (len(batches) * anneal_over)
                rate = 0.01 * (1 + math.cos(math.pi * done)) / 2
            else:
                rate = 0.01 * min(1, (n_done + 1) / 3)
            optimizer.param_groups[0]["lr"] = rate
            n_done += 1
            optimizer.zero_grad()
            squares = (network(batch.inputs).reconstruction - batch.target).square()
            loss = (squares @ column_weight).mean()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch.target)
        losses.append(total / 96)

    assert weights_of(net.module_).equal(weights_of(network))
    np.testing.assert_allclose(net.history[:, "train_loss"], losses, rtol=1e-12)


def test_training_lowers_the_loss(make):
    net, batches, _ = make()
    net.train(batches, epochs=30)
    losses = net.history[:, "train_loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_history_has_one_row_per_epoch(make):
    net, batches, _ = make(judged=True)
    net.train(batches, epochs=3)
    assert [row["epoch"] for row in net.history] == [1, 2, 3]
    for row in net.history:
        assert type(row["train_loss"]) is type(row["valid_loss"]) is float
        assert row["dur"] > 0


@pytest.mark.parametrize(("name", "rate"), [("train_loss", 1.0), ("valid_loss", 0.3)])
def test_callbacks_can_ask_for_the_best_epoch(make, name, rate):
    # Learning rates at which the losses go up and down.
    net, batches, _ = make(Kept(f"{name}_best"), judged=True, learning_rate=rate)
    net.train(batches, epochs=12)
    losses = net.history[:, name]
    best = [
        e for e in range(1, 13) if losses[e - 1] < min([math.inf, *losses[: e - 1]])
    ]
    assert recorder_of(net).epochs == best
    assert 1 < len(best) < 12


def test_a_loss_that_ties_with_the_best_is_not_the_best(make):
    net, batches, _ = make(Kept("train_loss_best"), batch_size=96)
    for parameter in net.module_.parameters():
        parameter.requires_grad_(False)
    net.module_.decoder_branch.output.bias.requires_grad_(True)
    net.lr = 0.0
    net.optimizer_.param_groups[0]["weight_decay"] = 0.0
    net.train(batches, epochs=3)
    assert len(set(net.history[:, "train_loss"])) == 1
    assert recorder_of(net).epochs == [1]


def test_skorchs_checkpoint_saves_the_best_epoch(make, tmp_path):
    checkpoint = Checkpoint(
        dirname=str(tmp_path), load_best=True, use_safetensors=False
    )
    net, batches, _ = make(checkpoint, Kept("valid_loss_best"), judged=True)
    net.anneal_over = None
    net.lr = 0.3
    net.train(batches, epochs=12)
    best = recorder_of(net).epochs[-1]
    assert best < 12
    errors = net.held_out_errors(batches.held_out)
    loss = errors.sum() / net.judge.scale[0]
    assert loss == pytest.approx(net.history[best - 1, "valid_loss"])


@pytest.mark.parametrize("judged", [False, True])
def test_skorchs_own_callbacks_work(make, judged, tmp_path, capsys):
    callbacks = [
        PrintLog(sink=lambda text: print(text)),
        ProgressBar(batches_per_epoch=2),
        TrainEndCheckpoint(dirname=str(tmp_path), use_safetensors=False),
        PassthroughScoring("train_loss", on_train=True),
    ]
    for callback in callbacks:
        net, batches, _ = make(callback, judged=judged, batch_size=48)
        net.train(batches, epochs=2)
        assert len(net.history) == 2
    assert "train_loss" in capsys.readouterr().out
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("event", _net.STEP_EVENTS)
def test_a_callback_may_watch_a_single_event_of_a_step(make, event):
    heard = []
    watcher = type(
        "Watcher", (Callback,), {event: lambda *_, **__: heard.append(event)}
    )
    net, batches, _ = make(watcher(), batch_size=48)
    net.train(batches, epochs=2)
    assert len(heard) == 4


def test_held_out_loss_is_that_of_the_network_after_the_epoch(
    make, table, column_weight
):
    net, batches, _ = make(judged=True)
    net.train(batches, epochs=2)
    errors = net.held_out_errors(batches.held_out)
    rows = table[batches.held_out.index[0].numpy()]
    loss = errors.sum() / (rows**2 @ column_weight).sum()
    assert net.history[-1, "valid_loss"] == pytest.approx(loss, rel=1e-12)
    assert net.held_out_errors_ == pytest.approx(errors, rel=1e-12)


def test_the_held_out_loss_is_the_mean_over_the_teams(make):
    net, batches, _ = make(judged=True)
    rows = len(net.judge.weight)
    net.judge = Judge(
        np.ones(rows), np.arange(rows), np.arange(rows) % 3, np.ones(rows), GATE
    )
    net.train(batches, epochs=1)
    errors = net.held_out_errors_
    expected = np.mean([errors[team::3].mean() for team in range(3)])
    assert net.history[-1, "valid_loss"] == pytest.approx(expected, rel=1e-12)


def test_training_takes_gradients_even_where_they_are_off(make):
    plain, batches, _ = make(judged=True)
    plain.train(batches, epochs=2)
    net, batches, _ = make(judged=True)
    with torch.no_grad():
        net.train(batches, epochs=2)
        assert not torch.is_grad_enabled()
    assert weights_of(net.module_).equal(weights_of(plain.module_))


def test_the_recorded_loss_is_the_mean_over_the_models(make):
    alone = []
    for seed in (0, 1):
        net, batches, _ = make(seeds=(seed,))
        alone.append(net.train(batches, epochs=2).history[:, "train_loss"])
    net, batches, _ = make(seeds=(0, 1))
    stacked = net.train(batches, epochs=2).history[:, "train_loss"]
    np.testing.assert_allclose(stacked, np.mean(alone, axis=0), rtol=1e-10)


def test_held_out_errors_can_be_those_of_the_linear_path(make, table, column_weight):
    net, batches, _ = make(judged=True)
    net.train(batches, epochs=2)
    errors = net.held_out_errors(batches.held_out, forward=net.module_.linear)
    # The linear path of the fixture keeps the first two columns and drops the others.
    rows = table[batches.held_out.index[0].numpy()]
    expected = (rows[:, 2:] ** 2) @ column_weight[2:]
    np.testing.assert_allclose(errors, expected)
    assert errors.dtype == np.float64


def test_judging_leaves_no_gradients(make):
    net, batches, _ = make(judged=True)
    net.held_out_errors(batches.held_out)
    assert all(p.grad is None for p in net.module_.parameters())


def test_training_leaves_global_random_state_alone(make):
    before = torch.get_rng_state()
    net, batches, _ = make(judged=True)
    net.train(batches, epochs=2)
    assert torch.get_rng_state().equal(before)


# -- callbacks


def test_callbacks_hear_every_event_in_order(make):
    net, batches, _ = make(Recorder(), batch_size=48)
    net.train(batches, epochs=2)
    batch = ["on_batch_begin", "on_grad_computed", "on_batch_end"]
    epoch = ["on_epoch_begin", *batch, *batch, "on_epoch_end"]
    assert recorder_of(net).events == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_callbacks_are_given_the_batch_its_loss_and_the_gradients(make):
    net, batches, _ = make(Recorder())
    net.train(batches, epochs=1)
    given = recorder_of(net).given
    assert given["on_batch_end"]["training"] is True
    assert given["on_batch_end"]["loss"].item() > 0
    shape = given["on_batch_end"]["batch"].target.shape
    assert given["on_batch_end"]["y_pred"].reconstruction.shape[1:] == shape
    names = [name for name, _ in given["on_grad_computed"]["named_parameters"]]
    assert set(names) >= {name for name, _ in net.module_.named_parameters()}


def test_gradients_can_be_clipped(make):
    free, batches, start = make(weight_decay=0.0)
    free.train(batches, epochs=1)
    # Gradients far below Adam's epsilon move nothing.
    clipped, batches, _ = make(GradientNormClipping(1e-15), weight_decay=0.0)
    clipped.train(batches, epochs=1)

    def moved(net):
        return (weights_of(net.module_) - weights_of(start)).abs().max()

    assert moved(clipped) < 1e-6 * moved(free)


def test_parameters_can_be_frozen(make):
    net, batches, start = make(Freezer("encoder_branch*"))
    net.train(batches, epochs=2)
    before, after = start.state_dict(), net.module_.state_dict()
    moved = {name for name in after if not after[name].equal(before[name])}
    assert moved
    assert not any(name.startswith("encoder_branch") for name in moved)


def test_the_learning_rate_is_annealed_along_half_a_cosine(make):
    net, batches, _ = make(Rates(), batch_size=48)
    net.anneal_over = 4
    net.train(batches, epochs=4)
    np.testing.assert_allclose(
        recorder_of(net).rates, 0.005 * (1 + np.cos(np.pi * np.arange(8) / 8))
    )


def test_without_annealing_the_learning_rate_rises_over_the_first_steps_only(
    make, monkeypatch
):
    monkeypatch.setattr(_net, "WARM_UP", 4)
    net, batches, _ = make(Rates(), batch_size=48)
    net.train(batches, epochs=3)
    rising = [0.0025, 0.005, 0.0075]
    np.testing.assert_allclose(recorder_of(net).rates, [*rising, 0.01, 0.01, 0.01])


@pytest.mark.parametrize("first", ["scheduler", "recorder"])
def test_a_scheduler_takes_over_from_the_annealing(make, first):
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    callbacks = [scheduler, Rates()]
    net, batches, _ = make(
        *(callbacks if first == "scheduler" else callbacks[::-1]), batch_size=96
    )
    net.anneal_over = 4
    net.train(batches, epochs=4)
    np.testing.assert_allclose(recorder_of(net).rates, 0.01 * 0.5 ** np.arange(4))


def test_a_scheduler_can_step_every_batch(make):
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5, step_every="batch")
    net, batches, _ = make(scheduler, Rates(), batch_size=48)
    net.train(batches, epochs=2)
    rates = recorder_of(net).rates
    np.testing.assert_allclose(rates, rates[0] * 0.5 ** np.arange(4))


def test_a_users_score_enters_the_history(make):
    scoring = EpochScoring(
        lambda net, X, y=None: len(net.history), name="length", use_caching=False
    )
    net, batches, _ = make(scoring, judged=True)
    net.train(batches, epochs=2)
    assert net.history[:, "length"] == [1, 2]


# -- stopping


@pytest.mark.parametrize("monitor", ["train_loss", "valid_loss"])
def test_early_stopping_ends_training_without_an_error(make, monitor):
    stopping = EarlyStopping(
        monitor, patience=2, threshold=1e9, threshold_mode="abs", sink=lambda text: None
    )
    net, batches, _ = make(stopping, Recorder(), judged=True)
    net.train(batches, epochs=50)
    assert len(net.history) == 3
    assert recorder_of(net).events[-1] == "on_train_end"


@pytest.mark.parametrize("at", ["on_train_begin", "on_train_end"])
def test_a_callback_may_stop_before_and_after_training(make, at):
    net, batches, _ = make(Recorder(at, wish_to_stop))
    net.train(batches, epochs=2)
    assert len(net.history) == (2 if at == "on_train_end" else 0)
    assert recorder_of(net).events[-1] == "on_train_end"


@pytest.mark.parametrize(
    "at", ["on_epoch_begin", "on_epoch_end", "on_batch_end", "on_grad_computed"]
)
def test_a_callback_may_stop_at_any_event(make, at):
    net, batches, _ = make(Recorder(at, wish_to_stop))
    net.train(batches, epochs=50)
    assert len(net.history) == 1
    assert recorder_of(net).events[-2:] == [at, "on_train_end"]


@pytest.mark.parametrize("at", ["on_epoch_end", "on_batch_end", "on_grad_computed"])
@pytest.mark.parametrize("wish", [wish_to_stop, stop_training])
def test_all_callbacks_hear_of_the_event_at_which_one_stops(make, at, wish):
    recorders = [Recorder(), Recorder(at, wish), Recorder(), Recorder(at, wish)]
    net, batches, _ = make(*recorders)
    net.train(batches, epochs=50)
    heard = [cb.events for _, cb in net.callbacks_ if isinstance(cb, Recorder)]
    assert len(heard) == 4
    assert heard[0] == heard[1] == heard[2] == heard[3]
    assert heard[0][-2:] == [at, "on_train_end"]


def test_ctrl_c_outweighs_a_wish_to_stop(make):
    stopping = Recorder("on_epoch_end", wish_to_stop)
    net, batches, _ = make(stopping, Recorder("on_epoch_end", press_ctrl_c))
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)


def test_stop_training_ends_training(make):
    def stop():
        raise StopTraining

    net, batches, _ = make(Recorder("on_epoch_end", stop))
    net.train(batches, epochs=50)
    assert len(net.history) == 1


@pytest.mark.parametrize(
    "at", ["on_train_begin", "on_epoch_end", "on_batch_begin", "on_grad_computed"]
)
def test_ctrl_c_in_a_callback_goes_through(make, at):
    net, batches, _ = make(Recorder(at, press_ctrl_c))
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)
    assert "on_train_end" not in recorder_of(net).events


def interrupt(signum, frame):
    raise KeyboardInterrupt


def chained(signum, frame):
    interrupt(signum, frame)


def chained_default(signum, frame):
    signal.default_int_handler(signum, frame)


class Handler:
    """Handlers of signals that are no plain functions."""

    def method(self, signum, frame):
        raise KeyboardInterrupt

    def __call__(self, signum, frame):
        raise KeyboardInterrupt


@pytest.fixture
def handle():
    """Handle Ctrl-C by a function of the user's."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "handler",
    [
        interrupt,
        Handler().method,
        Handler(),
        partial(interrupt),
        chained,
        chained_default,
    ],
    ids=["function", "method", "object", "partial", "chained", "chained default"],
)
def test_ctrl_c_goes_through_a_handler_written_in_python(make, handle, handler):
    handle(handler)
    net, batches, _ = make(Recorder("on_epoch_end", press_ctrl_c))
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)
    assert len(net.history) == 1


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL, interrupt])
def test_a_wish_to_stop_is_one_whatever_handles_ctrl_c(make, handle, handler):
    handle(handler)
    net, batches, _ = make(Recorder("on_epoch_end", wish_to_stop))
    net.train(batches, epochs=50)
    assert len(net.history) == 1


def test_ctrl_c_that_a_callback_raises_again_goes_through(make):
    def press_and_raise_again():
        try:
            press_ctrl_c()
        except KeyboardInterrupt as error:
            "".join([])
            raise error

    net, batches, _ = make(Recorder("on_epoch_end", press_and_raise_again))
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)


def test_ctrl_c_in_a_callback_with_a_finally_goes_through(make):
    def press_and_clean_up():
        try:
            press_ctrl_c()
        finally:
            "".join([])

    net, batches, _ = make(Recorder("on_epoch_end", press_and_clean_up))
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)


def test_ctrl_c_between_batches_goes_through(make):
    class Pressed(TrainingBatches):
        def __iter__(self):
            press_ctrl_c()
            yield from super().__iter__()

    net, batches, _ = make()
    batches.train.__class__ = Pressed
    with pytest.raises(KeyboardInterrupt):
        net.train(batches, epochs=50)


def test_other_errors_of_a_callback_go_through(make):
    net, batches, _ = make(Recorder("on_epoch_end", lambda: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        net.train(batches, epochs=50)


# -- divergence


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error(make, value):
    net, batches, _ = make()
    with torch.no_grad():
        net.module_.decoder_branch.output.bias.fill_(value)
    with pytest.raises(ValueError, match=r".") as error:
        net.train(batches, epochs=2)
    assert str(error.value) == (
        "Training diverged: in epoch 1 the squared error was nan times the variance of "
        "the rows, with learning_rate=0.01. Try a smaller learning_rate, such as "
        "0.001, or look for extreme values in X."
    )


def test_a_held_out_loss_that_is_not_finite_is_an_error(make):
    net, batches, _ = make(judged=True)
    batches.held_out.source = copy.deepcopy(batches.held_out.source)
    n_held_out = int(batches.held_out.counts.sum())
    keep_best = KeepBest(net.judge, np.ones(n_held_out), np.zeros(1, dtype=int), 5)
    net.callbacks_.append(("keep_best", keep_best))
    batches.held_out.source.rows[:] = math.inf
    with pytest.raises(
        ValueError, match="Training diverged: in epoch 1 the squared error"
    ):
        net.train(batches, epochs=2)


# -- products


@pytest.mark.parametrize(
    ("products", "dtype"),
    [
        ("full", torch.float32),
        ("tf32", torch.float32),
        ("bfloat16", torch.bfloat16),
    ],
)
def test_steps_may_be_in_bfloat16_and_judging_never_is(
    make, make_rows, table, products, dtype
):
    net, batches, _ = make(judged=True, products=products, dtype=torch.float32)
    before = weights_of(net.module_).clone()
    for side in batches:
        side.source = make_rows(table, torch.float32)
    seen = []
    net.module_.encoder_branch.hidden[0].register_forward_hook(
        lambda layer, given, made: seen.append((layer.training, made.dtype))
    )
    net.train(batches, epochs=2)
    assert set(seen) == {(True, dtype), (False, torch.float32)}
    assert weights_of(net.module_).dtype == torch.float32
    assert not weights_of(net.module_).equal(before)


def test_switches_of_products_are_on_while_epochs_run(make, monkeypatch):
    asked = []

    @contextmanager
    def watch(products, device):
        asked.append((products, device.type))
        yield
        asked.append("done")

    monkeypatch.setattr(_net, "matrix_products", watch)
    net, batches, _ = make(products="tf32")
    net.train(batches, epochs=1)
    assert asked == [("tf32", "cpu"), "done"]
