"""The losses of an epoch's steps, until they are read."""

import torch

# Steps whose losses are put into one tensor. One for each of many thousand steps would
# lie scattered over the memory, and what is freed between them could not be used again.
STEPS_AT_ONCE = 256


class StepLosses:
    """Losses by step, and the rows of each."""

    def __init__(self):
        self._done, self._latest, self._sizes = [], [], []

    def add(self, loss, n_rows):
        """Take on the loss of a step, of one model or of each."""
        self._latest.append(loss)
        self._sizes.append(n_rows)
        if len(self._latest) == STEPS_AT_ONCE:
            self._gather()

    def _gather(self):
        if self._latest:
            self._done.append(torch.stack(self._latest))
            self._latest = []

    def mean(self):
        """Return the mean over all rows, as a tensor."""
        self._gather()
        losses = torch.cat(self._done)
        sizes = torch.tensor(self._sizes, dtype=losses.dtype, device=losses.device)
        return sizes @ losses / sizes.sum()
