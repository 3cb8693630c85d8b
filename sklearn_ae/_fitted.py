"""What a fit came to: the network, and what it makes of the rows it was fitted to."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from ._anchor import Metric, code_moments
from .networks import is_dense
from .training import (
    Corruptions,
    LazyRows,
    Plan,
    Scaling,
    Training,
    blocks_of,
    small_blocks,
)

# Numbers of all rows' codes, at most, that are kept once they are known.
KEPT_CELLS = 2**22


@dataclass(frozen=True)
class Fitted:
    """A fitted network and what it was fitted with.

    Attributes
    ----------
    network : torch module
        The final model, a stack of one, in the most precise float of its device.
    stack : torch module
        All models of the plan.
    scaling : Scaling
        The network's units; those of an earlier fit where it goes on from one.
    mean : ndarray of shape (n_features,)
        Of the training rows.
    metric : Metric
    plan : Plan
    training : Training
    loss : ReconstructionLoss
    corruptions : Corruptions
    rows : RowSource
        The training rows, as the network reads them.
    weight : ndarray of shape (n,)
    kind : NetworkKind
    before : Fitted or None
        An earlier fit to more rows, some of which this one leaves out.
    readings : dict
        What the network made of all rows, by the function that asked, while another
        may ask again.
    """

    network: torch.nn.Module
    stack: torch.nn.Module
    scaling: Scaling
    mean: np.ndarray
    metric: Metric
    plan: Plan
    training: Training
    loss: torch.nn.Module
    corruptions: Corruptions
    rows: LazyRows
    weight: np.ndarray
    kind: object
    before: object = None
    readings: dict = field(default_factory=dict, init=False)

    @cached_property
    def code_moments(self):
        """The mean and the covariance of the training rows' raw codes."""
        weight = torch.tensor(self.weight, dtype=self.rows.dtype).to(self.rows.device)
        if self.codes is not None:
            return code_moments([self.codes], weight)
        blocks = (self.network.encode_raw(rows)[0] for _, rows in self.blocks())
        return code_moments(blocks, weight)

    @cached_property
    @torch.no_grad()
    def codes(self):
        """Raw codes of the training rows, (n, k), of a dense network; None of many."""
        n_cells = self.rows.n_rows * self.network.n_components
        is_plain = is_dense(self.network) and not self.kind.fills_blocks
        if not is_plain or n_cells > KEPT_CELLS:
            return None
        blocks = (rows for _, rows in self.small_blocks())
        return torch.cat([self.network.encode_raw(rows)[0] for rows in blocks])

    def of_all_rows(self):
        """Return this fit as one that its network reads all rows of, trimmed or not."""
        if self.before is None:
            return self
        rows = LazyRows(
            self.before.rows.X, self.scaling, self.rows.dtype, self.rows.device
        )
        return replace(self, rows=rows, weight=self.before.weight)

    def blocks(self):
        """Yield (slice, standardised rows) over all training rows."""
        return row_blocks(self.rows)

    def small_blocks(self):
        """Yield the same in the blocks in which they would be read after the fit.

        As :func:`~sklearn_ae.training.small_blocks` does.
        """
        for _, rows in self.blocks():
            yield from small_blocks(rows, self.kind)


def row_blocks(source):
    """Yield (slice, tensor of rows) over all rows of a source."""
    for block in blocks_of(source.n_rows, source.n_features):
        yield block, source.read(block)
