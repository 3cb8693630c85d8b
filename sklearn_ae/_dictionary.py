"""The dictionary that a sparse autoencoder starts from: training rows themselves."""

import torch
from torch.nn import functional

from ._principal import Rows
from .networks import Dictionary, keep_largest
from .training import rows_by_weight

# Rows that the start looks at, at most, and the memory they may take.
POOL_ROWS, POOL_BYTES = 4096, 2**27

# Units active at the start with an L1 penalty, if there are as many.
L1_ACTIVE = 32

# Slope of the logistic activations at the start, over the spread of what they read.
KL_SLOPE = 2.0


def dictionary_start(problem, *, penalty, n_active, target_activation):
    """Return the :class:`Dictionary` of each network of a stack.

    Atoms are training rows, centred and brought to unit norm, the encoder is their
    transpose, scaled or shifted such that the first codes are of the right size. Rows
    are drawn by their weight in an order that their content decides.
    """
    models = []
    for weight, train_weight in zip(
        problem.weights, problem.train_weights, strict=True
    ):
        mean, scale = _units(problem, weight)
        # Held-out rows must not be among the atoms: each would be its own.
        most = max(2, min(POOL_ROWS, POOL_BYTES // (8 * len(mean))))
        index = rows_by_weight(train_weight.numpy(), problem.group, most)
        rows = (problem.source.take(torch.from_numpy(index)) - mean) * scale
        atoms = _atoms_from(rows, problem.n_components, problem.seed)
        products = rows @ atoms.T
        if penalty == "topk":
            encoder, bias = _for_topk(rows, atoms, products, n_active)
        elif penalty == "l1":
            encoder, bias = atoms.T, _for_l1(products)
        else:
            encoder, bias = _for_kl(atoms, products, target_activation)
        models.append(Dictionary(mean, scale, encoder, bias, atoms))
    return Dictionary.stacked(models)


def _units(problem, weight):
    """Return the mean of weighted rows, and the scale that makes their variance 1."""
    scale = problem.metric.unit * problem.metric.varies / problem.metric.code_unit
    return Rows(problem.source, weight, torch.ones_like(scale)).mean(), scale


def _atoms_from(rows, n_components, seed):
    """Return distinct rows of unit norm; random directions where there are too few."""
    lengths = rows.norm(dim=1)
    rows = functional.normalize(rows[lengths > 1e-9 * lengths.max()], dim=1)
    # Rows are ordered by content: equal ones follow each other.
    rows = torch.unique_consecutive(rows, dim=0)[:n_components]
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(
        n_components - len(rows), rows.shape[1], generator=generator, dtype=rows.dtype
    )
    return torch.cat([rows, functional.normalize(draw, dim=1)])


def _for_topk(rows, atoms, products, n_active):
    """Return the encoder of the size with which the first codes fit best."""
    answer = keep_largest(products, n_active) @ atoms
    size = (rows * answer).sum() / answer.square().sum().clamp(min=1e-30)
    size = size if size > 0 else torch.ones_like(size)
    return size * atoms.T, products.new_zeros(products.shape[1])


def _for_l1(products):
    """Return a bias with which some 32 units are active in a row."""
    n_active = min(L1_ACTIVE, products.shape[1])
    least = torch.topk(products, n_active, dim=1).values[:, -1].mean()
    return (-least).expand(products.shape[1])


def _for_kl(atoms, products, target):
    """Return an encoder of a set slope, and the biases that give units their target."""
    slope = KL_SLOPE / products.std(dim=0, correction=0).clamp(min=1e-9)
    inputs = products * slope
    low, high = -inputs.max(dim=0).values - 50, 50 - inputs.min(dim=0).values
    for _ in range(60):
        bias = (low + high) / 2
        above = torch.sigmoid(inputs + bias).mean(dim=0) > target
        low, high = torch.where(above, low, bias), torch.where(above, bias, high)
    return atoms.T * slope, bias
