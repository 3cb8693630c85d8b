"""The autoencoder of sequences: time series, one or many channels wide."""

from sklearn.utils.validation import check_is_fitted

from ._base import BaseAutoencoder
from ._compression import CompressionMixin
from ._corrupting import CorruptionMixin
from ._inputs import check_codes
from ._network import OwnNetworkMixin
from ._principal_codes import ComparedWithPCAMixin, PrincipalCodesMixin
from ._sequence_network import SequenceNetwork, SequenceParameters
from .detection import OutlierDetectionMixin


class SequenceAutoencoder(
    SequenceParameters,
    OwnNetworkMixin,
    CompressionMixin,
    ComparedWithPCAMixin,
    PrincipalCodesMixin,
    CorruptionMixin,
    OutlierDetectionMixin,
    BaseAutoencoder,
):
    r"""Sequence autoencoder: codes, reconstruction and odd ones out, of sequences.

    Takes sequences of one length as arrays of shape (n, n_steps) or (n, n_steps,
    n_channels), and such of several as lists of arrays (n_steps, n_channels), or padded
    with NaN. What came in one layout comes back in it. Encoder and decoder are a linear
    path, which is PCA of all steps and channels side by side (of several lengths, of
    sequences resampled to the longest), plus a cell that reads each step in the light
    of the others and learns what PCA leaves. The decoder knows of a sequence only its
    code. Fitting minimises the squared error as a share of the variance of the training
    sequences,

    .. math::
        L = \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2}.

    If training does not improve on PCA on sequences held out from it, the fitted model
    is PCA, and ``improved_on_pca_`` says so. PCA of fewer sequences than each has
    numbers is that of their covariance shrunk towards one that is the same at all
    times [1]_, which reconstructs new sequences better.

    Read more in the :ref:`User Guide <sequence>`.

    Parameters
    ----------
    standardize : bool, default=False
        Whether errors and codes are measured in standard deviations of each channel.
        False measures them in the units of the sequences.
    batch_size : int or "auto", default="auto"
        Number of sequences per step. "auto" is 64, or all sequences if there are fewer.

    Attributes
    ----------
    sequence_shape_ : tuple (n_steps, n_channels)
        Of the training sequences; of the longest if they are of several lengths.
    varies_in_length_ : bool
        Whether they are. ``n_features_in_`` then is the number of channels, and
        ``mean_`` and ``scale_`` have one number for each.

    See Also
    --------
    Autoencoder : Does not know which steps follow each other, and is faster.
    SequenceNetwork : Makes denoising, sparse and variational autoencoders of sequences.

    References
    ----------
    .. [1] Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for
       large-dimensional covariance matrices. Journal of Multivariate Analysis, 88,
       365-411.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import SequenceAutoencoder
    >>> steps = np.linspace(0, 6, 50)
    >>> rates = np.random.default_rng(0).uniform(1, 2, size=(200, 1))
    >>> X = np.sin(rates * steps)
    >>> ae = SequenceAutoencoder(2, cell_size=16, max_epochs=40, random_state=0)
    >>> ae = ae.fit(X)
    >>> ae.transform(X).shape
    (200, 2)
    >>> ae.reconstruct(X).shape
    (200, 50)
    """

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        **OutlierDetectionMixin._parameter_constraints,
        **CorruptionMixin._parameter_constraints,
        **SequenceParameters._parameter_constraints,
    }

    _structural = (*BaseAutoencoder._structural, *SequenceNetwork.structural)

    _kind = SequenceNetwork

    def inverse_transform(self, X, lengths=None):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as :meth:`transform` returns them.
        lengths : array-like of int of shape (n_samples,), default=None
            Numbers of steps to decode, where ``fit`` saw sequences of several lengths.
            None tells them from the codes.

        Returns
        -------
        sequences : ndarray or list of ndarray
            In the layout and the units of the training sequences; float32 if ``X`` is,
            else float64.

        Raises
        ------
        ValueError
            If ``X`` has not ``n_components_`` columns, or ``lengths`` does not fit it.
        """
        check_is_fitted(self)
        codes = check_codes(X, self.n_components_, type(self).__name__)
        return self._decode(*self._layout.prepared(self, codes, lengths))
