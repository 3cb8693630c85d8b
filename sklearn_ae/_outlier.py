"""The autoencoder for outliers: a drop-in for IsolationForest, quick to fit."""

from . import _defaults
from ._autoencoder import Autoencoder
from ._compat import StrOptions
from ._network import DENSE
from .training import KINDS


class OutlierAutoencoder(Autoencoder):
    r"""Autoencoder for outlier detection: the plain one, fitted much faster.

    Outliers stand out long before a network is trained to the end. This class has a
    smaller network than :class:`Autoencoder`, a higher learning rate and a quarter of
    the steps, and measures every column in its standard deviation. In training some
    cells of a row are another row's, so that the network learns which values go
    together rather than to copy them. It fits and scores tables faster, for scores as
    good or better. The rest is as there: codes, reconstructions, parameters, and the
    loss,

    .. math::
        L = \frac{\sum_i w_i \sum_j (x_{ij} - \hat x_{ij})^2 / \sigma_j^2}
                 {\sum_i w_i \sum_j (x_{ij} - \bar x_j)^2 / \sigma_j^2},

    with the standard deviation :math:`\sigma_j` of a column. By default scores follow
    from the distances of a row, and of its code and residual, to the nearest training
    rows [1]_, [2]_; see :meth:`score_samples`.

    Read more in the :ref:`User Guide <detection>`.

    Parameters
    ----------
    standardize : bool, default=True
        Whether errors and codes are measured in standard deviations of each column,
        so that scores do not depend on the units of the columns.
    hidden_layer_sizes : "auto", int or tuple of int, default=(64, 32)
        Widths of the hidden layers of the encoder; the decoder's are the same,
        reversed. An int is one layer, an empty tuple none. "auto" is what
        :class:`Autoencoder` with the same ``corruption`` has.
    learning_rate : float or "auto", default=0.01
        Learning rate of the first step of AdamW. "auto" is what :class:`Autoencoder`
        has.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows at most; 0 does not train. "auto"
        amounts to about 400 steps, 200 for fewer than 1000 distinct rows, and to
        between 5 and 600 epochs. The learning rate falls to zero over them.
    validation_fraction : float, default=0.1
        Share of the distinct rows held out. With cross-fitting, of fewer than 1000
        distinct rows, there are 2 or 3 folds.
    n_iter_no_change : int, default=10
        Number of epochs without improvement on held-out rows after which training
        stops.
    corruption : str or None, default="auto"
        What is done to the rows that the encoder reads in training, as in
        :class:`Autoencoder`. "auto" is "swap" with the dense network, and nothing with
        those for images and sequences.
    corruption_rate : float or array-like of shape (n_features,), default=0.1
        Share of the cells that are changed.

    See Also
    --------
    Autoencoder : Reconstructs better, and takes longer.
    AutoencoderEnsemble : Several, whose scores are averaged.
    sklearn.ensemble.IsolationForest : Outlier detection without codes.
    sklearn.neighbors.LocalOutlierFactor : Neighbours in the space of the rows alone.

    References
    ----------
    .. [1] Bouman, R. and Heskes, T. (2025). Autoencoders for anomaly detection are
       unreliable. arXiv:2501.13864.
    .. [2] Ramaswamy, S., Rastogi, R. and Shim, K. (2000). Efficient algorithms for
       mining outliers from large data sets. ACM SIGMOD, 427-438.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.metrics import roc_auc_score
    >>> from sklearn_ae import OutlierAutoencoder
    >>> X, benign = load_breast_cancer(return_X_y=True)
    >>> detector = OutlierAutoencoder(random_state=0).fit(X[benign == 1])
    >>> bool(roc_auc_score(benign, detector.score_samples(X)) > 0.95)
    True
    """

    standardize = True
    hidden_layer_sizes = (64, 32)
    learning_rate = 0.01

    n_iter_no_change = 10
    corruption = "auto"
    corruption_rate = 0.1

    _parameter_constraints = {
        **Autoencoder._parameter_constraints,
        "corruption": [StrOptions({"auto", *KINDS}), None],
    }

    _schedule = _defaults.OUTLIER_SCHEDULE
    _max_folds = 3

    @property
    def _corruption_kind(self):
        if self.corruption != "auto":
            return self.corruption
        return "swap" if self._network_kind is DENSE else None

    def _warn_if_cut_short(self):
        # By default it stops before the end on purpose.
        if self.max_epochs != "auto":
            super()._warn_if_cut_short()
