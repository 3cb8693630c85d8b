"""Codes shown as PCA shows its own: uncorrelated, ordered, with their variances."""

import numpy as np

from ._anchor import code_variances
from ._fitting import arrange_as_principal, moments_of


class PrincipalCodesMixin:
    """What PCA says of its codes, of the codes of an autoencoder.

    Attributes
    ----------
    explained_variance_ : ndarray of shape (n_components,)
        Variance of each component of the training rows' codes, divided by n - 1 as
        PCA's. Components are uncorrelated and ordered by it.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        The same as shares of the total variance of the rows. Codes of a model better
        than PCA carry more than these shares of the rows' variance, or less: see
        ``score`` for what is kept.
    """

    _arrange_codes = staticmethod(arrange_as_principal)

    def _describe_codes(self, fitted):
        covariance, total = fitted.code_covariance, fitted.metric.total
        if covariance is None:
            _, covariance = moments_of(fitted.network, fitted.rows, fitted.weight)
        variances = code_variances(fitted.network, covariance)
        self.explained_variance_ratio_ = variances / (total or 1.0)
        self.explained_variance_ = variances * unbiased(count_rows(fitted.weight))


def count_rows(weight):
    """Return the number of rows that weights amount to; whole weights count rows."""
    n_rows = weight.sum()
    if weight.max() > 1e9 or not np.array_equal(weight, np.round(weight)):
        n_rows = n_rows**2 / np.square(weight).sum()
    return float(n_rows)


def unbiased(n_rows):
    """Return what a variance is multiplied by to be divided by n - 1 instead of n."""
    return n_rows / max(n_rows - 1, 1)
