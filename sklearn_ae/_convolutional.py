"""The convolutional autoencoder: codes and reconstructions of images."""

from ._base import BaseAutoencoder
from ._compression import CompressionMixin
from ._convolution import ConvolutionalNetwork, ConvolutionalParameters
from ._corrupting import CorruptionMixin
from ._network import OwnNetworkMixin
from ._principal_codes import ComparedWithPCAMixin, PrincipalCodesMixin
from .detection import OutlierDetectionMixin


class ConvolutionalAutoencoder(
    ConvolutionalParameters,
    OwnNetworkMixin,
    CompressionMixin,
    ComparedWithPCAMixin,
    PrincipalCodesMixin,
    CorruptionMixin,
    OutlierDetectionMixin,
    BaseAutoencoder,
):
    r"""Convolutional autoencoder: codes, reconstruction and odd ones out, of images.

    Takes images as arrays of shape (n, height, width) or (n, height, width,
    n_channels), or flattened to rows with ``image_shape``; integers or floats, of any
    range. What came in one layout comes back in it. Encoder and decoder are a linear
    path, which is PCA, plus strided convolutions down and sub-pixel convolutions up
    that learn what PCA leaves. Fitting minimises the squared error as a share of the
    variance of the training images,

    .. math::
        L = \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2},

    [1]_. If training does not improve on PCA on images held out from it, the fitted
    model is PCA, and ``improved_on_pca_`` says so. PCA of fewer images than pixels is
    that of their covariance shrunk towards one that is the same all over the image
    [2]_, which reconstructs new images better.

    Read more in the :ref:`User Guide <convolutional>`.

    Parameters
    ----------
    standardize : bool, default=False
        Whether errors and codes are measured in standard deviations of each channel.
        False measures them in the units of the pixels.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training images at most; 0 does not train. "auto"
        amounts to about 1500 steps, 600 for fewer than 1000 distinct images, and to
        between 28 and 600 epochs; with ``patch_size`` from 10 on. The learning rate
        falls to zero over them.
    batch_size : int or "auto", default="auto"
        Number of images per step. "auto" is 64, or all images if there are fewer.

    Attributes
    ----------
    image_shape_ : tuple (height, width, n_channels)
        Of the training images.

    See Also
    --------
    Autoencoder : Does not know which pixels are neighbours, and is faster.
    ConvolutionalNetwork : Makes denoising, sparse and variational autoencoders of
        images.

    References
    ----------
    .. [1] Masci, J., Meier, U., Cireşan, D. and Schmidhuber, J. (2011). Stacked
       convolutional auto-encoders for hierarchical feature extraction. International
       Conference on Artificial Neural Networks.
    .. [2] Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for
       large-dimensional covariance matrices. Journal of Multivariate Analysis, 88,
       365-411.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import ConvolutionalAutoencoder
    >>> X = load_digits().images
    >>> ae = ConvolutionalAutoencoder(8, random_state=0).fit(X[:1000])
    >>> ae.transform(X[1000:]).shape
    (797, 8)
    >>> ae.reconstruct(X[1000:]).shape
    (797, 8, 8)
    """

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        **OutlierDetectionMixin._parameter_constraints,
        **CorruptionMixin._parameter_constraints,
        **ConvolutionalParameters._parameter_constraints,
    }

    _structural = (*BaseAutoencoder._structural, *ConvolutionalNetwork.structural)

    _kind = ConvolutionalNetwork
