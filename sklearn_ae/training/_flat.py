"""Parameters of a stack of networks as one matrix: one call steps them all."""

import torch
from torch import nn


class FlatParameters:
    """The trained parameters of a stack, and their gradients, a row for each model.

    The network's parameters become views of the matrix, and their gradients views of
    another: whatever reads or writes them at the network sees and changes the rows.

    Parameters
    ----------
    network : torch module
        A stack of ``n_models`` networks.

    Attributes
    ----------
    values, gradients : tensor of shape (M, n_parameters)
    """

    def __init__(self, network):
        own = [p for p in network.parameters() if p.requires_grad]
        rows = [p.detach().reshape(network.n_models, -1) for p in own]
        self.values = torch.cat(rows, dim=1)
        self.gradients = torch.zeros_like(self.values)
        widths = [part.shape[1] for part in rows]
        values = self.values.split(widths, dim=1)
        gradients = self.gradients.split(widths, dim=1)
        for parameter, value, gradient in zip(own, values, gradients, strict=True):
            shape = parameter.shape
            parameter.data = value.view(shape)
            parameter.grad = gradient.view(shape)

    def as_parameter(self):
        """Return the matrix as the one parameter of an optimiser."""
        parameter = nn.Parameter(self.values, requires_grad=False)
        parameter.grad = self.gradients
        return parameter
