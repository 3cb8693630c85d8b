"""What a network returns for a batch."""

from typing import NamedTuple

import torch


class Output(NamedTuple):
    """A network's answer, per row; ``M`` is the model axis.

    Attributes
    ----------
    reconstruction : tensor of shape (M, n, n_features)
        The rows as decoded from their codes, in the network's units.
    code : tensor of shape (M, n, n_components)
        The raw codes, before :meth:`AnchoredAutoencoder.encode` rotates them.
    penalty : tensor of shape (M, n) or None
        What the bottleneck adds to the loss of each row.
    """

    reconstruction: torch.Tensor
    code: torch.Tensor
    penalty: torch.Tensor | None = None
