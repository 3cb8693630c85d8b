"""The autoencoder of sequences: time series, one or many channels wide."""

from numbers import Integral

from sklearn.utils.validation import check_is_fitted

from . import _defaults
from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from ._compression import CompressionMixin
from ._corrupting import CorruptionMixin
from ._inputs import check_codes
from ._network import OwnNetworkMixin
from ._principal_codes import ComparedWithPCAMixin, PrincipalCodesMixin
from ._sequence_network import SequenceNetwork, SequenceParameters
from ._token_network import TokenNetwork
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
    tokens : {"char", "int", "word"} or None, default=None
        What sequences are made of where not of numbers that can be measured. "char" and
        "word" take strings, whose tokens are the characters, or the words between
        spaces; "int" takes sequences of integers. Each token has a vector, and training
        minimises the cross-entropy of the tokens. There is no PCA of tokens: the
        network starts from their frequencies.
    max_tokens : int, default=4096
        Tokens that are told apart, at most, the unknown one among them, which stands
        for all but the commonest. With ``tokens`` only.
    n_components : int or float, default=0.9
        Number of components of the codes. A float in (0, 1) takes as many as PCA needs
        to explain this share of the variance; of tokens, 64.
    standardize : bool, default=False
        Whether errors and codes are measured in standard deviations of each channel.
        False measures them in the units of the sequences.
    batch_size : int or "auto", default="auto"
        Number of sequences per step. "auto" is 64, of tokens 128, or all sequences if
        there are fewer.

    Attributes
    ----------
    sequence_shape_ : tuple (n_steps, n_channels)
        Of the training sequences; of the longest if they are of several lengths.
    vocabulary_ : dict
        Number of each token, from 1 for the commonest; with ``tokens`` only. 0 stands
        for all others.
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

    tokens: str | None = None
    max_tokens: int = 4096

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        **OutlierDetectionMixin._parameter_constraints,
        **CorruptionMixin._parameter_constraints,
        **SequenceParameters._parameter_constraints,
        "tokens": [StrOptions({"char", "int", "word"}), None],
        "max_tokens": [Interval(Integral, 2, None, closed="left")],
    }

    _structural = (
        *BaseAutoencoder._structural,
        *SequenceNetwork.structural,
        "tokens",
        "max_tokens",
    )

    _kind = SequenceNetwork

    @property
    def _network_kind(self):
        kind = super()._network_kind
        if self.tokens is None:
            return kind
        network = TokenNetwork(**kind.get_params(deep=False))
        network.tokens, network.max_tokens = self.tokens, self.max_tokens
        return network

    def _check_params(self):
        super()._check_params()
        if self.tokens is not None and self.corruption is not None:
            raise ValueError(
                f"corruption={self.corruption!r} is for sequences of numbers, and not "
                f"for tokens={self.tokens!r}. Leave corruption out."
            )

    def _count_components(self, n_features):
        if self.tokens is None or isinstance(self.n_components, Integral):
            return self.n_components
        return _defaults.TOKEN_COMPONENTS

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
