"""An autoencoder that starts as PCA: a linear path plus nonlinear residuals."""

from typing import ClassVar, NamedTuple

import torch

from ._bottleneck import make_bottleneck
from ._branches import make_branches
from ._code_map import CodeMap
from ._layers import CLIP_SCALE, PreciseLinear, SoftClip
from ._likelihood import make_likelihood
from ._output import Output

PLAIN = {"kind": "plain"}

# Largest entry of the linear decoder in float32.
DECODER_LIMIT = 1e15


class Anchor(NamedTuple):
    """The linear autoencoder a network starts from, one per model.

    Attributes
    ----------
    mean : tensor of shape (M, n_features)
        The point that has code zero.
    encoder : tensor of shape (M, n_features, n_components)
        Codes are ``(x - mean) @ encoder``.
    decoder : tensor of shape (M, n_components, n_features)
        Reconstructions are ``code @ decoder + mean``.
    spread : tensor of shape (M, n_components)
        Standard deviation of the codes over the training rows. The branches do not see
        components whose spread is zero: of them the training rows tell nothing.
    input_mean : tensor of shape (M, n_features) or None
        Mean of the rows that are encoded, where it is not that of the rows decoded.
    input_scale : tensor of shape (M, n_features) or None
        What rows are multiplied by for the encoder's branch.
    varies : tensor of shape (M, n_features) or None
        0 for columns that are constant in the training rows, else 1.
    code_variance : tensor of shape (M, n_components) or None
        Variance of the distribution of a row's code, where it has one.
    noise_variance : tensor of shape (M, n_features) or None
        Variance of the rows around their reconstruction, where it is modelled.
    evidence : tensor of shape (M, n_features) or None
        Number of rows that each column's variance rests on.
    row_center, row_scale : tensor of shape (M, n_features) or None
        Origin and unit of the network's rows, in the user's units.
    """

    mean: torch.Tensor
    encoder: torch.Tensor
    decoder: torch.Tensor
    spread: torch.Tensor
    input_mean: torch.Tensor | None = None
    input_scale: torch.Tensor | None = None
    varies: torch.Tensor | None = None
    code_variance: torch.Tensor | None = None
    noise_variance: torch.Tensor | None = None
    evidence: torch.Tensor | None = None
    row_center: torch.Tensor | None = None
    row_scale: torch.Tensor | None = None

    @classmethod
    def stacked(cls, anchors):
        """Return the anchor of a stack from those of its models, without model axis."""
        return cls(
            *(
                None if parts[0] is None else torch.stack(parts)
                for parts in zip(*anchors, strict=True)
            )
        )


