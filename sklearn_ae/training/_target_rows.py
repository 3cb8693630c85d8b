"""Rows with what they should be answered to in columns behind them."""

import torch


class TargetRows:
    """A source of rows that carry their targets, so that batches need know of none.

    Parameters
    ----------
    source : RowSource
    targets : tensor of shape (n, t)
        On the source's device, in its precision.
    """

    def __init__(self, source, targets):
        self.source, self.targets = source, targets
        self.n_rows = source.n_rows
        self.n_features = source.n_features + targets.shape[1]

    def take(self, index):
        """Return the rows at ``index``, with their targets behind them."""
        return torch.cat([self.source.take(index), self.targets[index]], dim=-1)
