"""Where the codes of a variational autoencoder come to lie: a mixture of normals.

Training draws codes towards the standard normal distribution, and never all the way:
drawn from it, codes would fall where no row has one. Once trained, the distribution of
the training rows' codes takes its place in samples and likelihoods, if it describes
the codes of held-out rows better [1]_.

References
----------
.. [1] Ghosh, P., Sajjadi, M. S. M., Vergari, A., Black, M. and Schölkopf, B. (2020).
   From variational to deterministic autoencoders. International Conference on Learning
   Representations.
"""

import numpy as np
import torch

from ._mixture import fit_mixture
from .detection import CodePrior, even_normals
from .networks import select_model
from .training import Judge, blocks_of, gate_of, rows_by_weight

# Numbers of normals that are tried, in turn, and distinct rows that each must have.
N_NORMALS, ROWS_PER_NORMAL = (2, 4, 8), 20

# Codes that a mixture is fitted to, for each distinct row, and their bounds.
CODES_PER_ROW, LEAST_CODES, MOST_CODES = 4, 512, 8192

# Draws of each held-out row's code.
N_DRAWS = 8


def choose_n_normals(fitted, seed):
    """Return of how many normals the prior should be; 1 is the standard normal."""
    plan = fitted.plan
    rows = plan.held_out_rows
    if not len(rows) or not len(fitted.training.history):
        return 1
    judge = Judge(
        fitted.weight[rows],
        plan.group[rows],
        np.zeros(len(rows), dtype=int),
        np.ones(len(rows)),
        gate_of(plan),
    )
    standard = best = held_out_surprise(fitted, 1, seed)
    chosen = 1
    for n_normals in N_NORMALS:
        if n_normals * ROWS_PER_NORMAL > plan.group.max() + 1:
            break
        surprise = held_out_surprise(fitted, n_normals, seed)
        better = judge.losses(surprise) < judge.losses(best)
        if better and judge.prefers(surprise, over=standard):
            best, chosen = surprise, n_normals
        elif chosen > 1:
            break
    return chosen


def held_out_surprise(fitted, n_normals, seed):
    """Return minus the mean log-density of held-out rows' codes, row by row."""
    surprise = []
    for model, held_out in enumerate(fitted.plan.held_out):
        if len(held_out):
            network = select_model(fitted.stack, model).eval()
            weight = fitted.plan.train_weight[model]
            prior = fit_prior(fitted, network, weight, n_normals, seed)
            surprise += list(_surprises(fitted, network, prior, held_out))
    return np.concatenate(surprise)


@torch.no_grad()
def _surprises(fitted, network, prior, index):
    for block in blocks_of(len(index), network.n_features):
        rows = fitted.rows.take(torch.from_numpy(index[block]))
        mean, log_variance = network.posterior(rows)
        density = prior.bind(mean)
        noises = torch.tensor(even_normals(N_DRAWS, network.n_components)).to(mean)
        deviation = (log_variance / 2).exp()
        total = sum(density(mean + deviation * noise) for noise in noises)
        yield -total[0].cpu().numpy() / N_DRAWS


@torch.no_grad()
def fit_prior(fitted, network, weight, n_normals, seed):
    """Return a mixture of so many normals of the codes of weighted training rows."""
    if n_normals == 1:
        return CodePrior.standard(network.n_components)
    codes = draw_codes(fitted, network, weight, seed)
    return fit_mixture(codes, n_normals, seed)


def draw_codes(fitted, network, weight, seed):
    """Return codes of training rows, of each in proportion to its weight.

    In an order that the rows' contents decide, so that a row given twice is a row of
    weight two to a mixture that knows no weights.
    """
    group = fitted.plan.group
    n_codes = CODES_PER_ROW * (int(group.max()) + 1)
    n_codes = min(max(n_codes, LEAST_CODES), MOST_CODES)
    index = rows_by_weight(weight, group, n_codes)
    rng = np.random.Generator(np.random.PCG64(seed))
    noise = rng.standard_normal((n_codes, network.n_components))
    codes = np.empty_like(noise)
    for block in blocks_of(n_codes, network.n_features):
        rows = fitted.rows.take(torch.from_numpy(index[block]))
        mean, log_variance = network.posterior(rows)
        draws = torch.tensor(noise[block]).to(mean)
        codes[block] = (mean + (log_variance / 2).exp() * draws)[0].cpu().numpy()
    return torch.from_numpy(codes)
