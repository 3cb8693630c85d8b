"""What happens to a code between encoder and decoder: nothing, noise, or a choice.

A bottleneck is independent of the network around it. It turns the encoder's answer
into the code that the decoder reads, and says what that costs.
"""

from typing import NamedTuple

import torch
from torch import nn

from ._layers import bounded


class Bottled(NamedTuple):
    """What a bottleneck makes of a batch; ``M`` is the model axis.

    Attributes
    ----------
    code : tensor of shape (M, n, n_components)
    penalty : tensor of shape (M, n) or None
    """

    code: torch.Tensor
    penalty: torch.Tensor | None = None


class PlainBottleneck(nn.Module):
    """The code is what the encoder answers.

    Parameters
    ----------
    n_models, n_components : int
    """

    # Numbers per component that the encoder's branch answers beside the code.
    n_extra = 0

    # Whether the code takes standard normal noise in training.
    is_noisy = False

    def __init__(self, n_models, n_components):
        super().__init__()

    def set_anchor(self, anchor):
        """Take over what the start says of the codes; here, nothing."""

    def point(self, raw):
        """Return the code that stands for a row, of the shape of ``raw``."""
        return raw

    def forward(self, raw, extra, noise):
        """Return what the decoder reads.

        Parameters
        ----------
        raw : tensor of shape (M, n, k)
        extra : tensor of shape (M, n, n_extra * k) or None
        noise : tensor of shape (n, k) or None
            Standard normal; None takes the code that stands for the row.
        """
        return Bottled(raw)


class GaussianBottleneck(PlainBottleneck):
    r"""The code is drawn from a normal distribution that the encoder gives.

    .. math::
        z = \mu + \sigma \varepsilon, \qquad
        p = \beta \sum_j \max(\mathrm{KL}_j, b), \qquad
        \mathrm{KL}_j = \tfrac12 (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)

    with the free bits :math:`b`. The variances are those of the start, times at most
    :math:`e^{\pm 4}` by what the encoder's branch adds.

    Parameters
    ----------
    n_models, n_components : int
    beta : float
    free_bits : float
        In nats.
    """

    n_extra = 1
    is_noisy = True

    def __init__(self, n_models, n_components, beta, free_bits):
        super().__init__(n_models, n_components)
        self.beta = beta
        self.free_bits = free_bits
        self.register_buffer("log_variance", torch.zeros(n_models, 1, n_components))

    @torch.no_grad()
    def set_anchor(self, anchor):
        """Start from the anchor's code variances."""
        self.log_variance.copy_(anchor.code_variance.log().unsqueeze(1))

    def log_variances(self, extra):
        """Return the log-variances of the codes' distribution."""
        return self.log_variance + bounded(extra)

    def divergences(self, raw, extra):
        """Return the KL divergence of each component, of the shape of ``raw``."""
        log_variance = self.log_variances(extra)
        return (raw.square() + log_variance.exp() - 1 - log_variance) / 2

    def forward(self, raw, extra, noise):
        """Return the code, drawn if there is noise, and its divergence."""
        divergences = self.divergences(raw, extra)
        if self.free_bits:
            divergences = divergences.clamp(min=self.free_bits)
        penalty = self.beta * divergences.sum(dim=-1)
        if noise is None:
            return Bottled(raw, penalty)
        deviation = (self.log_variances(extra) / 2).exp()
        return Bottled(torch.addcmul(raw, deviation, noise), penalty)


BOTTLENECKS = {"plain": PlainBottleneck, "gaussian": GaussianBottleneck}


def make_bottleneck(spec, n_models, n_components):
    """Return the bottleneck of a spec: its ``kind`` and its arguments."""
    arguments = {name: value for name, value in spec.items() if name != "kind"}
    return BOTTLENECKS[spec["kind"]](n_models, n_components, **arguments)
