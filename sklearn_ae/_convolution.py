"""Convolutional networks for images, as a choice of any estimator."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from . import _defaults
from ._compat import Interval, StrOptions
from ._declaration import declare_parameters
from ._images import ImageLayout
from ._network import NetworkKind, check_layer_sizes, layer_sizes
from ._patches import PatchLayout
from .detection import fit_isotropic
from .networks import ACTIVATIONS
from .training import fit_scaling, shared_by_channel

# Folds of a cross-fit, at most: each is a network of its own.
MAX_FOLDS = 3

# Images that are read at once after a fit.
BLOCK_ROWS = 64

# Noise of images, as a share of the largest variance of their codes. Directions in
# which the training images vary less than this tell the odd ones apart no better.
NOISE_SHARE = 0.005


class ConvolutionalParameters:
    """What convolutional networks take.

    Parameters
    ----------
    image_shape : tuple of int, default=None
        (height, width) or (height, width, n_channels) of images that come flattened to
        rows. One may be -1: it follows from the number of columns. None takes the shape
        of arrays of images; the rows of a table then are images one pixel wide.
    channels : "auto" or tuple of int, default="auto"
        Number of channels of the maps after each halving of the sides in the encoder;
        the decoder's are the same, reversed. "auto" halves until the longer side is
        below 8 and at most four times, to 16 channels, then 32, then 64; 32 and then 64
        where images are corrupted in training or their longer side is at most 16.
    n_blocks : int, default=0
        Residual blocks at the smallest map, in the encoder and in the decoder.
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        Widths of the dense layers between the smallest map and the code in the encoder;
        the decoder's are the same, reversed. An int is one layer, an empty tuple none.
        "auto" is (512,).
    activation : {"elu", "gelu", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation function of the maps and of the hidden layers.
    round_pixels : bool, default=False
        Whether reconstructions of integer pixels are rounded to the same integers.
    patch_size : int, default=None
        Side of square patches to train on, at least 2; None trains on images as they
        are. ``fit`` then takes images of any sizes from this one on, as an array or a
        list, and draws patches from random places of them, every place as likely as
        any other. ``reconstruct`` takes such images, too: it reconstructs tiles that
        overlap and blends them. All other methods take patches. Patches overlap, so
        that scores of those held out flatter: score patches of other images.
    n_patches : int or "auto", default="auto"
        Number of patches to draw, with ``patch_size``, for ``fit`` or for a block of
        ``partial_fit``; all there are in images that have no more. "auto" is 60,000,
        or as many as take 256 MiB of memory if these are fewer.
    """

    image_shape: tuple | None = None
    channels: tuple | str = "auto"
    n_blocks: int = 0
    hidden_layer_sizes: int | tuple | str = "auto"
    activation: str = "silu"
    round_pixels: bool = False
    patch_size: int | None = None
    n_patches: int | str = "auto"

    _parameter_constraints = {
        "image_shape": [tuple, list, None],
        "channels": ["array-like", StrOptions({"auto"})],
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "round_pixels": ["boolean"],
        "patch_size": [Interval(Integral, 2, None, closed="left"), None],
        "n_patches": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
        ],
    }


class ConvolutionalNetwork(ConvolutionalParameters, NetworkKind, BaseEstimator):
    """Convolutional network, for the ``network`` of an estimator of another kind.

    Strided convolutions halve the sides of an image, dense layers answer the code; the
    decoder goes the same way back. Both stand beside a linear path, as in every network
    of this package.

    With it an estimator's ``batch_size="auto"`` is 64 images, and ``max_epochs="auto"``
    at least 28 epochs; of many patches, with ``patch_size``, at least 10. Where images
    are corrupted in training, ``learning_rate="auto"`` is 0.001.

    Read more in the :ref:`User Guide <convolutional>`.

    See Also
    --------
    ConvolutionalAutoencoder : The plain autoencoder with this network.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import ConvolutionalNetwork, DenoisingAutoencoder
    >>> X = load_digits().images
    >>> denoiser = DenoisingAutoencoder(
    ...     network=ConvolutionalNetwork(), corruption="gaussian", random_state=0
    ... )
    >>> denoiser.fit(X[:1000]).reconstruct(X[1000:]).shape
    (797, 8, 8)
    """

    # Parameters that shape the network, which a fit that goes on cannot change.
    structural = ("channels", "n_blocks", "hidden_layer_sizes", "activation")

    full_batch = _defaults.IMAGE_BATCH_SIZE
    full_rate = _defaults.SHARING_LEARNING_RATE
    weight_decay = _defaults.IMAGE_WEIGHT_DECAY
    cells_for_two_threads = _defaults.IMAGE_BATCH
    max_folds = MAX_FOLDS
    block_size = BLOCK_ROWS
    fills_blocks = True

    @property
    def layout(self):
        """How users hold images."""
        if self.patch_size is None:
            return ImageLayout(self.image_shape, self.round_pixels)
        return PatchLayout(self.patch_size, self.n_patches, self.round_pixels)

    def check(self):
        """Check what the parameter constraints cannot say."""
        self._validate_params()
        check_image_shape(self.image_shape)
        check_patches(self.patch_size, self.image_shape)
        check_channels(self.channels)
        check_layer_sizes(self.hidden_layer_sizes)

    def check_shape(self, row_shape):
        """Refuse images too small for the network.

        Parameters
        ----------
        row_shape : tuple (height, width, n_channels)
            Of an image.

        Raises
        ------
        ValueError
            If ``channels`` halve the sides after both are one pixel.
        """
        sizes = self._channels(row_shape)
        side = max(row_shape[:2])
        if len(sizes) and side <= 2 ** (len(sizes) - 1):
            raise ValueError(
                f"channels={self.channels!r} halves the sides {len(sizes)} times, and "
                f"images of {row_shape[0]}×{row_shape[1]} pixels allow "
                f"{int(np.ceil(np.log2(side)))}. Give fewer channels, or 'auto'."
            )

    def branches(self, row_shape, n_distinct, is_corrupted=False):
        """Return the branches for images of a shape.

        Parameters
        ----------
        row_shape : tuple (height, width, n_channels)
            Of an image.
        n_distinct : int
            Distinct training images.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        branches : dict of plain values
        """
        return {
            "kind": "convolutional",
            "image_shape": tuple(row_shape),
            "channels": self._channels(row_shape, is_corrupted),
            "n_blocks": int(self.n_blocks),
            "hidden_layer_sizes": self._hidden_layer_sizes(),
            "activation": self.activation,
        }

    def _hidden_layer_sizes(self):
        sizes = self.hidden_layer_sizes
        return _defaults.IMAGE_LAYERS if isinstance(sizes, str) else layer_sizes(sizes)

    def _channels(self, row_shape, is_corrupted=False):
        if isinstance(self.channels, str):
            return _defaults.channels_for(*row_shape[:2], is_corrupted)
        return tuple(int(count) for count in self.channels)

    def fit_scaling(self, X, weight, row_shape):
        """Return pixels' means and one standard deviation for each channel.

        Of its own each pixel at the rim of an image, which hardly varies, would count
        as much as those that show something; and next to others in other units.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, n_features)
            Flattened images.
        weight : ndarray of shape (n,)
            Above zero.
        row_shape : tuple (height, width, n_channels)
            Of an image.

        Returns
        -------
        scaling : Scaling
        variance : ndarray of shape (n_features,)
            Of each pixel, by itself.
        """
        scaling, variance = fit_scaling(X, weight)
        if self.grid_shape(row_shape) is None:
            return scaling, variance
        return shared_by_channel(scaling, variance, row_shape[-1]), variance

    def grid_shape(self, row_shape):
        """Return the shape of images, or None for rows that nobody said are images.

        Columns of these have their own units, and no neighbours.

        Parameters
        ----------
        row_shape : tuple (height, width, n_channels)
            Of an image.

        Returns
        -------
        grid_shape : tuple (height, width, n_channels) or None
        """
        is_table = self.image_shape is None and row_shape[1:] == (1, 1)
        return None if is_table else tuple(row_shape)

    def fit_scorer(self, fitted, network, index, trim="auto"):
        """Return what an outlier detector learns from a fit.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        network : torch module
            The final model, or that of a fold.
        index : ndarray of int
            Positions of the rows it has seen.
        trim : "auto" or float, default="auto"
            Share of the rows, the farthest ones, that the score leaves out.

        Returns
        -------
        scorer : IsotropicScorer
        """
        shape = self.grid_shape(network.arguments["branches"]["image_shape"])
        if shape is None:
            return fit_isotropic(fitted, network, index, trim)
        return fit_isotropic(
            fitted, network, index, trim, shape, shape[-1], NOISE_SHARE
        )

    def learning_rate(self, n_distinct, is_corrupted):
        """Return the learning rate that "auto" stands for.

        Parameters
        ----------
        n_distinct : int
            Distinct training images.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        learning_rate : float
        """
        usual = super().learning_rate(n_distinct, is_corrupted)
        return min(usual, _defaults.CORRUPTED_RATE) if is_corrupted else usual

    def beta2(self, is_corrupted):
        """Return what Adam keeps of the mean squared gradients at each step.

        Parameters
        ----------
        is_corrupted : bool
            Whether images are corrupted in training.

        Returns
        -------
        beta2 : float
        """
        return _defaults.BETA2 if is_corrupted else _defaults.IMAGE_BETA2

    def schedule(self, usual, n_batches):
        """Return what the default number of epochs follows: epochs are long ones.

        Parameters
        ----------
        usual : Schedule
            What it follows with dense networks.
        n_batches : int
            Batches of an epoch.

        Returns
        -------
        schedule : Schedule
        """
        min_epochs = _defaults.MIN_IMAGE_EPOCHS
        if self.patch_size is not None:
            min_epochs = _defaults.min_patch_epochs_for(n_batches)
        return usual._replace(min_epochs=min_epochs)


declare_parameters(ConvolutionalNetwork)


def check_image_shape(shape):
    """Refuse what is no shape of images."""
    if shape is None:
        return
    sides = tuple(shape)
    is_whole = all(isinstance(side, Integral) for side in sides)
    n_open = sum(side == -1 for side in sides)
    if (
        len(sides) not in {2, 3}
        or not is_whole
        or n_open > 1
        or any(side < 1 and side != -1 for side in sides)
    ):
        raise ValueError(
            f"image_shape={shape!r} must be (height, width) or (height, width, "
            "n_channels), of positive integers of which one may be -1."
        )


def check_patches(patch_size, image_shape):
    """Refuse a shape of images where these may have any."""
    if patch_size is None or image_shape is None:
        return
    raise ValueError(
        f"image_shape={image_shape!r} cannot be given with patch_size={patch_size!r}, "
        "which takes images of any size from their arrays. Leave image_shape out, and "
        "give flattened images as X.reshape(-1, height, width), or with n_channels as "
        "fourth."
    )


def check_channels(channels):
    """Refuse what are no numbers of channels."""
    if isinstance(channels, str):
        return
    if any(not isinstance(count, Integral) or count < 1 for count in channels):
        raise ValueError(
            f"channels={channels!r} must be 'auto' or hold positive integers, one for "
            "each halving of the image's sides, such as (24, 48)."
        )
