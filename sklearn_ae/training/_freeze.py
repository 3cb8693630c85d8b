"""Parts of a network that stay as they are for the first epochs."""

from skorch.callbacks import Callback


class FreezeFirst(Callback):
    """Keep the first group of the optimiser as it is for some epochs.

    By its share of the learning rate: parameters that were left out of the optimiser
    for a while would be left out of what is kept of the best epoch, too.

    Parameters
    ----------
    n_epochs : int
    """

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_begin(self, net, **kwargs):
        """Let the group learn, or not."""
        # The history has the epoch that begins.
        is_frozen = len(net.history) <= self.n_epochs
        net.optimizer_.param_groups[0]["rate_share"] = 0.0 if is_frozen else 1.0
