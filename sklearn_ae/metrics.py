"""Scorers that compare autoencoders with each other and with PCA."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from ._compat import check_sample_weight

# `training` is imported where it is needed, since it brings torch: who only names a
# scorer should not wait for that.

__all__ = ["reconstruction_r2"]


class RunningR2:
    """R² of reconstructions, summed block by block.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        The point about which the variance is taken.
    scale : ndarray of shape (n_features,) or None
        Units of the columns; None leaves them as they are.
    """

    def __init__(self, mean, scale=None):
        self.mean = mean
        self.scale = 1.0 if scale is None else scale
        self.error = self.variance = 0.0

    def add(self, rows, reconstruction, weight):
        """Take a block of rows, their reconstructions and weights."""
        from .training import weighted_sum

        error = (rows - reconstruction) / self.scale
        spread = (rows - self.mean) / self.scale
        self.error += float(weighted_sum(weight, np.square(error).sum(axis=1)))
        self.variance += float(weighted_sum(weight, np.square(spread).sum(axis=1)))

    def result(self):
        """Return the R²; 1 or 0 where the rows do not vary at all."""
        if self.variance == 0:
            return float(self.error == 0)
        return 1 - self.error / self.variance


def reconstruction_r2(estimator, X, y=None, sample_weight=None):
    r"""R² of an estimator's reconstruction of rows, a scorer for ``scoring=``.

    .. math::
        R^2 = 1 - \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                       {\sum_i w_i \lVert x_i - \bar x \rVert^2}

    with :math:`\hat x` = ``inverse_transform(transform(x))`` and the estimator's
    training mean :math:`\bar x`. On PCA's own training rows it equals
    ``explained_variance_ratio_.sum()``, so that scores of PCA and of the autoencoders
    compare directly.

    Parameters
    ----------
    estimator : object
        Any fitted autoencoder of this package, or an ensemble of them; or a fitted
        transformer with ``inverse_transform``: ``sklearn.decomposition.PCA`` and the
        like, or a Pipeline that ends in one. A Pipeline is measured on the rows that
        reach its last step, as ``Pipeline.score`` measures.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The rows.
    y : Ignored
        Not used, present so that the function is a scorer.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights :math:`w` of the rows.

    Returns
    -------
    r2 : float
        At most 1, higher is better. 1 or 0 where the rows do not vary.

    Raises
    ------
    AttributeError
        If the estimator has no ``inverse_transform``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae.metrics import reconstruction_r2
    >>> X = load_iris().data
    >>> pca = PCA(2).fit(X)
    >>> round(reconstruction_r2(pca, X), 3)
    0.978
    >>> round(float(pca.explained_variance_ratio_.sum()), 3)
    0.978
    """
    from .training import blocks_of, dense_block

    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator) > 1 else X
        estimator = estimator[-1]
    if hasattr(estimator, "reconstruct"):
        return estimator._reconstruction_r2(X, sample_weight)
    if not hasattr(estimator, "inverse_transform"):
        raise AttributeError(
            f"reconstruction_r2 needs an estimator with inverse_transform, and "
            f"{type(estimator).__name__} has none."
        )
    rows = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    weight = check_sample_weight(sample_weight, rows, dtype=np.float64)
    mean = getattr(estimator, "mean_", None)
    if mean is None:
        mean = np.asarray(weight @ rows / weight.sum()).ravel()
    total = RunningR2(mean)
    reconstruction = np.asarray(estimator.inverse_transform(estimator.transform(X)))
    for block in blocks_of(*rows.shape):
        total.add(dense_block(rows, block), reconstruction[block], weight[block])
    return total.result()
