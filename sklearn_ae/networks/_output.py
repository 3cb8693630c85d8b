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
        The raw codes, before :meth:`AnchoredAutoencoder.encode` shows them in the
        user's units.
    penalty : tensor of shape (M, n) or None
        What the bottleneck adds to the loss of each row.
    correction : tensor of shape (M, n, n_features) or None
        What units that lie idle would add to the reconstruction, towards which they
        are trained apart.
    noise : tensor of shape (M, 1 or n, n_features) or None
        Log-variances of the decoder's noise, in the network's units, if it is Gaussian;
        by row where the code has a say in it.
    logits : tensor of shape (M, n, n_features) or None
        Logits of a Bernoulli decoder.
    log_likelihood : tensor of shape (M, n, n_steps) or None
        Logarithm of the probability that a decoder of tokens gives to each token of the
        row; zero where it has ended.
    answers : tensor of shape (M, n, n_answers) or None
        What a head answers to the codes.
    """

    reconstruction: torch.Tensor
    code: torch.Tensor
    penalty: torch.Tensor | None = None
    correction: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    log_likelihood: torch.Tensor | None = None
    answers: torch.Tensor | None = None
