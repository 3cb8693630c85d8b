"""Outlier scores that are errors, and nothing else."""

import numpy as np
import torch

from ..training import Batch


class ReconstructionScorer:
    r"""Minus the error of a row, as the loss counts it.

    .. math:: s(x_i) = -e_i

    Nothing is learned for it. It costs one pass through the network; and a row that the
    codes hold is normal to it, however far out its code is.
    """

    # Errors are sums of squares, of which float32 has digits enough.
    takes_float32 = True

    @torch.no_grad()
    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        errors = loss.row_errors(network(rows), Batch(rows, rows))[0]
        errors = errors.cpu().numpy().astype(np.float64)
        # Rows beyond the range of floats are as far out as can be.
        return -np.where(np.isnan(errors), np.inf, errors)
