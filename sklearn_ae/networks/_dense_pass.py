"""Rows through a dense network that is not trained: the fewest calls, to the same bits.

A block of rows that fits a core's cache is so little work that modules which look for
their parts, and memory taken anew for each operation, are a good share of its time.
"""

import torch

from ._activations import IN_PLACE
from ._dense_step import is_dense
from ._output import Output


def light_pass(network):
    """Return what encodes and reconstructs as a network does, faster if it is dense.

    Parameters
    ----------
    network : torch module
        Whose tensors stay as they are while the pass is in use.

    Returns
    -------
    network : DensePass or torch module
        With ``encode(rows)`` and ``lengths_of(rows)``, and callable with rows: all that
        a pass over new rows asks of the network of a table.
    """
    return DensePass(network) if is_dense(network) else network


class DensePass:
    """What a dense :class:`AnchoredAutoencoder` makes of rows, without gradients.

    Parameters
    ----------
    network : AnchoredAutoencoder
        For which :func:`is_dense` holds.
    """

    # The formulas are those of `AnchoredAutoencoder` and `SoftClip`, in their order.

    def __init__(self, network):
        self.n_models = network.n_models
        self.input_scale, self.varies = network.input_scale, network.varies
        self.spread, self.inverse_spread = network.spread, network.inverse_spread
        self.code_center, self.code_map = network.code_center, network.code_map
        self.clip_scale = network.clip.scale
        self.activate = IN_PLACE[type(network.encoder_branch.activation)]
        self.encoder, self.decoder = (
            [_tensors(layer) for layer in (*branch.hidden, branch.output)]
            for branch in (network.encoder_branch, network.decoder_branch)
        )
        self.linear_encoder = _tensors(network.linear_encoder)
        self.linear_decoder = _tensors(network.linear_decoder)

    def encode(self, rows):
        """Return codes of shape ``(M, n, k)``, as the user sees them."""
        raw = self._raw(rows)
        return torch.matmul(raw.sub_(self.code_center), self.code_map)

    def __call__(self, rows):
        """Return the :class:`Output` of rows of shape ``(n, d)``."""
        raw = self._raw(rows)
        answer = self._through(self.decoder, raw * self.inverse_spread)
        decoded = _affine(raw, self.linear_decoder)
        return Output(decoded.addcmul_(answer, self.varies), raw)

    def lengths_of(self, rows):
        """Return None: rows of a dense network have no numbers of steps."""

    def _raw(self, rows):
        answer = self._through(self.encoder, rows * self.input_scale)
        rows = rows.expand(self.n_models, -1, -1)
        return _affine(rows, self.linear_encoder).addcmul_(self.spread, answer)

    def _through(self, layers, x):
        """Return what the layers of a branch answer to rows before they are clipped."""
        factor = (x / self.clip_scale).square_().add_(1).sqrt_().rsqrt_()
        x = factor.mul_(x)
        *hidden, output = layers
        for layer in hidden:
            x = self.activate(_affine(x, layer))
        return _affine(x, output)


def _tensors(layer):
    return layer.bias.detach(), layer.weight.detach()


def _affine(x, layer):
    bias, weight = layer
    return torch.baddbmm(bias, x, weight)
