"""Cells: what reads the steps of sequences, each in the light of the others.

Each maps sequences of shape ``(M, n, n_steps, n_inputs)`` to one of a set ``width``.
Steps beyond a sequence's length change nothing, and answer anything.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from ._activations import ACTIVATIONS
from ._layers import StackedLinear
from ._steps import inside, positions

N_TAPS = 3
N_HEADS = 4


def make_cell(spec, n_models, n_inputs):
    """Return a cell.

    Parameters
    ----------
    spec : dict
        The ``kind`` and its arguments, plain values: ``width``, ``n_layers``.
    n_models, n_inputs : int
    """
    arguments = {name: value for name, value in spec.items() if name != "kind"}
    return CELLS[spec["kind"]](n_models, n_inputs, **arguments)


def turning(lengths, n_steps):
    """Return the order of all steps in which each sequence's last step comes first.

    What lies beyond it stays there. For :class:`Turn`.
    """
    index = torch.arange(n_steps, device=lengths.device)
    turned = lengths.unsqueeze(-1) - 1 - index
    return positions(torch.where(turned < 0, index, turned), n_steps)


class Turn(torch.autograd.Function):
    """Steps in an order that is its own inverse, so that gradients go the same way."""

    @staticmethod
    def forward(ctx, steps, order):
        """Return the steps in another order."""
        ctx.save_for_backward(order)
        return ordered(steps, order)

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradient in the order of before."""
        return ordered(gradient, *ctx.saved_tensors), None


def ordered(steps, order):
    """Return steps in the order of their positions among all sequences'."""
    rows = steps.reshape(-1, steps.shape[-1])
    return rows.index_select(0, order).view(steps.shape)


def in_one_piece(weights):
    """Return weights that lie as cuDNN reads them: all matrices, then all biases.

    It would copy them at every call, too, and warn of it.
    """
    matrices = [weight.dim() == 2 for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: not matrices[place])
    piece = torch.cat([weights[place].reshape(-1) for place in order])
    parts = piece.split([weights[place].numel() for place in order])
    placed = dict(zip(order, parts, strict=True))
    return [placed[at].view(weight.shape) for at, weight in enumerate(weights)]


