"""Loss and gradients of a dense network in one go, without autograd.

A step of a small network is dispatch, not arithmetic: autograd's book-keeping takes as
long as its products. Here the chain rule is written out, gradients go where the
optimiser reads them, and what the linear path makes of rows, which is never trained,
need not be computed at every step.
"""

from typing import NamedTuple

import torch

from ._activations import ACTIVATION_GRADIENTS
from ._anchored import AnchoredAutoencoder
from ._bottleneck import PlainBottleneck
from ._layers import ResidualBranch
from ._output import Output
from ._step_layers import step_layers


class Prepared(NamedTuple):
    """What the trained part of a network reads of rows.

    Attributes
    ----------
    inputs : tensor of shape (M, n, d)
        Of the encoder's branch: scaled and clipped.
    codes : tensor of shape (M, n, k)
        Of the linear path.
    """

    inputs: torch.Tensor
    codes: torch.Tensor

    def at(self, index):
        """Return what there is of some rows of one model."""
        parts = (self.inputs, self.codes)
        return Prepared(*(part[0].index_select(0, index)[None] for part in parts))

    def split(self, sizes):
        """Return an iterable of parts of so many rows."""
        parts = (part.split(sizes, dim=1) for part in self)
        return map(Prepared, *parts)


class Pass(NamedTuple):
    """What the way back needs of the way forward.

    Attributes
    ----------
    encoder, decoder : list of (tensor, tensor, tensor)
        What each hidden layer read, its sums, and what it made of them.
    code, reconstruction : tensor
    unclipped, square, factor : tensor
        Of the decoder's clip: what it read, :math:`1 + (u / c)^2`, and
        :math:`(1 + (u / c)^2)^{-1/4}`.
    """

    encoder: list
    decoder: list
    code: torch.Tensor
    reconstruction: torch.Tensor
    unclipped: torch.Tensor
    square: torch.Tensor
    factor: torch.Tensor


def is_dense(network):
    """Whether a network is one whose operations are written out, both ways.

    The way back is here, and the way through alone in :mod:`._dense_pass`.
    """
    return (
        type(network) is AnchoredAutoencoder
        and type(network.encoder_branch) is ResidualBranch
        and type(network.bottleneck) is PlainBottleneck
        and network.likelihood is None
    )


