"""Layers of networks whose gradients are written out: their products, both ways."""

import torch

# Weights of one model's layer from which products in bfloat16 pay for the casts.
FEWEST_WEIGHTS = 2**12


def step_layers(layers, bfloat16=False):
    """Return the :class:`StepLayer` of each layer.

    Parameters
    ----------
    layers : iterable of StackedLinear
    bfloat16 : bool, default=False
        Whether the products of layers with many weights are computed in bfloat16.

    Returns
    -------
    layers : list of StepLayer
    """
    return [
        (Bfloat16Layer if bfloat16 and _is_large(layer) else StepLayer)(layer)
        for layer in layers
    ]


def _is_large(layer):
    return layer.weight[0].numel() >= FEWEST_WEIGHTS


class StepLayer:
    """The tensors of a layer, which autograd does not follow.

    Parameters
    ----------
    layer : StackedLinear
        The gradients of its parameters exist, and are written to.

    Attributes
    ----------
    dtype : torch dtype
        Of what the products read.
    """

    def __init__(self, layer):
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()
        self.weight_gradient, self.bias_gradient = layer.weight.grad, layer.bias.grad
        self.dtype = self.weight.dtype

    def forward(self, x):
        """Return the layer's sums, and what :meth:`backward` is to be given."""
        return torch.baddbmm(self.bias, x, self.weight), x

    def backward(self, read, gradient, to_inputs):
        """Set the parameters' gradients; return that of the inputs, if asked for."""
        torch.bmm(read.transpose(1, 2), gradient, out=self.weight_gradient)
        torch.sum(gradient, dim=1, keepdim=True, out=self.bias_gradient)
        if to_inputs:
            gradient = torch.bmm(gradient, self.weight.transpose(1, 2))
        return gradient


class Bfloat16Layer(StepLayer):
    """The same with operands and products in bfloat16.

    Weights, gradients, biases and all that lies between two layers stay as they are:
    what is added up over many steps would vanish in eight bits.
    """

    def __init__(self, layer):
        super().__init__(layer)
        self.dtype = torch.bfloat16

    def forward(self, x):
        """Return the layer's sums, and what :meth:`backward` is to be given."""
        x, self.cast = x.to(self.dtype), self.weight.to(self.dtype)
        return torch.add(self.bias, torch.bmm(x, self.cast)), x

    def backward(self, read, gradient, to_inputs):
        """Set the parameters' gradients; return that of the inputs, if asked for."""
        cast = gradient.to(self.dtype)
        self.weight_gradient.copy_(torch.bmm(read.transpose(1, 2), cast))
        torch.sum(gradient, dim=1, keepdim=True, out=self.bias_gradient)
        if to_inputs:
            back = torch.bmm(cast, self.cast.transpose(1, 2))
            gradient = back.to(gradient.dtype)
        return gradient
