"""The branches for sequences: a cell over all steps, between dense layers and a grid.

Rows are flattened sequences, of shape ``(n_steps, n_channels)`` with the channels last.
The encoder's cell reads every step; what it answers is averaged to a few places, evenly
spaced from the first step to the last, whatever the length, and dense layers answer the
code. The decoder goes the same way back: it knows of a sequence only its code.
"""

import torch
from torch import nn

from ._cells import make_cell
from ._layers import ResidualBranch, StackedLinear
from ._steps import inside

# Initial weights of dense layers as a share of He's, as of images.
GAIN = 0.7


class SequenceEncoder(nn.Module):
    """A cell over the steps, an average over places, and dense layers.

    Answers zero until it is trained.

    Parameters
    ----------
    n_models, n_channels : int
    cell : dict
        The ``kind`` of cell, and its arguments.
    n_places : int
        To which sequences of any length are brought before the dense layers.
    hidden_layer_sizes : tuple of int
    activation : str
    n_outputs : int

    **Shape**: input ``(M, n, n_steps * n_channels)`` or without the model axis, output
    ``(M, n, n_outputs)``.
    """

    def __init__(
        self,
        n_models,
        n_channels,
        cell,
        n_places,
        hidden_layer_sizes,
        activation,
        n_outputs,
    ):
        super().__init__()
        self.n_models, self.n_channels = n_models, n_channels
        self.n_places = n_places
        self.cell = make_cell(cell, n_models, n_channels)
        self.head = ResidualBranch(
            n_models,
            n_places * self.cell.width,
            hidden_layer_sizes,
            n_outputs,
            activation,
        )

    def forward(self, x, lengths=None):
        """Return the branch's correction of the linear path."""
        steps = x.expand(self.n_models, *x.shape[-2:])
        output = self.head.output
        if is_silent(output):
            return x.new_zeros(*steps.shape[:2], output.weight.shape[-1])
        steps = steps.unflatten(-1, (-1, self.n_channels))
        answers = self.cell(steps, lengths)
        return self.head(to_places(answers, lengths, self.n_places).flatten(-2))

    def initialise(self, generators):
        """Draw the hidden layers; the output layer stays at zero."""
        self.cell.initialise(generators)
        self.head.initialise(generators, GAIN)


class SequenceDecoder(nn.Module):
    """The way back: dense layers, interpolation between places, and a cell.

    Parameters
    ----------
    n_models, n_inputs : int
    n_channels, cell, n_places, hidden_layer_sizes, activation
        As of the encoder, in its order.
    n_steps : int
        Of sequences whose lengths are not given.
    n_rows : int
        Sequences that are answered for each row, one after the other.

    **Shape**: input ``(M, n, n_inputs)``, output ``(M, n, n_rows * n_steps *
    n_channels)``.
    """

    def __init__(
        self,
        n_models,
        n_inputs,
        n_channels,
        cell,
        n_places,
        hidden_layer_sizes,
        activation,
        n_steps,
        n_rows,
    ):
        super().__init__()
        self.n_steps, self.n_rows, self.n_places = n_steps, n_rows, n_places
        width = cell["width"]
        self.head = ResidualBranch(
            n_models,
            n_inputs,
            hidden_layer_sizes[::-1],
            n_places * width,
            activation,
        )
        self.cell = make_cell(cell, n_models, width)
        self.output = StackedLinear(n_models, self.cell.width, n_rows * n_channels)

    def forward(self, code, lengths=None):
        """Return the branch's correction of the linear path."""
        n_steps = self.n_steps if lengths is None else int(lengths.max())
        if is_silent(self.output):
            width = n_steps * self.output.weight.shape[-1]
            return code.new_zeros(len(self.output.weight), code.shape[-2], width)
        places = self.head(code).unflatten(-1, (self.n_places, -1))
        answers = self.cell(to_steps(places, lengths, n_steps), lengths)
        answers = self.output(answers.flatten(1, 2)).unflatten(1, (-1, n_steps))
        rows = answers.unflatten(-1, (self.n_rows, -1)).transpose(2, 3)
        return rows.flatten(2)

    def initialise(self, generators):
        """Draw the hidden layers; the output layer stays at zero."""
        self.head.initialise(generators, GAIN)
        self.head.output.initialise(generators, GAIN)
        self.cell.initialise(generators)


def is_silent(output):
    """Whether a branch need not be computed: it answers zero, and nobody trains it."""
    return not torch.is_grad_enabled() and output.is_zero()


def to_places(steps, lengths, n_places):
    """Return means around places evenly spaced over sequences.

    **Shape**: ``(M, n, n_steps, c)`` and ``(M, n)`` or None to ``(M, n, n_places, c)``.
    """
    weights = place_weights(steps, lengths, n_places)
    return torch.matmul(weights, steps)


def place_weights(steps, lengths, n_places):
    """Return weights of steps for each place: a triangle as wide as their distance."""
    index = torch.arange(steps.shape[-2]).to(steps)
    last = steps.new_tensor([[len(index)]]) if lengths is None else lengths.to(steps)
    last = (last - 1)[..., None, None]
    share = torch.linspace(0, 1, n_places, dtype=steps.dtype, device=steps.device)
    share = share.unsqueeze(-1)
    distance = (last / max(n_places - 1, 1)).clamp(min=1)
    weights = (1 - (index - share * last).abs() / distance).clamp(min=0)
    weights = weights * (index <= last)
    return weights / weights.sum(dim=-1, keepdim=True)


def to_steps(places, lengths, n_steps):
    """Interpolate linearly between places, evenly spaced over sequences.

    **Shape**: ``(M, n, n_places, c)`` to ``(M, n, n_steps, c)``; steps beyond a
    sequence's length are zero.
    """
    index = torch.arange(n_steps).to(places)
    if lengths is None:
        last = index.new_tensor([max(n_steps - 1, 1)])
    else:
        last = (lengths.to(places) - 1).clamp(min=1).unsqueeze(-1)
    at = (index / last).clamp(max=1) * (places.shape[-2] - 1)
    weights = 1 - (at.unsqueeze(-1) - torch.arange(places.shape[-2]).to(places)).abs()
    weights = weights.clamp(min=0)
    if lengths is not None:
        weights = weights * inside(weights, lengths)
    return torch.matmul(weights, places)
