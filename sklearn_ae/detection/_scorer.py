"""From codes and residuals of rows to outlier scores."""

import numpy as np
import torch

from ..training import weighted_sum
from ._covariance import fit_covariance

# Share of the rows, the farthest ones, that the second pass leaves out by default.
TRIM = 0.1

# What counts as the spread of features that have none: of what never varied the
# training rows do not say how little it varies.
NO_SPREAD = 1e-5


class MahalanobisScorer:
    r"""Robust distance of [code, residual] from the bulk of the training rows.

    With :math:`f` the code and the residual of a row, side by side,

    .. math::
        s(x) = -(f - \mu)^\top \Sigma^{-1} (f - \mu)

    The squared reconstruction error alone is blind inside the subspace of the codes;
    here both sides count, each in units of its own spread, whatever the units of the
    columns. :math:`\mu` and :math:`\Sigma` are those of the rows without the farthest
    tenth, :math:`\Sigma` shrunk as by Ledoit and Wolf (2004). With more than 1024
    features :math:`\Sigma` has its 256 largest variances, and one for all others.

    Parameters
    ----------
    noise : float, default=0
        Variance that is added to that of every feature.
    trim : float, default=0.1
        Share of the rows, the farthest ones, that the second pass leaves out.

    Attributes
    ----------
    center, spread : ndarray of shape (n_score_features,)
    covariance : FullCovariance or LowRankCovariance
        Of what remains once each feature is divided by its spread.
    share_trimmed : float
        Share of the rows that was left out.
    """

    # Distances in units of small spreads need all digits there are.
    takes_float32 = False

    def __init__(self, noise=0.0, trim=TRIM):
        self.noise = noise
        self.trim = trim

    def fit(self, features, weight, evidence, floor=0.0):
        """Learn the bulk of the training rows.

        Parameters
        ----------
        features : ndarray of shape (n, n_score_features)
        weight : ndarray of shape (n,)
        evidence : float
            Number of distinct rows the weights amount to; decides the shrinkage.
        floor : float or ndarray of shape (n_score_features,)
            Spread of each feature below which it is rounding errors.
        """
        self._learn(features, weight, evidence, floor)
        distance = -self.score(features)
        # Equal rows may differ in the last digit of their distance and belong together.
        cut = weighted_quantile(distance, weight, 1 - self.trim)
        near = distance <= cut + 1e-9 * abs(cut)
        self.share_trimmed = 0.0
        if near.sum() > 1:
            share = weight[near].sum() / weight.sum()
            self.share_trimmed = float(1 - share)
            self._learn(features[near], weight[near], evidence * share, floor)
        return self

    def _learn(self, features, weight, evidence, floor):
        weight = weight / weight.sum()
        self.center = weighted_sum(weight, features)
        rows = features - self.center
        spread = np.sqrt(weighted_sum(weight, np.square(rows)) + self.noise)
        self.spread = np.where(spread > floor, spread, np.maximum(floor, NO_SPREAD))
        rows /= self.spread
        noise = self.noise / self.spread**2
        self.covariance = fit_covariance(rows, weight, evidence, noise)

    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        return self.score(*self.read(network, rows))

    @staticmethod
    def read(network, rows, code=None):
        """Return the features of rows, the only part of what scores are made of."""
        return (score_features(network, rows, code),)

    def score(self, features):
        """Return the scores of rows, of shape (n,): the lower, the more abnormal."""
        with np.errstate(over="ignore", invalid="ignore"):
            white = features - self.center
            white /= self.spread
            white = self.covariance.whiten(white)
            distance = np.square(white, out=white).sum(axis=1)
        # Rows beyond the range of floats are as far out as can be.
        return -np.where(np.isnan(distance), np.inf, distance)


def weighted_quantile(values, weight, share):
    """Return the value below which a share of the weight lies."""
    order = np.argsort(values)  # of equal values any may come first
    below = np.cumsum(weight[order]) / weight.sum()
    return values[order][min(np.searchsorted(below, share - 1e-9), len(values) - 1)]


@torch.no_grad()
def score_features(network, rows, code=None):
    """Return [raw code, residual] of standardised rows, of shape (n, k + d).

    ``code`` is that of :func:`code_and_reconstruction`.
    """
    code, reconstruction = code_and_reconstruction(network, rows, code)
    features = torch.cat([code, rows - reconstruction], dim=-1)
    return features.cpu().numpy().astype(np.float64, copy=False)


def code_and_reconstruction(network, rows, code=None):
    """Return raw codes and reconstructions of rows, of shape (n, k) and (n, d).

    ``code`` are the raw codes where they are known, of a dense network.
    """
    if code is not None:
        return code, network.decode_parts(code[None])[0][0]
    output = network(rows)
    return output.code[0], output.reconstruction[0]
