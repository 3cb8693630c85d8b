"""Whole images of any size, and the patches of them that a network sees."""

import math

import numpy as np
from sklearn.utils import check_random_state

from ._images import (
    FILL,
    MAX_CHANNELS,
    SMALL_PIXELS,
    ImageLayout,
    PixelNames,
    as_array,
    is_channels_first,
)
from ._inputs import check_finite
from ._tiles import draw_tiles, map_tiles
from .training import blocks_of

# Patches of a fit, at most, and the memory they may take as float32.
MAX_PATCHES, PATCH_BYTES = 60_000, 2**28

# Tiles that overlap in a pixel, in one direction, about: more blend more smoothly and
# cost more. Of four, a pixel would always be in the same places of its 4 by 4 cell of
# the smallest map.
TILES_ACROSS = 5


class PatchLayout(ImageLayout):
    """Images of any size; the rows are square patches of them.

    Parameters
    ----------
    patch_size : int
        Side of a patch.
    n_patches : "auto" or int
        Patches drawn for a fit, at most.
    round_pixels : bool
        Whether integers that came in are integers when they come out.
    """

    def __init__(self, patch_size, n_patches="auto", round_pixels=False):
        super().__init__(None, round_pixels)
        self.patch_size = int(patch_size)
        self.n_patches = n_patches

    def draw(self, estimator, X, sample_weight, *, reset, n_seen=0):
        """Return patches of whole images to train on.

        Parameters
        ----------
        estimator : estimator instance
        X : ndarray of shape (n, height, width[, channels]) or list of such images
        sample_weight : None
            Weights are refused.
        reset : bool
            Whether the estimator is fitted anew.
        n_seen : int
            Patches of a stream so far, so that the same block gives others later.

        Returns
        -------
        patches : ndarray of shape (n_patches, patch_size, patch_size[, channels])
        """
        side = self.patch_size
        self._check_draw(estimator, sample_weight, reset)
        shape = (side, side, None) if reset else estimator.image_shape_
        images = read_images(X, shape, estimator)
        # As the seeds of the fit, and before them.
        seed = check_random_state(estimator.random_state).randint(2**31 - 1)
        rng = np.random.Generator(np.random.PCG64([seed, n_seen]))
        pixels = [with_channels(image) for image in images]
        n_patches = self._count_patches(pixels[0].shape[2])
        patches = draw_tiles(pixels, (side, side), n_patches, rng)
        are_grey = all(image.ndim == 2 for image in images)
        return patches[..., 0] if are_grey else patches

    def read(self, estimator, X, *, reset, min_rows=1):
        """Check patches and return them as rows; small integers become float32."""
        try:
            X = as_array(X)
        except ValueError as error:
            raise needs_patches("X holds images of several sizes", estimator) from error
        return super().read(estimator, X, reset=reset, min_rows=min_rows)

    def reconstruct(self, estimator, X):
        """Return whole images, reconstructed tile by tile, in the layout of ``X``."""
        shape = estimator.image_shape_
        images = read_images(X, shape, estimator)
        is_small = all(image.dtype in (*SMALL_PIXELS, np.float32) for image in images)
        dtype = np.float32 if is_small else np.float64

        def rebuild(tiles):
            rows = tiles.reshape(len(tiles), -1).astype(dtype, copy=False)
            return estimator._reconstruct(rows).reshape(tiles.shape)

        # Images of one array become views of one array again.
        whole = None if is_list(X) else np.zeros(np.shape(X), dtype)
        out = whole
        if whole is None:
            out = [np.zeros(image.shape, dtype) for image in images]
        map_tiles(
            rebuild,
            [with_channels(image) for image in images],
            [with_channels(image) for image in out],
            shape[:2],
            [max(1, round(side / TILES_ACROSS)) for side in shape[:2]],
            block_size=next(blocks_of(2**62, math.prod(shape))).stop,
        )
        if whole is not None:
            return self._rounded(whole, images[0].dtype.name)
        return [
            self._rounded(image, like.dtype.name)
            for image, like in zip(out, images, strict=True)
        ]

    def _shape_of(self, X, estimator, reset):
        if not reset and not is_patch_array(X.shape, estimator.image_shape_):
            raise needs_patches(f"X has shape {X.shape}", estimator)
        return super()._shape_of(X, estimator, reset)

    def _check_draw(self, estimator, sample_weight, reset):
        """Refuse weights, and patches of another size than those seen so far."""
        name, side = type(estimator).__name__, self.patch_size
        if sample_weight is not None:
            raise ValueError(
                "sample_weight has one weight for each image, and with "
                f"patch_size={side} {name} trains on patches of them. Leave it out; "
                "or draw patches yourself and weigh these, with patch_size=None."
            )
        height, width = (side, side) if reset else estimator.image_shape_[:2]
        if (height, width) != (side, side):
            raise ValueError(
                f"patch_size={side} differs from the patches of {height}×{width} "
                f"pixels with which this {name} was fitted, and cannot change where "
                "training goes on. Fit a new one, or set it back."
            )

    def _count_patches(self, n_channels):
        """Return the number of patches to draw, at most."""
        if not isinstance(self.n_patches, str):
            return int(self.n_patches)
        n_bytes = 4 * self.patch_size**2 * n_channels
        return max(2, min(MAX_PATCHES, PATCH_BYTES // n_bytes))


# -- patches


def is_patch_array(shape, patch):
    """Whether an array's shape is that of patches of a shape, or of rows of them."""
    if len(shape) == 2:
        return shape[1] == math.prod(patch)
    return tuple(shape[1:3]) == tuple(patch[:2])


def needs_patches(what, estimator):
    """Return the error for whole images where patches are wanted."""
    patch = estimator.image_shape_
    shape = ("n", *(patch if patch[2] > 1 else patch[:2]))
    return ValueError(
        f"{what}, and with patch_size={patch[0]} {type(estimator).__name__} takes "
        f"patches here: of shape ({', '.join(map(str, shape))}), or flattened to rows "
        f"of {math.prod(patch)} columns. Cut them out with sklearn.feature_extraction."
        "image.extract_patches_2d. Whole images are for fit, partial_fit and "
        "reconstruct."
    )


# -- whole images


def is_list(X):
    """Whether images come one by one, so that they may differ in size."""
    is_object = isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    return is_object or isinstance(X, (list, tuple))


def with_channels(image):
    """Return an image with an axis of channels, as a view."""
    return image if image.ndim == 3 else image[..., None]


def read_images(X, patch, estimator):
    """Check whole images and return them one by one.

    Parameters
    ----------
    X : ndarray of shape (n, height, width[, channels]) or list of such images
    patch : tuple (height, width, channels)
        None for the channels takes those of the first image.
    estimator : estimator instance

    Returns
    -------
    images : list of ndarray of shape (height, width) or (height, width, channels)
    """
    name = type(estimator).__name__
    images = X if is_list(X) else split(X, patch, name)
    images = [as_pixels(image, place) for place, image in enumerate(images)]
    if not images:
        raise ValueError(f"X holds no images, and {name} needs at least one.")
    for place, image in enumerate(images):
        check_sides(image.shape, place, patch, name)
    count_channels(images, patch[2], name)
    for place, image in enumerate(images):
        names = PixelNames(with_channels(image).shape, f"image {place}, ")
        check_finite(image.reshape(1, -1), estimator, names, FILL)
    return images


def split(X, patch, name):
    """Return the images of an array, or say what it holds instead."""
    X = as_array(X)
    if np.ndim(X) in (3, 4):
        refuse_lone_image(X.shape, patch)
        return X
    advice = "Images of different sizes are a list of arrays."
    if np.ndim(X) == 2:
        advice = (
            "An image alone is X[np.newaxis]; flattened images are X.reshape(-1, "
            "height, width), or X.reshape(-1, height, width, n_channels)."
        )
    raise ValueError(
        f"X has shape {np.shape(X)}, and with patch_size={patch[0]} {name} takes whole "
        "images here, of shape (n, height, width) or (n, height, width, n_channels), "
        f"or a list of them. {advice}"
    )


def refuse_lone_image(shape, patch):
    """Refuse an array that only makes sense as one colour image."""
    if len(shape) == 3 and shape[2] <= MAX_CHANNELS and shape[2] < patch[1]:
        raise ValueError(
            f"X has shape {shape}: {shape[0]} images of {shape[1]}×{shape[2]} pixels, "
            f"smaller than patch_size={patch[0]}. If it is one image in colours, give "
            "X[np.newaxis]."
        )


def as_pixels(image, place):
    """Return an image as an array of real numbers."""
    try:
        pixels = np.asarray(image)
        if pixels.dtype.kind == "O":
            pixels = pixels.astype(np.float64)
    except (TypeError, ValueError):
        pixels = None
    if pixels is None or pixels.dtype.kind not in "biuf":
        what = "no array of numbers" if pixels is None else f"of dtype {pixels.dtype}"
        raise ValueError(
            f"X[{place}] is {what}, and images are arrays of real numbers. Convert it, "
            "or leave it out."
        )
    return pixels


def check_sides(shape, place, patch, name):
    """Refuse what is no image, or is smaller than a patch."""
    if len(shape) not in (2, 3):
        raise ValueError(
            f"X[{place}] has shape {shape}, and {name} takes images of shape (height, "
            "width) or (height, width, n_channels). Reshape it."
        )
    # Channels that are right where they are cannot be on the wrong side.
    is_known = shape[-1] == patch[2]
    if len(shape) == 3 and not is_known and is_channels_first(shape, None):
        raise ValueError(
            f"X[{place}] has shape {shape}, which looks like channels first, and "
            f"{name} takes channels last. Transpose the axes: an image's with "
            ".transpose(1, 2, 0), an array's of images with .transpose(0, 2, 3, 1)."
        )
    if shape[0] < patch[0] or shape[1] < patch[1]:
        raise ValueError(
            f"X[{place}] has {shape[0]}×{shape[1]} pixels, and patch_size={patch[0]} "
            f"needs at least {patch[0]}×{patch[1]}. Leave it out, pad it with "
            "numpy.pad(..., mode='reflect'), or fit with a smaller patch_size."
        )


def count_channels(images, known, name):
    """Refuse images whose numbers of channels differ, from each other or ``known``."""
    rule = f"{name} was fitted on images of"
    if known is None:
        rule, known = "X[0] has", with_channels(images[0]).shape[2]
    for place, image in enumerate(images):
        n_channels = with_channels(image).shape[2]
        if n_channels != known:
            raise ValueError(
                f"X[{place}] has {n_channels} channel"
                + "s" * (n_channels > 1)
                + f", but {rule} {known}. Give all images equally many: the mean over "
                "the last axis makes colours grey."
            )
