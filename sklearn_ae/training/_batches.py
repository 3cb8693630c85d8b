"""Batches of a plan: the rows that models learn from, and the rows that judge them."""

from typing import NamedTuple

import numpy as np
import torch

from ._loss import Batch
from ._rows import blocks_of


class TrainingBatches:
    """Batches of the training rows, in a new order every epoch.

    The order comes from a private generator. If one batch covers all rows it is the
    same every epoch, so that the sum over it does not depend on any order.

    Parameters
    ----------
    source : RowSource
    weight : ndarray of shape (M, n)
        Row weights by model; rows that weigh nothing everywhere are left out.
    batch_size : int
    seed : int
    """

    def __init__(self, source, weight, *, batch_size, seed, dtype, device):
        seen = np.flatnonzero(weight.any(axis=0))
        weight = weight[:, seen] / weight[:, seen].mean(axis=1, keepdims=True)
        self.source = source
        self.batch_size = batch_size
        self.index = torch.tensor(seen, device=device)
        self.weight = torch.tensor(weight, dtype=dtype, device=device)
        # Small steps are dispatch: a product with ones would be felt.
        self.weighted = not np.all(weight == 1)
        self.generator = torch.Generator().manual_seed(seed)
        self._whole = None

    def __len__(self):
        return -(-len(self.index) // self.batch_size)

    def __iter__(self):
        if len(self) == 1:
            yield self._whole_batch()
            return
        order = torch.randperm(len(self.index), generator=self.generator)
        order = order.to(self.index.device)
        index = self.index[order]
        weight = self.weight[:, order] if self.weighted else None
        for start in range(0, len(index), self.batch_size):
            stop = start + self.batch_size
            rows = self.source.take(index[start:stop])
            yield Batch(rows, rows, weight[:, start:stop] if self.weighted else None)

    def _whole_batch(self):
        if self._whole is None:
            rows = self.source.take(self.index)
            self._whole = Batch(rows, rows, self.weight if self.weighted else None)
        return self._whole


class HeldOutBatches:
    """Batches of the held-out rows, each row for the model that has not seen it.

    Models that are judged by fewer rows than others get other rows, which ``counts``
    leaves out.

    Parameters
    ----------
    source : RowSource
    plan : Plan
    """

    def __init__(self, source, plan, *, device):
        width = max(len(rows) for rows in plan.held_out)
        index = np.zeros((plan.n_models, width), dtype=np.int64)
        counts = np.zeros((plan.n_models, width), dtype=bool)
        for model, rows in enumerate(plan.held_out):
            index[model, : len(rows)] = rows
            counts[model, : len(rows)] = True
        self.source = source
        self.index = torch.tensor(index, device=device)
        self.counts = torch.tensor(counts, device=device)
        block = next(blocks_of(width, source.n_features * plan.n_models))
        self.step = block.stop

    def __len__(self):
        return -(-self.index.shape[1] // self.step)

    def __iter__(self):
        for index in self.index.split(self.step, dim=1):
            rows = self.source.take(index)
            yield Batch(rows, rows)


class Batches(NamedTuple):
    """The two sides of a plan, as the skorch net receives them."""

    train: TrainingBatches
    held_out: HeldOutBatches | None
