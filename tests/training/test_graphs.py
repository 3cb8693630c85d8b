import threading
import time
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_ae.training import Run, _graphs, _net, content_ranks, make_plan, train
from sklearn_ae.training._graphs import (
    WARM_UP_RUNS,
    ReplayedStep,
    can_replay,
    cuda_graph,
)
from sklearn_ae.training._net import STEP_EVENTS

DIRECT = object()


@pytest.mark.parametrize(
    ("device", "direct", "watched", "can"),
    [
        ("cuda", DIRECT, None, True),
        ("cuda:1", DIRECT, None, True),
        ("cpu", DIRECT, None, False),
        ("mps", DIRECT, None, False),
        ("cuda", None, None, False),
        *(("cuda", DIRECT, event, False) for event in STEP_EVENTS),
    ],
)
def test_graphs_are_for_unwatched_direct_steps_on_cuda(device, direct, watched, can):
    watches = {event: event == watched for event in STEP_EVENTS}
    net = SimpleNamespace(device=device, direct=direct, watched_=watches)
    assert can_replay(net) is can


class Graph:
    """What a CUDA graph does, by calls: it runs on the tensors of its capture."""

    def __init__(self):
        self.n_replays = 0

    def __call__(self, run, device):
        assert device == torch.device("cpu")
        run()

        def replay():
            self.n_replays += 1
            made.append(run())

        made = []
        return replay


def refuse(run, device):
    run()
    raise RuntimeError("operation not permitted when stream is capturing")


def run_out_of_memory(run, device):
    raise torch.OutOfMemoryError


@pytest.fixture
def fit(table, make_rows, make_network, make_settings, loss, monkeypatch):
    """Train a net whose direct steps are captured; return its weights and losses."""

    def fit(capture=None, batch_size=40, weighted=False, callbacks=()):
        monkeypatch.setattr(_net, "can_replay", lambda net: capture is not None)
        monkeypatch.setattr(
            _net, "ReplayedStep", lambda step: ReplayedStep(step, capture)
        )
        weight = 1.0 + np.arange(len(table)) % 2 if weighted else np.ones(len(table))
        plan = make_plan(
            content_ranks(table, 0),
            weight,
            hold_out=True,
            validation_fraction=0.25,
            cross_fit=True,
        )
        settings = make_settings(batch_size=batch_size, callbacks=callbacks)
        network = make_network((0,) * plan.n_models)
        training = train(Run(network, make_rows(table), plan, weight, loss, settings))
        parameters = [p.detach().flatten() for p in training.network.parameters()]
        return torch.cat(parameters), training.history[:, "train_loss"]

    return fit


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("batch_size", "n_replays"), [(40, 2), (48, 2), (96, 1), (1000, 1)]
)
def test_replayed_steps_train_the_same_model(fit, batch_size, n_replays, weighted):
    graph = Graph()
    expected, losses = fit(batch_size=batch_size, weighted=weighted)
    weights, own = fit(graph, batch_size=batch_size, weighted=weighted)
    assert torch.equal(weights, expected)
    assert own == losses
    # In each of five epochs; the last batch of 16 rows takes the step itself.
    assert graph.n_replays == 5 * n_replays


def test_where_nothing_can_be_captured_steps_are_taken_as_ever(fit):
    expected, losses = fit()
    weights, own = fit(refuse)
    assert torch.equal(weights, expected)
    assert own == losses


def test_memory_that_runs_out_in_a_capture_is_no_reason_to_go_on(fit):
    with pytest.raises(torch.OutOfMemoryError):
        fit(run_out_of_memory)


def test_a_net_on_the_cpu_replays_nothing(fit, monkeypatch):
    seen = []

    class Look(Callback):
        def on_train_end(self, net, **kwargs):
            seen.append(type(net.direct).__name__)

    fit(callbacks=[Look()])
    fit(Graph(), callbacks=[Look()])
    assert seen == ["DenseStep", "ReplayedStep"]


# -- captures, on a stand-in for CUDA


class Cuda:
    """What a capture asks of ``torch.cuda``; says on what it was done."""

    def __init__(self):
        self.now, self.stream_now, self.done = "cuda:0", "default", []
        self.n_streams, self.fails = 0, None

    @contextmanager
    def device(self, device):
        before, self.now = self.now, str(device)
        yield
        self.now = before

    def Stream(self):
        self.n_streams += 1
        return Stream(f"{self.n_streams} of {self.now}")

    def current_stream(self):
        return Stream(self.stream_now)

    @contextmanager
    def stream(self, stream):
        before, self.stream_now = self.stream_now, stream.name
        yield
        self.stream_now = before

    def CUDAGraph(self):
        return SimpleNamespace(replay=lambda: self.done.append("replay"))

    def set_stream(self, stream):
        self.stream_now = stream.name

    @contextmanager
    def graph(self, graph, stream=None, capture_error_mode="global"):
        assert capture_error_mode == "thread_local"
        self.done.append("capture")
        before, self.stream_now = self.stream_now, (stream or Stream("shared")).name
        if self.fails == "to begin":
            raise RuntimeError("operation not permitted")
        yield
        if self.fails == "to end":
            raise RuntimeError("operation failed due to a previous error")
        self.stream_now = before

    def run(self):
        self.done.append((self.now, self.stream_now))


class Stream:
    def __init__(self, name):
        self.name = name

    def wait_stream(self, other):
        assert other.name != self.name


@pytest.fixture
def cuda(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr(_graphs, "torch", SimpleNamespace(cuda=cuda))
    return cuda


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
def test_a_capture_is_on_the_device_of_the_tensors(cuda, device):
    replay = cuda_graph(cuda.run, torch.device(device))
    kept = [done for done in cuda.done if done != "capture"]
    assert [where for where, _ in kept] == [device] * (WARM_UP_RUNS + 1)
    assert cuda.now == "cuda:0"
    replay()
    assert cuda.done[-1] == "replay"


def test_captures_have_a_stream_of_their_own(cuda):
    for _ in range(2):
        cuda_graph(cuda.run, torch.device("cuda:0"))
    captured = [
        cuda.done[place + 1][1]
        for place, done in enumerate(cuda.done)
        if done == "capture"
    ]
    assert captured == ["1 of cuda:0", "2 of cuda:0"]
    assert cuda.stream_now == "default"


@pytest.mark.parametrize("fails", ["to begin", "to end"])
def test_a_capture_that_fails_leaves_the_thread_on_its_stream(cuda, fails):
    cuda.fails = fails
    with pytest.raises(RuntimeError, match="operation"):
        cuda_graph(cuda.run, torch.device("cuda:1"))
    assert cuda.stream_now == "default"
    cuda.fails = None
    cuda_graph(cuda.run, torch.device("cuda:1"))  # no lock is held


def test_threads_capture_one_after_the_other(cuda):
    inside, most = [], []

    def run():
        inside.append(threading.get_ident())
        time.sleep(0.005)  # time for another to come in
        most.append(len(inside))
        inside.pop()

    capture = partial(cuda_graph, run, torch.device("cuda:0"))
    threads = [threading.Thread(target=capture) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 3 * (WARM_UP_RUNS + 1)
