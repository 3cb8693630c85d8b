"""Layers of networks whose gradients are written out: their products, both ways."""

import torch

# Weights of one model's layer from which products in bfloat16 pay for the casts.
FEWEST_WEIGHTS = 2**12

# Bytes of a vector register, and cells of a batch from which turning pays.
REGISTER_BYTES, FEWEST_CELLS = 64, 2**13


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
    return [_kind_of(layer, bfloat16)(layer) for layer in layers]


def _kind_of(layer, bfloat16):
    if bfloat16 and layer.weight[0].numel() >= FEWEST_WEIGHTS:
        return Bfloat16Layer
    return NarrowLayer if _is_narrow(layer.weight) else StepLayer


def _is_narrow(weight):
    """Whether a layer has fewer outputs than inputs, which do not fill registers."""
    lanes = lanes_of(weight)
    n_inputs, n_outputs = weight.shape[1:]
    is_short = n_outputs < min(2 * lanes, n_inputs) and n_outputs % lanes > 0
    return is_short and weight.device.type == "cpu"


def lanes_of(tensor):
    """Return how many numbers of a tensor fill a register of a CPU."""
    return REGISTER_BYTES // tensor.element_size()


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
        # A view takes as long to ask for as a short sum.
        self.turned_weight, self.turned_bias = self.weight.mT, self.bias.mT
        self.dtype = self.weight.dtype

    def forward(self, x):
        """Return the layer's sums, and what :meth:`backward` is to be given."""
        return torch.baddbmm(self.bias, x, self.weight), x

    def backward(self, read, gradient, to_inputs):
        """Set the parameters' gradients; return that of the inputs, if asked for."""
        self.set_weight_gradient(read, gradient)
        torch.sum(gradient, dim=1, keepdim=True, out=self.bias_gradient)
        if to_inputs:
            gradient = torch.bmm(gradient, self.turned_weight)
        return gradient

    def set_weight_gradient(self, read, gradient):
        """Set the weights' gradient."""
        torch.bmm(read.transpose(1, 2), gradient, out=self.weight_gradient)


class NarrowLayer(StepLayer):
    """The same of few outputs, whose products are turned where there is much to read.

    CPUs fill their registers along the last axis of a product. With 8 numbers there it
    takes longer than with 16, and up to three times as long as with the rows or the
    inputs there.
    """

    def __init__(self, layer):
        super().__init__(layer)
        self.is_least = self.weight.shape[2] < lanes_of(self.weight)

    def forward(self, x):
        """Return the layer's sums, and what :meth:`backward` is to be given."""
        if not self.is_least or not _is_much(x):
            return super().forward(x)
        sums = torch.baddbmm(self.turned_bias, self.turned_weight, x.mT)
        return sums.mT.contiguous(), x

    def set_weight_gradient(self, read, gradient):
        """Set the weights' gradient."""
        if _is_much(read):
            self.weight_gradient.copy_(torch.bmm(gradient.mT, read).mT)
        else:
            super().set_weight_gradient(read, gradient)


def _is_much(rows):
    # Of each model: whatever trains beside it, its bits stay the same.
    return rows.shape[1] * rows.shape[2] >= FEWEST_CELLS


class Bfloat16Layer(StepLayer):
    """The same with operands and products in bfloat16, the weights' gradients included.

    Weights, biases and all that is done between two products stay as they are: what is
    added up over many steps would vanish in eight bits.
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
