from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_ae import Autoencoder, _base
from sklearn_ae.training import EpochBar, ScikitLearnCallbacks, _progress
from sklearn_ae.training._net import AutoencoderNet, StopTraining

sklearn_callback = pytest.importorskip("sklearn.callback")


class Net:
    """What the callbacks read of a skorch net."""

    def __init__(self, *history, is_relative=True):
        self.history = history
        self.criterion_ = SimpleNamespace(is_relative=is_relative)


class Bar:
    """A bar that writes down what is done to it."""

    def __init__(self, **kwargs):
        self.kwargs, self.postfixes, self.n, self.closed = kwargs, [], 0, False

    def set_postfix(self, values, refresh):
        self.postfixes.append(values)

    def update(self):
        self.n += 1

    def close(self):
        self.closed = True


class Tasks:
    """A callback of scikit-learn that counts the tasks of a fit."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended = [], []

    def setup(self, **kwargs):
        pass

    def teardown(self, **kwargs):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.ended.append(context.task_name)
        return self.ended.count("epoch") == self.stop_after


class Context:
    """scikit-learn's context of a fit, which opens one of an epoch."""

    def __init__(self, stop=False):
        self.stop, self.calls = stop, []

    def subcontext(self, *, task_name):
        self.calls.append(("open", task_name))
        return self

    def call_on_fit_task_begin(self, *, estimator):
        self.calls.append(("begin", estimator))

    def call_on_fit_task_end(self, *, estimator):
        self.calls.append(("end", estimator))
        return self.stop


@pytest.fixture
def bars(monkeypatch):
    made = []

    def tqdm(**kwargs):
        made.append(Bar(**kwargs))
        return made[-1]

    monkeypatch.setattr(_progress, "tqdm", tqdm)
    return made


def fit(X, callback, **params):
    estimator = Autoencoder(2, max_epochs=6, random_state=0, **params)
    return estimator.set_callbacks(callback).fit(X)


# -- scikit-learn's callbacks


def test_every_epoch_is_a_task_of_its_own():
    context = Context()
    callback = ScikitLearnCallbacks("estimator", context)
    for history in ([{}], [{}, {}]):
        callback.on_epoch_begin(Net(*history))
        callback.on_epoch_end(Net(*history))
    calls = [("open", "epoch"), ("begin", "estimator"), ("end", "estimator")]
    assert context.calls == calls * 2


def test_a_true_answer_stops_training():
    callback = ScikitLearnCallbacks("estimator", Context(stop=True))
    callback.on_epoch_begin(Net({}))
    with pytest.raises(StopTraining):
        callback.on_epoch_end(Net({}))


def test_scikit_learns_callbacks_hear_of_every_epoch(blob):
    tasks = Tasks()
    fit(blob, tasks, early_stopping=False)
    assert tasks.begun.count("epoch") == tasks.ended.count("epoch") == 6


def test_scikit_learns_callbacks_can_stop_training(blob):
    estimator = fit(blob, Tasks(stop_after=3), early_stopping=False)
    assert estimator.n_epochs_ == 3


def test_an_epoch_that_ends_training_is_ended(blob):
    tasks = Tasks()
    estimator = fit(blob, tasks, n_iter_no_change=1, learning_rate=0.5)
    assert estimator.n_epochs_ < 6
    assert tasks.ended.count("epoch") == tasks.begun.count("epoch")


def test_without_scikit_learns_callbacks_a_fit_reports_to_none(blob, monkeypatch):
    # As before scikit-learn 1.9.
    monkeypatch.setattr(_base, "open_callback_context", lambda *args: None)
    tasks = Tasks()
    estimator = fit(blob, tasks, early_stopping=False)
    assert estimator.n_epochs_ == 6
    assert "epoch" not in tasks.begun


# -- the bar


def test_the_bar_counts_epochs(bars):
    callback = EpochBar("Autoencoder", 5)
    callback.on_train_begin(Net())
    for _ in range(3):
        callback.on_epoch_end(Net({"train_loss": 0.5}))
    (bar,) = bars
    assert (bar.kwargs["total"], bar.kwargs["desc"], bar.n) == (5, "Autoencoder", 3)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"train_loss": 0.5}, "0.5000"),
        ({"train_loss": 0.5, "valid_loss": 0.25}, "0.7500"),
    ],
)
def test_the_bar_shows_r2_of_held_out_rows_where_there_are_any(bars, row, shown):
    callback = EpochBar("Autoencoder", 5)
    callback.on_train_begin(Net())
    callback.on_epoch_end(Net(row))
    assert bars[0].postfixes == [{"R²": shown}]


def test_the_bar_shows_a_loss_that_is_no_share(bars):
    callback = EpochBar("AutoencoderClassifier", 5)
    callback.on_train_begin(Net())
    callback.on_epoch_end(Net({"train_loss": 1.5}, is_relative=False))
    assert bars[0].postfixes == [{"loss": "1.5000"}]


def test_a_bar_that_was_never_drawn_can_be_closed():
    EpochBar("Autoencoder", 5).close()


@pytest.mark.parametrize("verbose", [0, 1])
def test_only_verbose_draws_a_bar(blob, bars, verbose):
    Autoencoder(2, max_epochs=2, random_state=0, verbose=verbose).fit(blob)
    assert len(bars) == verbose
    assert all(bar.n == 2 and bar.closed for bar in bars)


def test_the_bar_is_closed_when_training_fails(blob, bars):
    class Failing(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise RuntimeError("mine")

    estimator = Autoencoder(2, max_epochs=2, verbose=1, callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="mine"):
        estimator.fit(blob)
    assert bars[0].closed


def test_a_real_bar_is_written_to_stderr(blob, capsys):
    X = np.vstack([blob, blob])
    Autoencoder(2, max_epochs=2, random_state=0, verbose=1).fit(X)
    written = capsys.readouterr()
    assert "Autoencoder" in written.err
    assert "R²" in written.err
    assert not written.out


def test_a_fit_that_starts_again_tells_of_each_epoch_once(monkeypatch):
    step, most = AutoencoderNet.train_step, [3]

    def train_step(net, batch):
        if net.step_ > most[0]:
            most[0] = 10**6
            raise torch.OutOfMemoryError
        return step(net, batch)

    monkeypatch.setattr(AutoencoderNet, "train_step", train_step)
    tasks = Tasks()
    model = Autoencoder(
        2, max_epochs=4, batch_size=32, early_stopping=False, random_state=0
    ).set_callbacks(tasks)
    with pytest.warns(UserWarning, match="ran out of memory"):
        model.fit(np.random.default_rng(0).normal(size=(64, 4)))
    assert tasks.begun == ["fit", *["epoch"] * 4]
    assert sorted(tasks.ended) == sorted(tasks.begun)
