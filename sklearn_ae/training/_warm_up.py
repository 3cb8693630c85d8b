"""A penalty that rises from zero over the first epochs."""

from skorch.callbacks import Callback


class PenaltyWarmUp(Callback):
    """Let the penalty count in full only after some epochs, and linearly more before.

    Held-out rows are always judged with the whole penalty.

    Parameters
    ----------
    n_epochs : int
        0 lets it count from the start.
    """

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_begin(self, net, **kwargs):
        """Set the share of the epoch that begins."""
        done = len(net.history) - 1
        share = done / self.n_epochs if self.n_epochs else 1.0
        net.criterion_.penalty_share = min(1.0, share)

    def on_train_end(self, net, **kwargs):
        """Leave the whole penalty behind, also where training ended early."""
        net.criterion_.penalty_share = 1.0