class RecurrentCell(nn.Module):
    """Layers of recurrent units that read sequences in both directions.

    Sequences of several lengths are turned each from its own last step, and filled up
    to the longest. torch could pack them instead; its backward pass then takes time
    that grows with the square of the steps, and its fastest kernels stay unused.

    Parameters
    ----------
    n_models, n_inputs : int
    width : int
        Units of both directions together.
    n_layers : int
    """

    n_gates, function = None, None

    def __init__(self, n_models, n_inputs, width, n_layers):
        super().__init__()
        self.half, self.n_layers = -(-width // 2), n_layers
        self.width = 2 * self.half
        self.weights = nn.ParameterList()
        rows = self.n_gates * self.half
        for layer in range(n_layers):
            columns = self.width if layer else n_inputs
            for _ in range(2):
                for shape in ((rows, columns), (rows, self.half), (rows,), (rows,)):
                    self.weights.append(nn.Parameter(torch.zeros(n_models, *shape)))

    def forward(self, steps, lengths=None):
        """Return what the units of both directions answer at each step."""
        if lengths is None:
            return self._run(steps, 0, self.n_layers, n_directions=2)
        order = turning(lengths.expand(steps.shape[:2]), steps.shape[2])
        for layer in range(self.n_layers):
            ahead = self._run(steps, 2 * layer)
            back = self._run(Turn.apply(steps, order), 2 * layer + 1)
            steps = torch.cat([ahead, Turn.apply(back, order)], dim=-1)
        return steps

    def _run(self, steps, first, n_layers=1, n_directions=1):
        """Return what torch's function answers, with the weights from ``first`` on."""
        n_weights = 4 * n_layers * n_directions
        answers = []
        for model, sequences in enumerate(steps):
            own = self.weights[4 * first : 4 * first + n_weights]
            own = [weight[model] for weight in own]
            answer, *_ = self.function(
                sequences,
                self._start(sequences, n_layers * n_directions),
                in_one_piece(own) if sequences.is_cuda else own,
                True,  # with biases
                n_layers,
                0.0,
                self.training,
                n_directions == 2,
                True,  # sequences before steps
            )
            answers.append(answer)
        # To stack is to copy, and most stacks are of one.
        return torch.stack(answers) if len(answers) > 1 else answers[0].unsqueeze(0)

    def _start(self, sequences, n_runs):
        return sequences.new_zeros(n_runs, len(sequences), self.half)

    @torch.no_grad()
    def initialise(self, generators):
        """Draw uniform weights, as torch's recurrent layers do."""
        bound = 1 / math.sqrt(self.half)
        for model, generator in enumerate(generators):
            for weight in self.weights:
                draw = torch.empty(weight.shape[1:], dtype=torch.float32)
                weight[model].copy_(draw.uniform_(-bound, bound, generator=generator))


class GRUCell(RecurrentCell):
    """Gated recurrent units [1]_.

    References
    ----------
    .. [1] Cho, K. et al. (2014). Learning phrase representations using RNN
       encoder-decoder for statistical machine translation. EMNLP.
    """

    n_gates, function = 3, staticmethod(torch.gru)


class LSTMCell(RecurrentCell):
    """Long short-term memory [1]_.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
       Computation, 9, 1735-1780.
    """

    n_gates, function = 4, staticmethod(torch.lstm)

    def _start(self, sequences, n_runs):
        zeros = super()._start(sequences, n_runs)
        return zeros, zeros


class ConvolutionCell(nn.Module):
    """Dilated convolutions, each added to its input [1]_.

    Parameters
    ----------
    n_models, n_inputs, width : int
    n_layers : int
        The reach doubles with each.
    activation : str

    References
    ----------
    .. [1] Bai, S., Kolter, J. Z. and Koltun, V. (2018). An empirical evaluation of
       generic convolutional and recurrent networks for sequence modeling.
       arXiv:1803.01271.
    """

    def __init__(self, n_models, n_inputs, width, n_layers, activation):
        super().__init__()
        self.width = width
        self.enter = StackedLinear(n_models, n_inputs, width)
        self.layers = nn.ModuleList(
            DilatedConvolution(n_models, width, 2**layer) for layer in range(n_layers)
        )
        self.activation = ACTIVATIONS[activation]()

    def forward(self, steps, lengths=None):
        """Return maps of the shape of ``steps``, but for their width."""
        x = self.enter(steps.flatten(1, 2)).unflatten(1, steps.shape[1:3])
        mask = None if lengths is None else inside(steps, lengths)
        for layer in self.layers:
            active = self.activation(x)
            # Beyond the end there are zeros, which not every activation leaves.
            x = x + layer(active if mask is None else active * mask)
        return self.activation(x)

    def initialise(self, generators):
        """Draw all layers."""
        self.enter.initialise(generators, 0.7)
        for layer in self.layers:
            layer.initialise(generators, 0.7)


class DilatedConvolution(nn.Module):
    """M convolutions over steps, of three taps a dilation apart.

    A product with the taps side by side: in float64, in which fitted networks answer,
    torch's own convolutions take many times as long on CPUs.
    """

    def __init__(self, n_models, width, dilation):
        super().__init__()
        self.dilation = dilation
        self.taps = StackedLinear(n_models, N_TAPS * width, width)

    def forward(self, x):
        """Convolve; beyond the ends there are zeros."""
        n_steps = x.shape[-2]
        padded = functional.pad(x, (0, 0, self.dilation, self.dilation))
        starts = range(0, N_TAPS * self.dilation, self.dilation)
        taps = torch.cat([padded[..., s : s + n_steps, :] for s in starts], dim=-1)
        return self.taps(taps.flatten(1, 2)).unflatten(1, x.shape[1:3])

    def initialise(self, generators, gain):
        """Draw He-uniform weights, times ``gain``."""
        self.taps.initialise(generators, gain)


class AttentionCell(nn.Module):
    """Layers of self-attention, with the places of the steps added [1]_.

    Parameters
    ----------
    n_models, n_inputs, width, n_layers : int
    activation : str

    References
    ----------
    .. [1] Vaswani, A. et al. (2017). Attention is all you need. Advances in Neural
       Information Processing Systems.
    """

    def __init__(self, n_models, n_inputs, width, n_layers, activation):
        super().__init__()
        self.width = N_HEADS * -(-width // N_HEADS)
        self.enter = StackedLinear(n_models, n_inputs, self.width)
        self.layers = nn.ModuleList(
            AttentionLayer(n_models, self.width, activation) for _ in range(n_layers)
        )

    def forward(self, steps, lengths=None):
        """Return what each step becomes in the light of all others."""
        shape = steps.shape[1:3]
        x = self.enter(steps.flatten(1, 2)).unflatten(1, shape)
        x = x + places_of_steps(shape[1], self.width).to(x)
        mask = None if lengths is None else inside(steps, lengths)
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def initialise(self, generators):
        """Draw all layers but those that are added to their input."""
        self.enter.initialise(generators, 0.7)
        for layer in self.layers:
            layer.initialise(generators)


class AttentionLayer(nn.Module):
    """Attention of each step to all, then a dense layer; both are added to the input.

    At first neither adds anything.
    """

    def __init__(self, n_models, width, activation):
        super().__init__()
        self.read = StackedLinear(n_models, width, 3 * width)
        self.write = StackedLinear(n_models, width, width)
        self.first = StackedLinear(n_models, width, 2 * width)
        self.second = StackedLinear(n_models, 2 * width, width)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x, mask=None):
        """Return steps of the shape of ``x``."""
        shape = x.shape[1:3]
        parts = self.read(normalised(x).flatten(1, 2)).unflatten(1, shape)
        heads = parts.unflatten(-1, (3, N_HEADS, -1)).permute(3, 0, 1, 4, 2, 5)
        seen = None if mask is None else mask.bool().transpose(-1, -2).unsqueeze(2)
        answer = functional.scaled_dot_product_attention(*heads, attn_mask=seen)
        answer = answer.transpose(2, 3).flatten(3).flatten(1, 2)
        x = x + self.write(answer).unflatten(1, shape)
        hidden = self.activation(self.first(normalised(x).flatten(1, 2)))
        return x + self.second(hidden).unflatten(1, shape)

    def initialise(self, generators):
        """Draw what reads; what writes stays at zero."""
        self.read.initialise(generators, 0.4)
        self.first.initialise(generators, 0.7)


def normalised(x):
    """Return steps of mean zero and variance one each."""
    return functional.layer_norm(x, x.shape[-1:])


def places_of_steps(n_steps, width):
    """Return sines and cosines of the steps' numbers, of wave lengths up to 10,000."""
    rates = torch.exp(-math.log(1e4) * torch.arange(0, width, 2) / width)
    angles = torch.arange(n_steps).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


CELLS = {
    "attention": AttentionCell,
    "convolution": ConvolutionCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
}
