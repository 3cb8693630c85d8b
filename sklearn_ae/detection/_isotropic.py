"""Outlier scores of images, whose residual counts alike in every pixel."""

import numpy as np
import torch

from ..training import blocks_of
from ._scorer import TRIM, MahalanobisScorer, weighted_quantile

# Error of a row, as a share of the mean row's, below which it is rounding errors.
ERROR_FLOOR = 1e-10


class IsotropicScorer:
    r"""Distance of the code from the bulk, and the squared error beside it.

    .. math::
        s(x) = -(z - \mu)^\top \Sigma^{-1} (z - \mu)
        - d\, \lVert x - \hat x \rVert^2 / \overline{\lVert x - \hat x \rVert^2}

    up to a constant twice the log-likelihood of probabilistic PCA, with the network in
    the place of PCA. The residual has one spread for all :math:`d` pixels. With one for
    each, the many pixels at the rim that hardly ever vary would have the say.

    Attributes
    ----------
    codes : MahalanobisScorer
    noise : float
        Mean squared error of a pixel in the bulk of the training rows.
    """

    def fit(self, codes, errors, weight, evidence, floor):
        """Learn the bulk of the training rows.

        Parameters
        ----------
        codes : ndarray of shape (n, n_components)
        errors : ndarray of shape (n,)
            Mean squared error of each row's pixels.
        weight : ndarray of shape (n,)
        evidence : float
            Number of distinct rows the weights amount to.
        floor : float
            Spread of a component below which it is rounding errors.
        """
        self.codes = MahalanobisScorer().fit(codes, weight, evidence, floor)
        near = errors <= weighted_quantile(errors, weight, 1 - TRIM)
        self.noise = float(np.average(errors[near], weights=weight[near]))
        self.noise = max(self.noise, ERROR_FLOOR)
        return self

    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        codes, errors = codes_and_errors(network, rows)
        with np.errstate(over="ignore"):
            return self.codes.score(codes) - errors * (rows.shape[-1] / self.noise)


@torch.no_grad()
def codes_and_errors(network, rows):
    """Return raw codes of shape (n, k), and mean squared errors of shape (n,)."""
    output = network(rows)
    errors = (rows - output.reconstruction[0]).square().mean(dim=-1)
    codes = output.code[0].cpu().numpy().astype(np.float64)
    return codes, errors.cpu().numpy().astype(np.float64)


def read_codes_and_errors(fitted, network, index):
    """Return the same of the training rows at ``index``, read in blocks."""
    parts = [
        codes_and_errors(network, fitted.rows.take(torch.from_numpy(index[block])))
        for block in blocks_of(len(index), network.n_features)
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
