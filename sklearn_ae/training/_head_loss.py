"""The loss of an autoencoder with a head: answers, and what is left of the rows."""

import torch
from torch import nn


def cross_entropy(answers, targets):
    """Return the cross-entropy of shares of classes, of shape ``(M, n)``, in nats."""
    return -(targets * torch.log_softmax(answers, dim=-1)).sum(dim=-1)


def mean_square(answers, targets):
    """Return the mean squared error over the targets, of shape ``(M, n)``."""
    return (answers - targets).square().mean(dim=-1)


ERRORS = {"cross_entropy": cross_entropy, "mean_square": mean_square}


class HeadLoss(nn.Module):
    r"""Error of the answers, and of the reconstruction beside it.

    .. math::
        L = \frac1n \sum_i w_i \left( c_i\, \ell(a_i, t_i) + \lambda e_i \right)

    with the answers :math:`a`, their targets :math:`t`, the certainty :math:`c` of
    these, zero where there is none, and the error :math:`e` of the reconstruction. Rows
    have their targets and, last, their certainty in columns behind them.

    Parameters
    ----------
    error : str
        A key of ``ERRORS``.
    n_targets : int
    body_loss : torch module or None
        What :math:`e` is; None leaves it out.
    reconstruction_weight : float
        :math:`\lambda`.
    """

    is_relative = False

    def __init__(self, error, n_targets, body_loss=None, reconstruction_weight=0.0):
        super().__init__()
        self.error = error
        self.n_targets = n_targets
        self.body_loss = body_loss if reconstruction_weight else None
        self.reconstruction_weight = reconstruction_weight

    def row_errors(self, output, batch):
        """Return what models are judged by: the answers' error, of shape ``(M, n)``."""
        targets = batch.target[..., -self.n_targets - 1 : -1]
        certainty = batch.target[..., -1]
        return ERRORS[self.error](output.answers, targets) * certainty

    def forward(self, output, batch):
        """Return the sum of the models' losses; each model's gradient is its own."""
        errors = self.row_errors(output, batch)
        if self.body_loss is not None:
            errors = errors + self.reconstruction_weight * self._body_errors(
                output, batch
            )
        if batch.row_weight is not None:
            errors = errors * batch.row_weight
        return errors.sum() / errors.shape[-1]

    def _body_errors(self, output, batch):
        behind = self.n_targets + 1
        rows = batch._replace(
            inputs=batch.inputs[..., :-behind], target=batch.target[..., :-behind]
        )
        return self.body_loss.row_errors(output, rows)

    def describe(self, loss):
        """Say what a loss means, for messages."""
        return f"the loss of the answers was {loss:.3g}"
