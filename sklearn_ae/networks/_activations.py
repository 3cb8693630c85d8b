"""Activation functions: by name, over their argument, and with torch's gradients."""

from functools import partial

import torch
from torch import nn

ACTIVATIONS = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

# By module: the function, which may write over its argument.
IN_PLACE = {
    nn.ELU: torch.nn.functional.elu_,
    nn.GELU: torch.nn.functional.gelu,
    nn.Sigmoid: torch.sigmoid_,
    nn.ReLU: torch.relu_,
    nn.SiLU: partial(torch.nn.functional.silu, inplace=True),
    nn.Tanh: torch.tanh_,
}

_aten = torch.ops.aten

# By module: the function, and the gradient of its argument as a function of that of
# its value, of the argument and of the value.
ACTIVATION_GRADIENTS = {
    nn.ELU: (
        torch.nn.functional.elu,
        lambda g, x, y: _aten.elu_backward.default(g, 1.0, 1, 1, False, x),
    ),
    nn.GELU: (
        torch.nn.functional.gelu,
        lambda g, x, y: _aten.gelu_backward.default(g, x),
    ),
    nn.Sigmoid: (torch.sigmoid, lambda g, x, y: _aten.sigmoid_backward.default(g, y)),
    nn.ReLU: (torch.relu, lambda g, x, y: _aten.threshold_backward.default(g, y, 0)),
    nn.SiLU: (_aten.silu.default, lambda g, x, y: _aten.silu_backward.default(g, x)),
    nn.Tanh: (torch.tanh, lambda g, x, y: _aten.tanh_backward.default(g, y)),
}
