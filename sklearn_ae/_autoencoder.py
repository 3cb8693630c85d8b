"""The plain autoencoder: a drop-in for PCA and for IsolationForest."""

from ._compression import CompressionMixin
from ._dense import BaseDenseAutoencoder
from ._principal_codes import ComparedWithPCAMixin, PrincipalCodesMixin


class Autoencoder(
    CompressionMixin, ComparedWithPCAMixin, PrincipalCodesMixin, BaseDenseAutoencoder
):
    r"""Autoencoder: dimensionality reduction, reconstruction and outlier detection.

    An encoder turns each row :math:`x` into a code :math:`z` of ``n_components``
    numbers, a decoder turns the code into a reconstruction :math:`\hat x`. Both are a
    linear path, which is PCA, plus a multilayer perceptron that starts at zero and
    learns what PCA leaves. Fitting minimises the squared error as a share of the
    variance of the training rows,

    .. math::
        L = \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2},

    [1]_, which for linear networks is PCA [2]_. If training does not improve on PCA on
    rows held out from it, the fitted model is PCA, and ``improved_on_pca_`` says so.

    Read more in the :ref:`User Guide <autoencoder>`.

    See Also
    --------
    sklearn.decomposition.PCA : The linear special case.
    sklearn.ensemble.IsolationForest : Outlier detection without codes.
    sklearn_ae.metrics.reconstruction_r2 : R² of this class and of PCA.

    Notes
    -----
    A model of fewer than 10 distinct rows is PCA: none can be held out to tell whether
    training improves on it.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality
       of data with neural networks. Science, 313, 504-507.
    .. [2] Baldi, P. and Hornik, K. (1989). Neural networks and principal component
       analysis: learning from examples without local minima. Neural Networks, 2,
       53-58.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.metrics import reconstruction_r2
    >>> X, X_test = train_test_split(load_digits().data, random_state=0)
    >>> ae = Autoencoder(8, random_state=0).fit(X)
    >>> ae.transform(X_test).shape
    (450, 8)
    >>> bool(ae.score(X_test) > reconstruction_r2(PCA(8).fit(X), X_test))
    True
    >>> ae.predict(X_test[:3] * 10)
    array([-1, -1, -1])
    """

    _trains_in_stacks = True