class AnchoredAutoencoder(CodeMap):
    r"""A linear autoencoder with a nonlinear residual on either side.

    .. math::
        z = (x - m) A + s\, f(c(x)), \qquad \hat x = z B + m + g(c(z / s))

    with the anchor :math:`(m, A, B, s)`, where :math:`s` are the standard deviations
    of the codes, the residual branches :math:`f, g`, which answer zero before the
    first step, and the soft clip :math:`c`. With PCA's axes in :math:`A, B` the
    untrained network *is* PCA. The linear path is not trained: the branches learn what
    PCA leaves, and a row far from all others is left to PCA.

    Parameters
    ----------
    n_models, n_features, n_components : int
        M, the number of networks side by side, d and k.
    branches : dict
        The ``kind`` of :math:`f` and :math:`g`, and its arguments.
    bottleneck : dict
        The ``kind`` of what lies between encoder and decoder, and its arguments.
    likelihood : dict or None
        The ``kind`` of distribution that is made of what is decoded, and its arguments;
        None leaves it a row.
    """

    def __init__(
        self,
        *,
        n_models,
        n_features,
        n_components,
        branches,
        bottleneck=PLAIN,
        likelihood=None,
    ):
        super().__init__()
        # Plain values from which `from_state` makes the same network again.
        self.arguments = {
            "n_models": n_models,
            "n_features": n_features,
            "n_components": n_components,
            "branches": dict(branches),
            "bottleneck": dict(bottleneck),
            "likelihood": likelihood and dict(likelihood),
        }
        self.n_models = n_models
        self.n_features = n_features
        self.n_components = n_components
        self.linear_encoder = PreciseLinear(n_models, n_features, n_components)
        self.linear_decoder = PreciseLinear(n_models, n_components, n_features)
        for layer in (self.linear_encoder, self.linear_decoder):
            layer.requires_grad_(False)
        self.bottleneck = make_bottleneck(bottleneck, n_models, n_components)
        self.likelihood = likelihood and make_likelihood(
            likelihood, n_models, n_features
        )
        self.encoder_branch, self.decoder_branch = make_branches(
            branches,
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            n_coded=1 + self.bottleneck.n_extra,
            n_decoded=1 + (self.likelihood.n_extra if likelihood else 0),
        )
        self.clip = SoftClip(CLIP_SCALE)
        self.register_buffer("input_scale", torch.ones(n_models, 1, n_features))
        self.register_buffer("varies", torch.ones(n_models, 1, n_features))
        self.register_buffer("spread", torch.ones(n_models, 1, n_components))
        self.register_buffer("inverse_spread", self.spread.clone())
        self.make_code_map(n_models, n_components)

    # The untrained network is a linear model that training is compared with.
    is_anchored = True

    # Learning rates of some parameters, by pattern, as shares of the others'.
    rate_shares: ClassVar = {}

    # Whether a pass through the network takes means over the rows, and their weights.
    weighs_rows = False

    # Whether losses are more than shares of the variance.
    is_penalised = False

    def initialise(self, seeds):
        """Draw the branches' weights from private generators, one seed per model."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.encoder_branch.initialise(generators)
        self.decoder_branch.initialise(generators)

    @torch.no_grad()
    def set_anchor(self, anchor):
        """Make the linear path the given linear autoencoder."""
        mean = anchor.mean.unsqueeze(1)
        self.linear_encoder.weight.copy_(anchor.encoder)
        origin = mean
        if anchor.input_mean is not None:
            origin = anchor.input_mean.unsqueeze(1)
        self.linear_encoder.bias.copy_(-origin @ anchor.encoder)
        decoder = anchor.decoder
        if self.linear_decoder.weight.dtype == torch.float32:
            # Of columns so small beside the others the loss feels nothing, and their
            # squares would leave the range of float32.
            decoder = torch.where(decoder.abs() < DECODER_LIMIT, decoder, 0.0)
        self.linear_decoder.weight.copy_(decoder)
        self.linear_decoder.bias.copy_(mean)
        if anchor.varies is not None:
            self.varies.copy_(anchor.varies.unsqueeze(1))
        scale = anchor.varies if anchor.input_scale is None else anchor.input_scale
        if scale is not None:
            self.input_scale.copy_(scale.unsqueeze(1))
        spread = anchor.spread.unsqueeze(1)
        self.spread.copy_(spread)
        self.inverse_spread.copy_(torch.where(spread > 0, 1 / spread, 0.0))
        for part in (self.bottleneck, self.likelihood):
            if part is not None:
                part.set_anchor(anchor)

    def settle(self, anchor):
        """Make the linear path exact again, after training in float32."""
        self.set_anchor(anchor)

    @torch.no_grad()
    def copy_linear_path(self, other):
        """Take over the linear path of another network, with its codes' spread."""
        self.spread.copy_(other.spread)
        self.inverse_spread.copy_(other.inverse_spread)
        self.input_scale.copy_(other.input_scale)
        self.varies.copy_(other.varies)
        self.linear_encoder.load_state_dict(other.linear_encoder.state_dict())
        self.linear_decoder.load_state_dict(other.linear_decoder.state_dict())

    def code_axes(self, unit):
        """Return what raw codes are along, of shape ``(d, k)``, for the signs of codes.

        Parameters
        ----------
        unit : tensor of shape (n_columns,)
            Of the columns of rows; of lengths behind them there is none.
        """
        weight = self.linear_encoder.weight[0]
        return weight / unit[: self.n_features].to(weight).unsqueeze(1)

    @property
    def noise_width(self):
        """Number of standard normal draws that :meth:`forward` takes for each row."""
        return self.n_components if self.bottleneck.is_noisy else 0

    def lengths_of(self, x):
        """Return the numbers of steps of rows that have such, of shape ``(M, n)``."""

    def encode_linear(self, x):
        """Return what the linear path alone makes codes of."""
        return self.linear_encoder(x)

    def decode_linear(self, raw, lengths=None):
        """Return what the linear path alone decodes."""
        return self.linear_decoder(raw)

    def pre_code(self, x):
        """Return what the bottleneck reads: raw codes, and what comes beside them."""
        # Of a column that was constant in training the branch knows nothing.
        answer, extra = self.encoder_branch(self.clip(x * self.input_scale)), None
        if self.bottleneck.n_extra:
            answer, extra = answer.tensor_split((self.n_components,), dim=-1)
        return torch.addcmul(self.encode_linear(x), self.spread, answer), extra

    def encode_raw(self, x):
        """Return raw codes of shape ``(M, n, k)``."""
        return self.bottleneck.point(self.pre_code(x)[0])

    def decode_parts(self, raw, lengths=None):
        """Return what the likelihood reads: decoded rows, and what comes beside them.

        **Shape**: ``(M, n, d)`` each; the second is None unless it is asked for.
        """
        answer, extra = self.decoder_branch(self.clip(raw * self.inverse_spread)), None
        if self.likelihood is not None and self.likelihood.n_extra:
            answer, extra = answer.tensor_split((self.n_features,), dim=-1)
        # What is answered for a column that was constant in training the loss does not
        # see, and convolutions answer everywhere.
        return torch.addcmul(self.linear_decoder(raw), answer, self.varies), extra

    def forward(self, x, noise=None):
        """Encode and decode rows of shape ``(n, d)`` or ``(M, n, d)``.

        ``noise``, of shape ``(n, noise_width)`` or with the model axis, is standard
        normal; without it a row's code is the one that stands for it.
        """
        code, penalty = self.bottleneck(*self.pre_code(x), noise)
        decoded, extra = self.decode_parts(code, self.lengths_of(x))
        if self.likelihood is not None:
            return self.likelihood(decoded, extra, code, penalty)
        return Output(decoded, code, penalty)

    def observe(self, output, target, row_weight):
        """Learn from a batch what is not learned by gradients."""
        if self.likelihood is not None:
            self.likelihood.observe(output, target, row_weight)

    def linear(self, x, noise=None):
        """Return what the linear path alone makes of the rows, as at the start."""
        raw = self.encode_linear(x)
        # Zeros as wide as the code serve all that comes beside it.
        code, penalty = self.bottleneck(raw, torch.zeros_like(raw), noise)
        decoded = self.decode_linear(code, self.lengths_of(x))
        if self.likelihood is not None:
            return self.likelihood.at_start(decoded, code, penalty)
        return Output(decoded, code, penalty)

    def encode(self, x):
        """Return codes of shape ``(M, n, k)``, rotated and in the user's units."""
        return self.shown(self.encode_raw(x))

    def decode(self, code, lengths=None):
        """Return the reconstruction, of shape ``(M, n, d)``, from codes."""
        decoded = self.decode_parts(self.raw_of(code), lengths)[0]
        return decoded if self.likelihood is None else self.likelihood.mean(decoded)

    # -- where codes and rows have distributions

    def posterior(self, x):
        """Return mean and log-variance of the distribution of each row's code."""
        raw, extra = self.pre_code(x)
        return raw, self.bottleneck.log_variances(extra)

    @torch.no_grad()
    def divergences(self, x):
        """Return the KL divergence of each component of each row's code."""
        return self.bottleneck.divergences(*self.pre_code(x))

    def decode_output(self, raw):
        """Return the :class:`Output` of raw codes."""
        return self.likelihood(*self.decode_parts(raw), raw, None)

    @torch.no_grad()
    def draw(self, raw, uniform):
        """Return rows drawn from the distribution that raw codes have."""
        return self.likelihood.draw(*self.decode_parts(raw), uniform)