class DenseStep:
    r"""The way through a dense :class:`AnchoredAutoencoder` and back.

    With the error's gradient :math:`\partial L / \partial \hat x = G`, the code's is

    .. math::
        \frac{\partial L}{\partial z} = G B^\top
        + \frac1s\, c'(z / s)\, g'^\top(v\, G), \qquad
        c'(u) = \frac{1 + (u / c)^2 / 2}{(1 + (u / c)^2)^{5/4}}

    with the columns :math:`v` that vary, and the encoder's branch receives :math:`s`
    times it.

    Parameters
    ----------
    network : AnchoredAutoencoder
        For which :func:`is_dense` holds. The gradients of its parameters exist, and
        are written to.
    bfloat16 : bool, default=False
        Whether the products of large layers are computed in bfloat16. The linear path
        stays as it is: the branches learn what it leaves.
    """

    def __init__(self, network, bfloat16=False):
        self.network = network
        self.clip = 1 / network.clip.scale**2
        encoder, decoder = network.encoder_branch, network.decoder_branch
        self.apply, self.back = ACTIVATION_GRADIENTS[type(encoder.activation)]
        self.encoder = step_layers((*encoder.hidden, encoder.output), bfloat16)
        self.decoder = step_layers((*decoder.hidden, decoder.output), bfloat16)
        # At hand: a module looks for each of its tensors by name.
        self.spread, self.inverse_spread = network.spread, network.inverse_spread
        linear = network.linear_decoder
        self.linear_weight, self.linear_bias = linear.weight, linear.bias
        self.turned_linear_weight = linear.weight.mT
        self.one = torch.ones((), dtype=self.spread.dtype).to(self.spread.device)
        self.zero = torch.zeros_like(self.one)
        # Where all models read alike, rows are clipped once for all.
        scale = network.input_scale
        self.scale = scale[:1] if bool((scale == scale[:1]).all()) else scale
        # A product with ones would be felt.
        self.varies = None if bool((network.varies == 1).all()) else network.varies

    def prepare(self, rows):
        """Return what of rows, ``(n, d)`` or ``(M, n, d)``, does not change."""
        network = self.network
        inputs = network.clip(rows * self.scale).to(self.encoder[0].dtype)
        inputs = inputs.expand(network.n_models, -1, -1)
        return Prepared(inputs, network.encode_linear(rows))

    def __call__(self, batch, column_weight):
        """Return the losses and the output, and set the gradients of the parameters.

        Parameters
        ----------
        batch : Batch
            Of which ``prepared`` may be known.
        column_weight : tensor of shape (d,) or (M, 1, d)

        Returns
        -------
        losses : tensor of shape (M,)
        output : Output
        """
        prepared = batch.prepared
        passed = self.forward(prepared or self.prepare(batch.inputs))
        rest = passed.reconstruction - batch.target
        # Of the squared error: half of its gradient.
        weighed = rest * column_weight
        if batch.element_weight is not None:
            weighed *= batch.element_weight
        if batch.row_weight is not None:
            weighed *= batch.row_weight.unsqueeze(-1)
        n_models, n_rows, _ = rest.shape
        # As one product of two vectors.
        pair = rest.view(n_models, 1, -1), weighed.view(n_models, -1, 1)
        losses = torch.baddbmm(self.zero, *pair, beta=0, alpha=1 / n_rows).flatten()
        self.backward(passed, weighed.mul_(2 / n_rows))
        return losses, Output(passed.reconstruction, passed.code)

    def forward(self, prepared):
        """Return the :class:`Pass` of prepared rows."""
        answer, encoder = self._through(self.encoder, prepared.inputs)
        code = torch.addcmul(prepared.codes, self.spread, answer)
        unclipped = code * self.inverse_spread
        square = torch.addcmul(self.one, unclipped, unclipped, value=self.clip)
        factor = square.sqrt().rsqrt_()
        answer, decoder = self._through(self.decoder, unclipped * factor)
        decoded = answer if self.varies is None else answer * self.varies
        decoded = decoded.baddbmm_(code, self.linear_weight).add_(self.linear_bias)
        return Pass(encoder, decoder, code, decoded, unclipped, square, factor)

    def _through(self, layers, x):
        """Return what layers answer, and what each of them read and made."""
        kept = []
        *hidden, output = layers
        for layer in hidden:
            sums, read = layer.forward(x)
            x = self.apply(sums)
            kept.append((read, sums, x))
        answer, read = output.forward(x)
        kept.append((read, None, None))
        return answer, kept

    def backward(self, passed, gradient):
        """Set the parameters' gradients, given that of the reconstruction."""
        of_code = torch.bmm(gradient, self.turned_linear_weight)
        if self.varies is not None:
            gradient = gradient * self.varies
        back = self._back(self.decoder, passed.decoder, gradient, to_inputs=True)
        # c'(u) by what is at hand: with q = 1 + (u / c)^2, q^(-1/4) (1 + 1 / q) / 2.
        slope = passed.square.reciprocal().add_(1).mul_(passed.factor)
        of_code.addcmul_(back.mul_(slope), self.inverse_spread, value=0.5)
        of_code *= self.spread
        self._back(self.encoder, passed.encoder, of_code, to_inputs=False)

    def _back(self, layers, kept, gradient, to_inputs):
        """Set the gradients of layers; return that of what they read, if asked for."""
        for place in range(len(layers) - 1, -1, -1):
            read = kept[place][0]
            gradient = layers[place].backward(read, gradient, place or to_inputs)
            if place:
                _, sums, made = kept[place - 1]
                gradient = self.back(gradient, sums, made)
        return gradient
