"""An autoencoder with a head: answers from codes, beside the reconstruction."""

from typing import ClassVar

import torch
from torch import nn

from ._layers import CLIP_SCALE, ResidualBranch, SoftClip, StackedLinear
from ._output import Output


class Head(nn.Module):
    r"""A linear map of codes with a nonlinear residual.

    .. math:: a(z) = z' W + b + g(c(z')), \qquad z' = (z - m) / s

    with mean :math:`m` and standard deviations :math:`s` of the raw codes it was set up
    with, the soft clip :math:`c`, and a branch :math:`g` that answers zero before the
    first step.

    Parameters
    ----------
    n_models, n_components, n_answers : int
    hidden_layer_sizes : tuple of int
        Of the branch; empty for a linear map alone.
    activation : str
        A key of ``ACTIVATIONS``.
    """

    def __init__(
        self, *, n_models, n_components, n_answers, hidden_layer_sizes, activation
    ):
        super().__init__()
        # Plain values from which `from_state` makes the same head again.
        self.arguments = {
            "n_models": n_models,
            "n_components": n_components,
            "n_answers": n_answers,
            "hidden_layer_sizes": tuple(hidden_layer_sizes),
            "activation": activation,
        }
        self.n_models = n_models
        self.linear = StackedLinear(n_models, n_components, n_answers)
        self.branch = None
        if hidden_layer_sizes:
            sizes = tuple(hidden_layer_sizes)
            self.branch = ResidualBranch(
                n_models, n_components, sizes, n_answers, activation
            )
        self.clip = SoftClip(CLIP_SCALE)
        self.register_buffer("center", torch.zeros(n_models, 1, n_components))
        self.register_buffer("inverse_spread", torch.ones(n_models, 1, n_components))

    def initialise(self, seeds):
        """Draw the branch's weights from private generators, one seed per model."""
        if self.branch is not None:
            self.branch.initialise([torch.Generator().manual_seed(s) for s in seeds])

    @torch.no_grad()
    def set_start(self, center, spread, weight, bias):
        """Become linear maps of standardised codes.

        Parameters
        ----------
        center, spread : tensor of shape (n_components,)
            Codes of no spread are not read.
        weight : tensor of shape (M, n_components, n_answers)
        bias : tensor of shape (M, n_answers)
        """
        self.center.copy_(center)
        self.inverse_spread.copy_(torch.where(spread > 0, 1 / spread, 0.0))
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias.unsqueeze(1))

    def forward(self, raw):
        """Return the answers to raw codes, ``(M, n, k)`` to ``(M, n, n_answers)``."""
        code = (raw - self.center) * self.inverse_spread
        answer = self.linear(code)
        return answer if self.branch is None else answer + self.branch(self.clip(code))


class HeadedAutoencoder(nn.Module):
    """An autoencoder and a head, trained as one on rows that carry their targets.

    A row is one of the autoencoder's, with what it should be answered to in columns
    behind it, which the network does not read.

    Parameters
    ----------
    body : torch module
        The autoencoder, a stack of M models.
    head : Head
    n_behind : int
        Columns behind a row.
    reconstructs : bool
        Whether rows are decoded, too; else the reconstruction is the rows' own.
    """

    # What training starts from is judged as it is, by no linear path of its own.
    is_anchored = False
    is_penalised = True

    # The encoder and decoder form a group, so that they can be frozen.
    rate_shares: ClassVar = {"body.*": 1.0}

    def __init__(self, body, head, n_behind, reconstructs):
        super().__init__()
        self.body, self.head = body, head
        self.n_behind, self.reconstructs = n_behind, reconstructs
        self.n_models, self.n_components = body.n_models, body.n_components
        self.weighs_rows = body.weighs_rows and reconstructs
        self.noise_width = body.noise_width if reconstructs else 0

    def read(self, x):
        """Return the rows without what is behind them."""
        return x[..., : -self.n_behind]

    def lengths_of(self, x):
        """Return the numbers of steps of rows that have such."""
        return self.body.lengths_of(self.read(x))

    def forward(self, x, noise=None, **known):
        """Return the autoencoder's :class:`Output` with the answers in it."""
        rows = self.read(x)
        if self.reconstructs:
            drawn = () if noise is None else (noise,)
            output = self.body(rows, *drawn, **known)
        else:
            output = Output(rows, self.body.encode_raw(rows))
        return output._replace(answers=self.head(output.code))

    def observe(self, output, target, row_weight):
        """Let the autoencoder learn what is not learned by gradients."""
        if self.reconstructs:
            self.body.observe(output, self.read(target), row_weight)
