"""Batches of several fits side by side: each lane has rows and an order of its own."""

import torch

from ._batches import KEPT_CELLS
from ._loss import Batch


class LanedTraining:
    """Training batches of lanes, as batches of one stack.

    Parameters
    ----------
    lanes : sequence of TrainingBatches
        Of as many rows and batches each.
    sizes : sequence of int
        Models of each lane.
    """

    def __init__(self, lanes, sizes):
        self.lanes = lanes
        self.sizes = sizes

    def __len__(self):
        return len(self.lanes[0])

    def __iter__(self):
        for batches in zip(*self.lanes, strict=True):
            yield joined_batch(batches, self.sizes)


class LanedHeldOut:
    """Held-out batches of lanes, as batches of one stack, kept where they are few.

    Parameters
    ----------
    lanes : sequence of HeldOutBatches
        Of one width and step.
    sizes : sequence of int
        Models of each lane.
    """

    def __init__(self, lanes, sizes):
        self.lanes = lanes
        self.sizes = sizes
        self.counts = torch.cat([lane.counts for lane in lanes])
        self._kept = None

    def __iter__(self):
        if self._kept is not None:
            yield from self._kept
            return
        kept = []
        for batches in zip(*self.lanes, strict=True):
            batch = joined_batch(batches, self.sizes)
            if self.counts.numel() * batch.inputs.shape[-1] <= KEPT_CELLS:
                kept.append(batch)
            yield batch
        self._kept = kept or None


def joined_batch(batches, sizes):
    """Return one batch of those of all lanes, with a model axis."""
    inputs = _joined_rows([batch.inputs for batch in batches], sizes)
    target = inputs
    if any(batch.inputs is not batch.target for batch in batches):
        target = _joined_rows([batch.target for batch in batches], sizes)
    weight = None
    if any(batch.row_weight is not None for batch in batches):
        weight = torch.cat(
            [
                _weight_of(batch, size)
                for batch, size in zip(batches, sizes, strict=True)
            ]
        )
    return Batch(inputs, target, weight)


def _joined_rows(parts, sizes):
    """Return rows with a model axis; those of a lane are all of its models'."""
    return torch.cat(
        [part.expand(size, -1, -1) for part, size in zip(parts, sizes, strict=True)]
    )


def _weight_of(batch, size):
    if batch.row_weight is not None:
        return batch.row_weight
    return batch.inputs.new_ones(size, batch.inputs.shape[-2])
