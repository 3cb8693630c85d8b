"""The one place where errors become a loss."""

from typing import NamedTuple

import torch
from torch import nn


class Batch(NamedTuple):
    """Rows of one step; what the network reads may differ from what it must return.

    Attributes
    ----------
    inputs, target : tensors of shape (n, d) or (M, n, d)
    row_weight : tensor of shape (M, n) or None
        None where all rows weigh 1.
    element_weight : tensor of the shape of ``target`` or None
        Weight of each cell in the row's error; zero for cells that are masked.
    """

    inputs: torch.Tensor
    target: torch.Tensor
    row_weight: torch.Tensor | None = None
    element_weight: torch.Tensor | None = None


class ReconstructionLoss(nn.Module):
    r"""Squared error as a share of the variance, per row first and mean last.

    .. math::
        e_i = \sum_j c_j v_{ij} (x_{ij} - \hat x_{ij})^2 + p_i, \qquad
        L = \sum_m \frac{1}{n} \sum_i w_{mi}\, e_{mi}

    with column weights :math:`c`, which sum the variance of the training rows to 1,
    cell weights :math:`v` (1 where none are given), the bottleneck's penalty :math:`p`,
    and row weights :math:`w` of mean 1 for each model :math:`m`. With neither penalty
    nor cell weights, :math:`1 - L` is the model's R².

    Parameters
    ----------
    column_weight : tensor of shape (n_features,)
    """

    def __init__(self, column_weight):
        super().__init__()
        self.register_buffer("column_weight", column_weight)

    def element_errors(self, output, batch):
        """Return the error of each cell, of shape ``(M, n, d)``, in columns' units."""
        squares = (output.reconstruction - batch.target).square()
        if batch.element_weight is None:
            return squares
        return squares * batch.element_weight

    def row_errors(self, output, batch):
        """Return the error of each row, of shape ``(M, n)``."""
        errors = torch.matmul(self.element_errors(output, batch), self.column_weight)
        return errors if output.penalty is None else errors + output.penalty

    def forward(self, output, batch):
        """Return the sum of the models' losses; each model's gradient is its own."""
        errors = self.row_errors(output, batch)
        if batch.row_weight is not None:
            errors = errors * batch.row_weight
        # One kernel where a mean over rows and a sum over models would be two.
        return errors.sum() / errors.shape[-1]
