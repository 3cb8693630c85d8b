"""Layers with a leading model axis: M small networks trained as one.

Cross-fitting, batched searches and ensembles train many networks of equal shape.
Side by side in one tensor they cost a fraction of training them in turn, and a
single network (M = 1) costs what ``torch.nn.Linear`` costs.
"""

import math
from itertools import pairwise

import torch
from torch import nn

from ._activations import ACTIVATIONS


class StackedLinear(nn.Module):
    """M affine maps, ``x[m] @ weight[m] + bias[m]``; zero until initialised.

    **Shape**: input ``(M, n, n_inputs)`` or ``(n, n_inputs)``, which every model
    then reads; output ``(M, n, n_outputs)``.
    """

    def __init__(self, n_models, n_inputs, n_outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_models, n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_models, 1, n_outputs))

    def forward(self, x):
        """Apply each model's map to its rows."""
        if x.dim() == 2:
            x = x.expand(self.weight.shape[0], -1, -1)
        return torch.baddbmm(self.bias, x, self.weight)

    def is_zero(self):
        """Whether all answers are zero, as before training."""
        return not (self.weight.any() or self.bias.any())

    @torch.no_grad()
    def initialise(self, generators, gain=1.0):
        """Draw He-uniform weights, times ``gain``, model by model.

        One generator per model: a model starts from the same weights whether it is
        trained alone or among others. Drawn in float32 on the CPU, so that a seed
        means one model on every device and in every precision.
        """
        bound = gain * math.sqrt(6 / self.weight.shape[1])
        for weight, generator in zip(self.weight, generators, strict=True):
            draw = torch.empty(weight.shape, dtype=torch.float32)
            weight.copy_(draw.uniform_(-bound, bound, generator=generator))


class PreciseLinear(StackedLinear):
    """The same in the precision of its weights, whatever surrounds it is cast to.

    For a linear path: branches beside it could not learn what rounding takes from it
    anew with every batch.
    """

    def forward(self, x):
        """Apply each model's map to its rows."""
        kind = x.device.type
        if not torch.is_autocast_enabled(kind):
            return super().forward(x)
        with torch.autocast(kind, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class ResidualBranch(nn.Module):
    """M multilayer perceptrons that answer zero until they are trained.

    The last layer starts at zero, so that the branch adds nothing to the linear path
    beside it before the first step.

    **Shape**: input ``(M, n, n_inputs)`` or ``(n, n_inputs)``, output
    ``(M, n, n_outputs)``.
    """

    def __init__(self, n_models, n_inputs, hidden_layer_sizes, n_outputs, activation):
        super().__init__()
        sizes = (n_inputs, *hidden_layer_sizes)
        self.hidden = nn.ModuleList(
            StackedLinear(n_models, *pair) for pair in pairwise(sizes)
        )
        self.output = StackedLinear(n_models, sizes[-1], n_outputs)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x):
        """Return the branch's correction of the linear path."""
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.output(x)

    def initialise(self, generators, gain=1.0):
        """Draw the hidden layers; the output layer stays at zero."""
        for layer in self.hidden:
            layer.initialise(generators, gain)


# What a branch may add to a log-variance, at most. A branch is trained on few rows
# where its inputs are far out, and the exponential of a wild guess is wilder.
LOG_VARIANCE_RANGE = 4.0


def bounded(x):
    """Draw what is added to log-variances into ``±LOG_VARIANCE_RANGE``."""
    return LOG_VARIANCE_RANGE * torch.tanh(x / LOG_VARIANCE_RANGE)


# Inputs of branches are drawn in beyond this many standard deviations.
CLIP_SCALE = 3.0


class SoftClip(nn.Module):
    r"""Draw far-away inputs in: :math:`x / (1 + (x / c)^2)^{1/4}`.

    The identity near zero; beyond ``c`` it grows as the square root of ``x`` only. A
    row far outside the training rows would drive a nonlinear branch to values it was
    never trained for; drawn in, such a row is left to the linear path, which
    extrapolates as PCA does. Of the functions of this shape it is one that CPUs
    vectorise: the inverse hyperbolic sine takes thirty times longer.
    """

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        """Clip elementwise; the shape stays."""
        return x * (1 + (x / self.scale).square()).sqrt().rsqrt()
