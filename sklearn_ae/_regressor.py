"""A regressor for few values and many rows: pretrained, then fine-tuned."""

import numpy as np
from sklearn.base import RegressorMixin

from ._head_start import ridge_start
from ._labels import read_values
from ._lessons import Marks, r2, settle_values
from ._supervised import BaseSupervised


class AutoencoderRegressor(RegressorMixin, BaseSupervised):
    r"""Regressor on the code of an autoencoder that has seen all rows.

    PLACEHOLDER
    """

    _error = "mean_square"
    _marks = Marks(ridge_start, r2, settle_values)

    def _read_labels(self, y, X, weight):
        labels, self._is_vector = read_values(y, X, weight, type(self).__name__)
        known, mass = labels.targets[labels.known], weight[labels.known]
        self._target_mean = np.average(known, axis=0, weights=mass)
        variance = np.average((known - self._target_mean) ** 2, axis=0, weights=mass)
        constant = np.sqrt(variance) <= 1e-12 * np.abs(self._target_mean)
        self._target_scale = np.where(constant, 1.0, np.sqrt(variance))
        units = (labels.targets - self._target_mean) / self._target_scale
        return labels._replace(targets=np.where(labels.known[:, None], units, 0.0))

    def predict(self, X):
        """Return the values of rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            In the form of ``y`` in :meth:`fit`.
        """
        values = self._answers(X) * self._target_scale + self._target_mean
        return values[:, 0] if self._is_vector else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
