"""The log-likelihood of rows under a variational autoencoder."""

import math

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc

from ..training import Batch


class LikelihoodScorer:
    r"""Importance-weighted bound on the log-likelihood of a row, in nats.

    With codes :math:`z_s = \mu + \sigma \varepsilon_s` from the encoder's distribution
    :math:`q`,

    .. math::
        \log \frac1S \sum_{s=1}^S \frac{p(x \mid z_s)\, p(z_s)}{q(z_s \mid x)},

    which lies between the evidence lower bound and the log-likelihood, and comes nearer
    to this with every sample (Burda, Grosse and Salakhutdinov, 2016). All rows share
    the draws :math:`\varepsilon_s`, which fill the space evenly: a row has one score,
    whatever rows are around it and however often it is asked for.

    Parameters
    ----------
    noise : ndarray of shape (n_samples, n_components)
    """

    def __init__(self, noise):
        self.noise = noise

    @torch.no_grad()
    def score_rows(self, network, loss, rows):
        """Return the bound of each row, of shape ``(n,)``, as an array."""
        mean, log_variance = network.posterior(rows)
        deviation, batch = (log_variance / 2).exp(), Batch(rows, rows)
        bounds = None
        # One sample at a time: samples times rows times columns may not fit in memory.
        for noise in torch.tensor(self.noise).to(mean):
            code = mean + deviation * noise
            prior = (noise.square() - code.square() + log_variance).sum(dim=-1) / 2
            errors = loss.row_errors(network.decode_output(code), batch)
            bound = (prior - errors)[0]
            bounds = bound if bounds is None else torch.logaddexp(bounds, bound)
        return (bounds - math.log(len(self.noise))).cpu().numpy().astype(np.float64)


def even_normals(n_samples, width):
    """Return ``n_samples`` points that fill a normal distribution evenly (Sobol's)."""
    rng = np.random.Generator(np.random.PCG64(0))
    sampler = qmc.Sobol(width, scramble=True, seed=rng)
    points = sampler.random_base2(math.ceil(math.log2(n_samples)))[:n_samples]
    half_a_step = 2.0**-33
    return ndtri(points.clip(half_a_step, 1 - half_a_step))
