"""What held-out rows decide: the epoch that is kept, when to stop, PCA or not."""

import numpy as np
from skorch.callbacks import Callback

from ..networks import restore, snapshot
from ._net import StopTraining
from ._rows import weighted_sum

# The mean gain must exceed this many of its standard errors. Few rows are cross-fitted,
# so that their gains share training rows and their standard error is too small.
GATE, FEW_ROWS_GATE = 2.0, 3.0


class Judge:
    """Weighs the errors of the held-out rows.

    Parameters
    ----------
    weight : ndarray of shape (n_held_out,)
    group : ndarray of shape (n_held_out,)
        Equal for rows of equal content.
    gate : float
        Standard errors by which a gain must exceed zero.
    """

    def __init__(self, weight, group, gate):
        self.gate = gate
        self.weight = weight / weight.sum()
        self.group = np.unique(group, return_inverse=True)[1]
        self.latest = None

    def see(self, errors):
        """Take the rows' latest errors and return their weighted mean."""
        self.latest = errors
        return float(weighted_sum(self.weight, errors))

    def prefers(self, errors, over):
        """Whether ``errors`` are lower than the errors ``over`` beyond doubt.

        The gain is paired by row. Rows of equal content count as one of their summed
        weight, so that repeating a row is no new evidence.
        """
        weight = np.bincount(self.group, self.weight)
        gains = np.bincount(self.group, self.weight * (over - errors)) / weight
        gain = weighted_sum(weight, gains)
        error = np.sqrt(weighted_sum(weight**2, (gains - gain) ** 2))
        return bool(gain > self.gate * error)


class KeepBest(Callback):
    """Remember the weights of the best epoch; stop when none has followed for long.

    In memory: files of a fixed name would collide between parallel fits.

    Parameters
    ----------
    start : ndarray of shape (n_held_out,)
        The rows' errors before the first epoch; the start is the first best.
    patience : int
        Number of epochs without improvement after which training stops.
    """

    def __init__(self, start, patience):
        self.start = start
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Make the network as it starts the one to beat."""
        self._keep(0, self.start, net.judge.see(self.start), snapshot(net.module_))
        self.start_loss, self.start_weights = self.loss, self.weights

    def on_epoch_end(self, net, **kwargs):
        """Compare the epoch with the best so far."""
        epoch, loss = len(net.history), net.history[-1, "valid_loss"]
        if loss < self.loss:
            self._keep(epoch, net.judge.latest, loss, snapshot(net.module_))
        elif epoch - self.epoch >= self.patience:
            raise StopTraining

    def _keep(self, epoch, errors, loss, weights):
        self.epoch, self.errors, self.loss, self.weights = epoch, errors, loss, weights

    def settle(self, net):
        """Put the best weights back, or the start's if the gain is in doubt."""
        if not net.judge.prefers(self.errors, over=self.start):
            self._keep(0, self.start, self.start_loss, self.start_weights)
        restore(net.module_, self.weights)
