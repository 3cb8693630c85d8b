"""How a sparse code is used: by how many rows, and of which columns it knows."""

import copy

import numpy as np
import torch

from .networks import select_model
from .training import blocks_of, weighted_sum

# Products, at most, that importances cost: each cell of the rows they are measured on
# is masked, and costs a pass of its own. And rows, at least.
IMPORTANCE_COST, LEAST_ROWS = 2**35, 16

# Masked cells that are encoded at once.
MASKED_CELLS = 2**22

# Activations of bounded units never are zero: above so many times the mean they aim at
# they count as active.
ACTIVE_SHARE = 2.0


@torch.no_grad()
def unit_usage(fitted):
    """Return, by unit, the share of rows it is active in, and its mean activation."""
    network, weight = fitted.network, fitted.weight / fitted.weight.sum()
    least = 0.0
    if network.penalty == "kl":
        least = ACTIVE_SHARE * network.target_activation
    frequency = activation = 0.0
    for block, rows in fitted.blocks():
        code = network.encode(rows)[0].cpu().numpy().astype(np.float64)
        frequency = frequency + weighted_sum(weight[block], code > least)
        activation = activation + weighted_sum(weight[block], code)
    return frequency, activation


def input_importances(fitted):
    """Return by column what the code knows of it from the others, as shares.

    Each column of a held-out row is masked, the row encoded and decoded by a model that
    has not seen it, and what comes back in the column compared with what it was. A
    column of noise comes back only where it is encoded itself, which the mask prevents.
    """
    plan, total = fitted.plan, 0.0
    for model, held_out in enumerate(plan.held_out):
        if len(held_out):
            network = select_model(fitted.stack, model).eval()
            total = total + _recovered(fitted, network, held_out)
    if not len(plan.held_out_rows):
        total = _recovered(fitted, fitted.network, np.arange(len(fitted.weight)))
    total = np.maximum(total, 0.0)
    return total / (total.sum() or 1.0)


@torch.no_grad()
def _recovered(fitted, network, index):
    """Return by column the covariance of masked cells with what comes back for them."""
    network = copy.deepcopy(network).float()
    index = _at_most(index, fitted.plan, network)
    block = next(blocks_of(len(index), network.n_features)).stop
    parts = torch.from_numpy(index).split(block)
    rows = torch.cat([fitted.rows.take(part).float() for part in parts])
    weight = torch.tensor(fitted.weight[index]).to(rows)
    mean, scale = network.mean[0, 0], network.scale[0, 0]
    total = torch.zeros_like(mean)
    step = max(1, MASKED_CELLS // rows.numel())
    for columns in torch.arange(network.n_features).split(step):
        masked = rows.repeat(len(columns), 1, 1)
        each = torch.arange(len(columns))
        masked[each, :, columns] = mean[columns].unsqueeze(1).to(masked)
        answer = network(masked.flatten(0, 1)).reconstruction[0]
        answer = answer.unflatten(0, (len(columns), -1))[each, :, columns].T
        share = (rows - mean)[:, columns] * (answer - mean[columns])
        total[columns] = (weight @ share) * scale[columns].square()
    return total.cpu().numpy().astype(np.float64)


def _at_most(index, plan, network):
    """Return some of the rows, by the ranks of their contents, if they are many."""
    d, k = network.n_features, network.n_components
    most = max(LEAST_ROWS, IMPORTANCE_COST // (d * (d * k + network.code_cost)))
    most = min(most, max(LEAST_ROWS, MASKED_CELLS // d))
    ranks = np.unique(plan.group[index])
    if len(ranks) <= most:
        return index
    return index[plan.group[index] <= ranks[most - 1]]
