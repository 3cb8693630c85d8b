"""The one place where errors become a loss."""

import math
from typing import NamedTuple

import torch
from torch import nn

# What the error of units that lie idle counts beside the error of the rows.
IDLE_SHARE = 1 / 32


class Batch(NamedTuple):
    """Rows of one step; what the network reads may differ from what it must return.

    Attributes
    ----------
    inputs, target : tensors of shape (n, d) or (M, n, d)
    row_weight : tensor of shape (M, n) or None
        None where all rows weigh 1.
    element_weight : tensor of the shape of ``target`` or None
        Weight of each cell in the row's error; zero for cells that are masked.
    noise : tensor of shape (n, k), or (S, M, n, k) for held-out rows, or None
        Standard normal draws for a bottleneck that takes them; of S draws for each row
        the mean error counts.
    prepared : Prepared or None
        What a :class:`DenseStep` made of the inputs before.
    index : tensor of shape (n,) or None
        Places of training rows in their source.
    """

    inputs: torch.Tensor
    target: torch.Tensor
    row_weight: torch.Tensor | None = None
    element_weight: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    prepared: tuple | None = None
    index: torch.Tensor | None = None


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
    column_weight : array-like of shape (n_features,) or (M, 1, n_features)
        Of all models, or of each.
    """

    # Whether losses are shares of the error of the mean row.
    is_relative = True

    def __init__(self, column_weight):
        super().__init__()
        self.register_buffer("column_weight", torch.as_tensor(column_weight))
        # Of the penalty in training; it may rise from zero.
        self.penalty_share = 1.0

    def element_errors(self, output, batch):
        """Return the error of each cell, of shape ``(M, n, d)``, in columns' units."""
        errors = self.cell_errors(output, batch)
        if batch.element_weight is None:
            return errors
        return errors * batch.element_weight

    def cell_errors(self, output, batch):
        """Return the error of each cell before it is weighed."""
        return (output.reconstruction - batch.target).square()

    def row_errors(self, output, batch, penalty_share=1.0):
        """Return the error of each row, of shape ``(M, n)``."""
        errors, weight = self.element_errors(output, batch), self.column_weight
        if weight.dim() == 1:
            errors = torch.matmul(errors, weight)
        else:
            errors = torch.matmul(errors, weight.transpose(1, 2)).squeeze(-1)
        if output.penalty is None:
            return errors
        return torch.add(errors, output.penalty, alpha=penalty_share)

    def describe(self, loss):
        """Say what a loss means, for messages."""
        return f"the squared error was {loss:.3g} times the variance of the rows"

    def forward(self, output, batch):
        """Return the sum of the models' losses; each model's gradient is its own."""
        errors = self.row_errors(output, batch, self.penalty_share)
        if output.correction is not None:
            errors = errors + self._idle_errors(output, batch)
        if batch.row_weight is not None:
            errors = errors * batch.row_weight
        # One kernel where a mean over rows and a sum over models would be two.
        return errors.sum() / errors.shape[-1]

    def _idle_errors(self, output, batch):
        """Return what idle units leave of the rest that the others left."""
        rest = (batch.target - output.reconstruction).detach()
        return IDLE_SHARE * torch.matmul(
            (output.correction - rest).square(), self.column_weight
        )


class LikelihoodLoss(ReconstructionLoss):
    r"""Minus the evidence lower bound, in nats per row.

    .. math:: e_i = -\sum_j \log p(x_{ij} \mid z_i) + p_i

    with the code's penalty :math:`p`. Gaussian where the network answers with the
    noise's variance, else Bernoulli.

    Parameters
    ----------
    center, scale : array-like of shape (n_features,)
        Origin and unit of the network's rows, in the user's units.
    unit : array-like of shape (n_features,)
        What one unit of a column counts: densities are per this unit.
    """

    is_relative = False

    def __init__(self, center, scale, unit):
        super().__init__(torch.ones(len(unit), dtype=torch.float64))
        for name, values in (("center", center), ("scale", scale), ("unit", unit)):
            self.register_buffer(name, torch.as_tensor(values))

    def cell_errors(self, output, batch):
        """Return minus the log-density of each cell before it is weighed."""
        if output.logits is not None:
            cells = batch.target * self.scale + self.center
            return nn.functional.softplus(output.logits) - cells * output.logits
        squares = (output.reconstruction - batch.target).square()
        constant = self.unit.log() + 0.5 * math.log(2 * math.pi)
        return (squares * (-output.noise).exp() + output.noise) / 2 + constant

    def describe(self, loss):
        """Say what a loss means, for messages."""
        return f"minus the evidence lower bound was {loss:.3g} nats per row"


class TokenLoss(ReconstructionLoss):
    r"""Cross-entropy of tokens, as a share of what their frequencies alone leave.

    .. math:: e_i = -\frac1u \sum_t \log p(x_{it} \mid z_i)

    with the mean :math:`u` of the same under each token's share of the training tokens.
    :math:`1 - L` is McFadden's pseudo-R².

    Parameters
    ----------
    log_share : array-like of shape (n_tokens,)
        Logarithm of each token's share.
    unit : array-like of shape ()
    """

    def __init__(self, log_share, unit):
        super().__init__(torch.ones(1, dtype=torch.float64))
        self.register_buffer("log_share", torch.as_tensor(log_share))
        self.register_buffer("unit", torch.as_tensor(unit))

    def row_errors(self, output, batch, penalty_share=1.0):
        """Return the error of each row, of shape ``(M, n)``."""
        likelihood = output.log_likelihood
        if likelihood is None:  # of rows of which nothing is known
            tokens, lengths = batch.target[..., :-1], batch.target[..., -1:]
            inside = torch.arange(tokens.shape[-1]).to(lengths) < lengths
            likelihood = self.log_share[tokens.round().long()] * inside
        return -likelihood.sum(dim=-1) / self.unit

    def describe(self, loss):
        """Say what a loss means, for messages."""
        return f"the cross-entropy was {loss:.3g} times that of the tokens' shares"


LOSSES = {
    "ReconstructionLoss": ReconstructionLoss,
    "LikelihoodLoss": LikelihoodLoss,
    "TokenLoss": TokenLoss,
}


def loss_to_state(loss):
    """Return a loss as plain values and arrays."""
    arrays = {
        name: buffer.cpu().numpy().copy() for name, buffer in loss.named_buffers()
    }
    return {"loss": type(loss).__name__, "arrays": arrays}


def loss_from_state(state):
    """Build the loss that :func:`loss_to_state` stored."""
    kind = LOSSES[state["loss"]]
    names = [name for name in state["arrays"] if name != "column_weight"]
    names = names or ["column_weight"]
    return kind(**{name: torch.tensor(state["arrays"][name]) for name in names})
