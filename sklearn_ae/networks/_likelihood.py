"""Decoders that answer with a distribution of rows, not only with a row."""

import math

import torch
from torch import nn

from ._layers import bounded
from ._output import Output

# Least standard deviation of a column's noise, as a share of the column's own: below,
# a column that the others determine would make the density as large as one likes.
NOISE_FLOOR = 1e-3

# Least divisor.
TINY = 1e-30

# Weight of a batch in the running mean of the squared residuals, once it is full.
NOISE_RATE = 0.1


class GaussianLikelihood(nn.Module):
    r"""Normal noise around the reconstruction, of a learned variance.

    .. math:: \log \sigma_j^2(z) = \max(s_j + t_j + r_j(z), \phi_j)

    with the log-variances :math:`s` of the start, what is learned in :math:`t`, by
    column or for all alike, what the decoder's branch adds in :math:`r`, if it depends
    on the code, and a floor :math:`\phi`.

    :math:`t` is not learned by gradients. Given all else its best value is known, the
    mean of the squared residuals, and a running mean of it goes at once where steps of
    an optimiser would need thousands: in raw units it may lie ten or more away.

    Parameters
    ----------
    n_models, n_features : int
    noise : {"heteroscedastic", "per_feature", "shared"}
    """

    def __init__(self, n_models, n_features, noise):
        super().__init__()
        self.is_shared = noise == "shared"
        self.n_extra = int(noise == "heteroscedastic")
        # A parameter, so that it is kept and put back with the weights.
        self.growth = nn.Parameter(torch.zeros(n_models, 1, n_features))
        for name in ("n_seen", "largest"):
            self.register_buffer(name, torch.zeros(n_models, 1, 1))
        for name in ("start", "floor", "learned", "doubt"):
            self.register_buffer(name, torch.zeros(n_models, 1, n_features))

    @torch.no_grad()
    def set_anchor(self, anchor):
        """Start from the anchor's noise variances."""
        self.start.copy_(anchor.noise_variance.log().unsqueeze(1))
        self.floor.copy_(self.start.clamp(max=2 * math.log(NOISE_FLOOR)))
        # Of a column that never varied the noise has nothing to learn from.
        self.learned.copy_(anchor.varies.unsqueeze(1))
        if anchor.evidence is not None:
            self.doubt.copy_(1 / (1 + anchor.evidence.unsqueeze(1)))

    def log_variance(self, extra):
        """Return the log-variances, of shape ``(M, 1 or n, d)``."""
        level = self.start + self.growth.detach()
        if extra is not None:
            level = level + bounded(extra) * self.learned
        return torch.maximum(level, self.floor)

    @torch.no_grad()
    def observe(self, output, target, row_weight):
        """Learn from the residuals of a batch."""
        level = self.start + self.growth
        # What the code adds to the noise is divided out of the residuals.
        squares = (target - output.reconstruction).square()
        squares = squares * (level - output.noise).exp()
        weight = (
            squares.new_ones(squares.shape[:-1]) if row_weight is None else row_weight
        )
        mass = weight.sum(dim=-1, keepdim=True)
        share = (weight / mass.clamp(min=TINY)).unsqueeze(-2)
        ratio = torch.matmul(share, squares) / self.start.exp()
        # The start, or the column's own variance if that is less, counts as one row. Of
        # a column that is the same in all rows but one a model that has not seen this
        # row knows nothing.
        usual = (-self.start.clamp(min=0)).exp()
        ratio = torch.lerp(ratio, usual, self.doubt)
        if self.is_shared:
            count = self.learned.sum(-1, keepdim=True).clamp(min=1)
            ratio = (ratio * self.learned).sum(-1, keepdim=True) / count
        # A batch counts by the rows in it; in a fold's share of it there may be none.
        self.largest.copy_(torch.maximum(self.largest, mass.unsqueeze(-1)))
        part = mass.unsqueeze(-1) / self.largest.clamp(min=TINY)
        self.n_seen += part
        rate = (1 / self.n_seen.clamp(min=1)).clamp(min=NOISE_RATE) * part
        variance = torch.lerp(self.growth.exp(), ratio.expand_as(self.growth), rate)
        least = (self.floor - self.start).exp()
        self.growth.copy_(torch.maximum(variance, least).log() * self.learned)

    def noise_variance(self):
        """Return the variances where the code adds nothing, of shape ``(M, 1, d)``."""
        return self.log_variance(None).exp()

    def mean(self, decoded):
        """Return the mean of the rows' distribution."""
        return decoded

    def draw(self, decoded, extra, uniform):
        """Return rows drawn from the distribution, from uniforms of their shape."""
        deviation = (self.log_variance(extra) / 2).exp()
        return torch.addcmul(decoded, deviation, torch.special.ndtri(uniform))

    def forward(self, decoded, extra, code, penalty):
        """Return a network's output from what its layers decoded."""
        return Output(decoded, code, penalty, noise=self.log_variance(extra))

    def at_start(self, decoded, code, penalty):
        """Return the same with the noise of the start."""
        return Output(decoded, code, penalty, noise=self.start)


class BernoulliLikelihood(nn.Module):
    r"""Probabilities of ones, for columns between 0 and 1.

    The logit of a cell is :math:`4 (y - 1/2)` with :math:`y` decoded in the units of
    the rows: near one half the probability is then what a Gaussian decoder answers.

    Parameters
    ----------
    n_models, n_features : int
    """

    n_extra = 0

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

    def observe(self, output, target, row_weight):
        """Learn from the residuals of a batch; here, nothing."""

    def draw(self, decoded, extra, uniform):
        """Return rows drawn from the distribution, from uniforms of their shape."""
        ones = (uniform < torch.sigmoid(self.logits(decoded))).to(decoded)
        return (ones - self.center) / self.scale

    def forward(self, decoded, extra, code, penalty):
        """Return a network's output from what its layers decoded."""
        logits = self.logits(decoded)
        mean = (torch.sigmoid(logits) - self.center) / self.scale
        return Output(mean, code, penalty, logits=logits)

    def at_start(self, decoded, code, penalty):
        """Return the same; there is no noise that has a start."""
        return self(decoded, None, code, penalty)


LIKELIHOODS = {"gaussian": GaussianLikelihood, "bernoulli": BernoulliLikelihood}


def make_likelihood(spec, n_models, n_features):
    """Return the likelihood of a spec: its ``kind`` and its arguments."""
    arguments = {name: value for name, value in spec.items() if name != "kind"}
    return LIKELIHOODS[spec["kind"]](n_models, n_features, **arguments)
