"""A regressor for few values and many rows: pretrained, then fine-tuned."""

import numpy as np
from sklearn.base import RegressorMixin

from ._head_start import ridge_start
from ._labels import read_values
from ._lessons import Marks, r2, settle_values
from ._supervised import BaseSupervised


class AutoencoderRegressor(RegressorMixin, BaseSupervised):
    r"""Regressor for few values and many rows.

    An autoencoder is fitted to all rows [1]_. Values then spread from the rows that
    have one to those near to them in the code [2]_, and encoder, decoder and a head
    :math:`h` are trained together on

    .. math::
        L = \frac1n \sum_i w_i \left( \frac{c_i}{T} \sum_t
            \bigl(h_t(z(\tilde x_i)) - y_{it}\bigr)^2 + \lambda\, e_i \right)

    with :math:`T` targets in standard deviations, rows :math:`\tilde x` of which some
    cells are missing, and the error :math:`e` of the reconstruction, in which
    ``reconstruction_weight`` is :math:`\lambda`. The certainty :math:`c` of values that
    were told by neighbours is the R² of such values where the true ones are known, all
    held back in turn. The head starts as ridge regression on the codes; if held-out
    rows say that training is no improvement on it, it stays so.

    Rows without a label are those of which any value is NaN.

    Read more in the :ref:`User Guide <pretraining>`.

    See Also
    --------
    AutoencoderClassifier : The same for classes.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of
       data with neural networks. Science, 313, 504-507.
    .. [2] Zhou, D., Bousquet, O., Lal, T., Weston, J. and Schölkopf, B. (2004).
       Learning with local and global consistency. NeurIPS, 321-328.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import AutoencoderRegressor
    >>> t = np.linspace(0, 6, 400)
    >>> X = np.column_stack([np.cos(t), np.sin(t), t / 6])
    >>> y = np.where(np.arange(400) % 20 == 0, t, np.nan)
    >>> model = AutoencoderRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, t) > 0.95)
    True
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
