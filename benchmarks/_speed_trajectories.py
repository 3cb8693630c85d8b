"""The R² of held-out rows after each epoch, and the seconds until then."""

import copy
from typing import NamedTuple

import _peers
import numpy as np
import torch
from _timing import Clock
from _variants import explained
from skorch.callbacks import Callback

from sklearn_ae import Autoencoder
from sklearn_ae.networks import select_model


class Trajectory(NamedTuple):
    """What a fit reached, and when.

    Attributes
    ----------
    seconds : ndarray of shape (n_epochs,)
        Since the start of the fit, without those of watching it.
    r2 : ndarray of shape (n_epochs,)
        Of the held-out rows.
    whole : float
        Seconds of the whole fit.
    final : float
        R² of the fitted model.
    """

    seconds: np.ndarray
    r2: np.ndarray
    whole: float
    final: float

    def until(self, r2):
        """Return the seconds until the first epoch that reaches an R², or infinity."""
        reached = np.flatnonzero(self.r2 >= r2)
        return self.seconds[reached[0]] if len(reached) else np.inf

    @property
    def best(self):
        return self.r2.max()


def merged(trajectories):
    """Return equal trajectories as one with the medians of their seconds."""
    first, *others = trajectories
    assert all(np.array_equal(first.r2, other.r2) for other in others), "not the same"
    return first._replace(
        seconds=np.median([each.seconds for each in trajectories], axis=0),
        whole=float(np.median([each.whole for each in trajectories])),
    )


class Recorder(Callback):
    """Keep the networks of a fit by epoch, and the seconds until then."""

    def __init__(self, clock):
        self.clock = clock
        self.seconds, self.networks = [], []

    def __deepcopy__(self, memo):
        return self  # fit copies callbacks, and this one is for reading afterwards

    def on_train_begin(self, net, **kwargs):
        self._keep(net)

    def on_epoch_end(self, net, **kwargs):
        self._keep(net)

    def _keep(self, net):
        with self.clock.paused() as seconds:
            self.seconds.append(seconds)
            # The last of cross-fitted models is the one that remains.
            last = net.module_.n_models - 1
            self.networks.append(select_model(net.module_, last).eval())


def watch_ours(train, test, k, **changes):
    """Return the trajectory of a fit of ours, with its defaults but for the changes.

    It begins at PCA. Everything that ``fit`` does counts: the clock starts with it.
    """
    clock = Clock()
    recorder = Recorder(clock)
    changes = {"random_state": 0, "callbacks": [recorder], **changes}
    model = Autoencoder(k, **changes).fit(train)
    with clock.paused() as whole:
        mean, std = model._scaling.mean, model._scaling.std
        rows = (test - mean) / std
        r2 = [
            r2_of(test, reconstructed(network, rows) * std + mean, train)
            for network in recorder.networks
        ]
        final = r2_of(test, model.reconstruct(test), train)
    return Trajectory(np.array(recorder.seconds), np.array(r2), whole, final)


def watch_pyod(train, test, k, epochs):
    """Return the trajectory of PyOD's AutoEncoder, without dropout.

    And without its own standardising: the rows are standardised for all.
    """
    detector = _peers.make_pyod(
        k, epoch_num=epochs, dropout_rate=0.0, preprocessing=False
    )
    clock, seconds, networks = Clock(), [], []

    def keep():
        with clock.paused() as now:
            seconds.append(now)
            networks.append(copy.deepcopy(detector.model).eval())

    detector.epoch_update = keep
    detector.fit(train)
    with clock.paused() as whole:
        r2 = [r2_of(test, reconstructed(net, test), train) for net in networks]
    return Trajectory(np.array(seconds), np.array(r2), whole, r2[-1])


def watch_mlp(train, test, k, epochs):
    """Return the trajectory of an MLPRegressor from X to X.

    Epoch by epoch through ``partial_fit``, with one stream of random numbers, so that
    it is ``fit`` without an end before the last epoch.
    """
    model = _peers.make_mlp(k, seed=np.random.RandomState(0))
    clock, seconds, r2 = Clock(), [], []
    for _ in range(epochs):
        model.partial_fit(train, train)
        with clock.paused() as now:
            seconds.append(now)
            r2.append(r2_of(test, model.predict(test), train))
    return Trajectory(np.array(seconds), np.array(r2), seconds[-1], r2[-1])


@torch.no_grad()
def reconstructed(network, rows):
    """Return the rows as a network in torch, ours or PyOD's, gives them back."""
    rows = torch.tensor(rows, dtype=next(network.parameters()).dtype)
    output = network(rows)
    return getattr(output, "reconstruction", output).reshape(rows.shape).numpy()


def r2_of(test, reconstruction, train):
    return explained(test, reconstruction, train.mean(axis=0, dtype=np.float64))
