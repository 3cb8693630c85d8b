"""Decoders that answer with a distribution of rows, not only with a row."""

import torch
from torch import nn

from ._output import Output

# Least standard deviation of a column's noise, as a share of the column's own: below,
# a column that the others determine would make the density as large as one likes.
NOISE_FLOOR = 1e-3


class GaussianLikelihood(nn.Module):
    r"""Normal noise around the reconstruction, of a learned variance.

    .. math:: \sigma_j^2 = s_j e^{t_j} + \phi_j

    with the variances :math:`s` of the start less the floor :math:`\phi`, and what is
    learned in :math:`t`, by column or shared.

    Parameters
    ----------
    n_models, n_features : int
    shared : bool
        Whether all columns' noise grows or shrinks by one factor.
    """

    def __init__(self, n_models, n_features, shared):
        super().__init__()
        width = 1 if shared else n_features
        self.growth = nn.Parameter(torch.zeros(n_models, 1, width))
        for name in ("start", "floor", "learned"):
            self.register_buffer(name, torch.ones(n_models, 1, n_features))

    @torch.no_grad()
    def set_anchor(self, anchor):
        """Start from the anchor's noise variances."""
        variance = anchor.noise_variance.unsqueeze(1)
        self.floor.copy_(
            torch.minimum(variance / 2, variance.new_tensor(NOISE_FLOOR**2))
        )
        self.start.copy_(variance - self.floor)
        # Of a column that never varied the noise has nothing to learn from.
        self.learned.copy_(anchor.varies.unsqueeze(1))

    def log_variance(self, growth):
        """Return the log-variances after some growth, of shape ``(M, 1, d)``."""
        return torch.addcmul(
            self.floor, self.start, (growth * self.learned).exp()
        ).log()

    @torch.no_grad()
    def variance(self):
        """Return the noise's variances, of shape ``(M, 1, d)``."""
        return self.log_variance(self.growth).exp()

    def mean(self, decoded):
        """Return the mean of the rows' distribution."""
        return decoded

    def draw(self, decoded, uniform):
        """Return rows drawn from the distribution, from uniforms of their shape."""
        deviation = (self.log_variance(self.growth) / 2).exp()
        return torch.addcmul(decoded, deviation, torch.special.ndtri(uniform))

    def forward(self, decoded, code, penalty):
        """Return a network's output from what its layers decoded."""
        return Output(decoded, code, penalty, noise=self.log_variance(self.growth))

    def at_start(self, decoded, code, penalty):
        """Return the same with the noise of the start."""
        start = torch.zeros_like(self.growth)
        return Output(decoded, code, penalty, noise=self.log_variance(start))


class BernoulliLikelihood(nn.Module):
    r"""Probabilities of ones, for columns between 0 and 1.

    The logit of a cell is :math:`4 (y - 1/2)` with :math:`y` decoded in the units of
    the rows: near one half the probability is then what a Gaussian decoder answers.

    Parameters
    ----------
    n_models, n_features : int
    """

    def __init__(self, n_models, n_features):
        super().__init__()
        for name in ("center", "scale"):
            self.register_buffer(name, torch.ones(n_models, 1, n_features))

    @torch.no_grad()
    def set_anchor(self, anchor):
        """Take over the units of the rows."""
        self.center.copy_(anchor.row_center.unsqueeze(1))
        self.scale.copy_(anchor.row_scale.unsqueeze(1))

    def logits(self, decoded):
        """Return the logits of what the layers decoded."""
        return 4 * (decoded * self.scale + self.center - 0.5)

    def mean(self, decoded):
        """Return the mean of the rows' distribution, in the network's units."""
        return (torch.sigmoid(self.logits(decoded)) - self.center) / self.scale

    def draw(self, decoded, uniform):
        """Return rows drawn from the distribution, from uniforms of their shape."""
        ones = (uniform < torch.sigmoid(self.logits(decoded))).to(decoded)
        return (ones - self.center) / self.scale

    def forward(self, decoded, code, penalty):
        """Return a network's output from what its layers decoded."""
        logits = self.logits(decoded)
        mean = (torch.sigmoid(logits) - self.center) / self.scale
        return Output(mean, code, penalty, logits=logits)

    at_start = forward


LIKELIHOODS = {"gaussian": GaussianLikelihood, "bernoulli": BernoulliLikelihood}


def make_likelihood(spec, n_models, n_features):
    """Return the likelihood of a spec: its ``kind`` and its arguments."""
    arguments = {name: value for name, value in spec.items() if name != "kind"}
    return LIKELIHOODS[spec["kind"]](n_models, n_features, **arguments)
