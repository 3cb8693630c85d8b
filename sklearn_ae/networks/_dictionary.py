"""A dictionary of atoms, and an encoder that finds the few that make up a row."""

import math
from typing import ClassVar, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ._branches import make_branches
from ._layers import CLIP_SCALE, SoftClip, StackedLinear
from ._output import Output

# Corrections of the choice of atoms after the first. With none, atoms that explain the
# same part of a row are all chosen for it; more than these gain little.
N_CORRECTIONS = 8

# Steps without activity after which a unit counts as idle.
IDLE_STEPS = 20

# Spread of a reconstruction from bounded activations, as a multiple of the rows' own.
KL_GAIN = 1.5

# Least divisor.
TINY = 1e-30

# Largest inverse of a column's scale in float32.
SCALE_LIMIT = 1e15


class Dictionary(NamedTuple):
    """Where a dictionary network starts, one per model; ``M`` is the model axis.

    Attributes
    ----------
    mean : tensor of shape (M, d)
        In the network's units.
    scale : tensor of shape (M, d)
        What one unit of a column counts, such that the rows' total variance is 1.
    encoder : tensor of shape (M, d, k)
    bias : tensor of shape (M, k)
    atoms : tensor of shape (M, k, d)
        Of unit norm, as the scaled rows count.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    encoder: torch.Tensor
    bias: torch.Tensor
    atoms: torch.Tensor

    @classmethod
    def stacked(cls, models):
        """Return the start of a stack from those of its models, without model axis."""
        return cls(*map(torch.stack, zip(*models, strict=True)))


class DictionaryAutoencoder(nn.Module):
    r"""Sparse codes over a learned dictionary of unit-norm atoms.

    Rows are centred and scaled to a total variance of 1. With the encoder :math:`E, b`
    and the atoms :math:`D`,

    .. math:: p = \tilde x E + b, \qquad \hat x = (a - \rho) D

    where :math:`\rho` is zero but for "kl", and the code :math:`a` is

    * "topk": :math:`T(p)`, which keeps the ``n_active`` largest if they are above zero,
      then corrected: :math:`a \leftarrow T(a + e^{s} (\tilde x - a D) E)`, a few times,
      with learned :math:`s` [1]_;
    * "l1": :math:`\max(p, 0)`;
    * "kl": the logistic function of :math:`p`, in (0, 1), times a fixed gain in
      :math:`\hat x`.

    Parameters
    ----------
    n_models, n_features, n_components : int
    penalty : {"topk", "l1", "kl"}
    n_active : int
        Units active at most in a row, for "topk".
    penalty_weight : float
        For "l1" and "kl".
    target_activation : float
        Mean activation :math:`\rho` of each unit that "kl" asks for.
    branches : dict or None
        The ``kind`` of residual branches beside :math:`\tilde x E` and :math:`a D`,
        which answer zero before the first step, and its arguments; None has none.

    References
    ----------
    .. [1] Gregor, K. and LeCun, Y. (2010). Learning fast approximations of sparse
       coding. International Conference on Machine Learning.
    """

    is_anchored = False
    weighs_rows = True
    noise_width = 0

    # Learning rates of parameters that are not of unit size, as shares of the others'.
    rate_shares: ClassVar = {"*_branch.*": 0.03}

    def __init__(
        self,
        *,
        n_models,
        n_features,
        n_components,
        penalty,
        n_active,
        penalty_weight,
        target_activation,
        branches=None,
    ):
        super().__init__()
        self.n_models, self.n_features = n_models, n_features
        self.n_components, self.penalty = n_components, penalty
        self.n_active, self.penalty_weight = n_active, penalty_weight
        self.target_activation = target_activation
        # Parameters of unit size: one learning rate serves all of them.
        self.encoder = StackedLinear(n_models, n_features, n_components)
        self.atoms = nn.Parameter(torch.zeros(n_models, n_components, n_features))
        self.pace = nn.Parameter(
            torch.zeros(n_models, N_CORRECTIONS, n_components),
            requires_grad=penalty == "topk",
        )
        for name in ("mean", "scale"):
            self.register_buffer(name, torch.ones(n_models, 1, n_features))
        for name in ("weight_unit", "bias_unit", "code_unit"):
            self.register_buffer(name, torch.ones(n_models, 1, 1))
        self.register_buffer("silent", torch.zeros(n_models, 1, n_components))
        self.arguments = {
            "n_models": n_models,
            "n_features": n_features,
            "n_components": n_components,
            "penalty": penalty,
            "n_active": n_active,
            "penalty_weight": penalty_weight,
            "target_activation": target_activation,
            "branches": branches and dict(branches),
        }
        self.encoder_branch = self.decoder_branch = None
        if branches:
            self.encoder_branch, self.decoder_branch = make_branches(
                branches,
                n_models=n_models,
                n_features=n_features,
                n_components=n_components,
                n_coded=1,
                n_decoded=1,
            )
        self.clip = SoftClip(CLIP_SCALE)

    # -- the start

    def lengths_of(self, x):
        """Return None: rows are all of one length."""

    def initialise(self, seeds):
        """Draw the branches' weights; the start of all else is the rows' own."""
        if self.encoder_branch is not None:
            generators = [torch.Generator().manual_seed(seed) for seed in seeds]
            self.encoder_branch.initialise(generators)
            self.decoder_branch.initialise(generators)

    @torch.no_grad()
    def set_anchor(self, start):
        """Take over a :class:`Dictionary`."""
        self.mean.copy_(start.mean.unsqueeze(1))
        self.scale.copy_(start.scale.unsqueeze(1))
        self.weight_unit.copy_(_size(start.encoder))
        self.bias_unit.copy_(_size(start.bias.unsqueeze(1)))
        self.encoder.weight.copy_(start.encoder / self.weight_unit)
        self.encoder.bias.copy_(start.bias.unsqueeze(1) / self.bias_unit)
        self.atoms.copy_(start.atoms * math.sqrt(self.n_features))

    def settle(self, start):
        """Leave what was learned as it is."""

    def copy_linear_path(self, other):
        """Leave what was learned as it is."""

    @torch.no_grad()
    def show_codes_in(self, unit):
        """Show codes in a unit; bounded activations have none."""
        if self.penalty != "kl":
            self.code_unit.fill_(unit)

    # -- rows to codes and back

    def dictionary(self):
        """Return the atoms, of shape ``(M, k, d)`` and unit norm."""
        return functional.normalize(self.atoms, dim=-1)

    def pre_activations(self, x):
        """Return the scaled rows' products with the encoder, and what is added."""
        rows = (x - self.mean) * self.scale
        weight = self.encoder.weight * self.weight_unit
        bias = self.encoder.bias * self.bias_unit
        if self.encoder_branch is not None:
            bias = bias + self.encoder_branch(self.clip(x))
        return torch.matmul(rows, weight), bias

    def activate(self, products, bias, atoms):
        """Return the code of each row, of shape ``(M, n, k)``."""
        if self.penalty == "kl":
            return torch.sigmoid(products + bias)
        if self.penalty == "l1":
            return torch.relu(products + bias)
        code = keep_largest(products + bias, self.n_active)
        overlap = torch.matmul(atoms, self.encoder.weight * self.weight_unit)
        for pace in self.pace.unsqueeze(2).unbind(dim=1):
            rest = products - torch.matmul(code, overlap)
            code = keep_largest(torch.addcmul(code, pace.exp(), rest), self.n_active)
        return code

    def combine(self, code, atoms):
        """Return rows in the network's units, of shape ``(M, n, d)``."""
        if self.penalty == "kl":
            code = (code - self.target_activation) * self.gain
        rows = torch.matmul(code, atoms)
        if self.decoder_branch is not None:
            rows = rows + self.decoder_branch(code)
        return rows * self.inverse_scale + self.mean

    @property
    def code_cost(self):
        """Products for the code of a row, beside those with the encoder."""
        return N_CORRECTIONS * self.n_components**2 if self.penalty == "topk" else 0

    @property
    def is_penalised(self):
        """Whether losses are more than shares of the variance."""
        return self.penalty != "topk"

    @property
    def gain(self):
        """What bounded activations are multiplied by; fixed, or codes would fade.

        With a gain of its own each unit would hold all in a tiny swing around its
        target, and have the mean that is asked for without being sparse.
        """
        rho = self.target_activation
        return KL_GAIN / math.sqrt(self.n_components * rho * (1 - rho))

    @property
    def inverse_scale(self):
        """Return the inverse of the scale; zero of columns that count for nothing."""
        known = self.scale > 1 / SCALE_LIMIT
        return torch.where(known, 1 / self.scale.clamp(min=1 / SCALE_LIMIT), 0.0)

    def encode_raw(self, x):
        """Return raw codes of shape ``(M, n, k)``."""
        return self.activate(*self.pre_activations(x), self.dictionary())

    def encode(self, x):
        """Return codes of shape ``(M, n, k)``, in the user's units."""
        return self.shown(self.encode_raw(x))

    def shown(self, raw):
        """Return raw codes as the user sees them."""
        return raw * self.code_unit

    def decode(self, code):
        """Return the reconstruction, of shape ``(M, n, d)``, from codes."""
        return self.combine(code / self.code_unit, self.dictionary())

    def forward(self, x, row_weight=None):
        """Encode and decode rows of shape ``(n, d)`` or ``(M, n, d)``.

        ``row_weight``, of shape ``(M, n)``, weighs what is a mean over the batch.
        """
        atoms = self.dictionary()
        products, bias = self.pre_activations(x)
        code = self.activate(products, bias, atoms)
        correction = None
        if self.training and self.penalty == "topk":
            correction = self._correction_by_idle(products + bias, atoms)
        return Output(
            self.combine(code, atoms), code, self._penalty(code, row_weight), correction
        )

    def _penalty(self, code, row_weight):
        if self.penalty == "topk":
            return None
        if self.penalty == "l1":
            return self.penalty_weight * code.sum(dim=-1)
        if row_weight is None:
            mean = code.mean(dim=-2)
        else:
            # Of a fold there may be no row in a batch.
            share = row_weight / row_weight.sum(dim=-1, keepdim=True).clamp(min=TINY)
            mean = torch.matmul(share.unsqueeze(-2), code).squeeze(-2)
        divergence = bernoulli_divergence(self.target_activation, mean).mean(dim=-1)
        return self.penalty_weight * divergence.unsqueeze(-1).expand(code.shape[:-1])

    # -- units that lie idle

    @property
    def idle(self):
        """Which units have long been silent, of shape ``(M, 1, k)``."""
        return self.silent >= IDLE_STEPS

    def _correction_by_idle(self, pre_activations, atoms):
        """Return what idle units would add, from their own largest activations."""
        if not bool(self.idle.any()):
            return None
        most = min(self.n_components, max(1, self.n_features // 2))
        lowest = torch.finfo(pre_activations.dtype).min
        candidates = torch.where(self.idle, pre_activations, lowest)
        code = keep_largest(candidates, most)
        return torch.matmul(code, atoms) * self.inverse_scale

    @torch.no_grad()
    def observe(self, output, target, row_weight):
        """Count silent steps, and take the length out of the atoms."""
        active = output.code > 0
        if row_weight is not None:
            active = active & (row_weight > 0).unsqueeze(-1)
        silent = ~active.any(dim=-2, keepdim=True)
        self.silent.add_(1).mul_(silent)
        self.atoms.copy_(self.dictionary() * math.sqrt(self.n_features))

    @torch.no_grad()
    def revive(self, model, units, directions):
        """Give units of a model new directions, of shape ``(n_units, d)``.

        In the network's units; what the rows' largest residuals point at.
        """
        scaled = functional.normalize(directions * self.scale[model], dim=-1)
        lengths = self.encoder.weight[model].norm(dim=0)
        self.atoms[model, units] = scaled * math.sqrt(self.n_features)
        self.encoder.weight[model][:, units] = scaled.T * lengths.median()
        bias = self.encoder.bias[model, 0]
        bias[units] = 0.0 if self.penalty == "topk" else bias.median()
        self.silent[model, 0, units] = 0


def keep_largest(x, n_active):
    """Put all but the ``n_active`` largest entries of rows, and negatives, to zero."""
    if n_active < x.shape[-1]:
        least = torch.topk(x, n_active, dim=-1).values[..., -1:]
        x = torch.where(x >= least, x, 0.0)
    return torch.relu(x)


def bernoulli_divergence(target, mean):
    """Return the KL divergence of coins of some means from a coin of the target."""
    mean = mean.clamp(1e-6, 1 - 1e-6)
    return (
        target * (target / mean).log()
        + (1 - target) * ((1 - target) / (1 - mean)).log()
    )


def _size(tensor):
    """Return the root mean square by model, of shape ``(M, 1, 1)``; 1 for zeros."""
    size = tensor.square().mean(dim=(1, 2), keepdim=True).sqrt()
    return torch.where(size > 0, size, 1.0)
