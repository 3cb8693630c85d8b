"""Images as users hold them, and the rows they become."""

import math

import numpy as np
from scipy import sparse

from ._inputs import TableLayout, check_finite, read_rows

# An axis of at most so many entries may be one of colour channels.
MAX_CHANNELS = 4

# What to do about missing pixels.
FILL = (
    "Fill these pixels, for example with the mean of their neighbours, or leave the "
    "image out."
)

# Pixels that float32 holds exactly, and that need no more.
SMALL_PIXELS = (np.uint8, np.bool_)


class ImageLayout(TableLayout):
    """Images in any of the layouts that image libraries and scikit-learn use.

    ``(n, height, width)``, ``(n, height, width, channels)``, or flattened to rows.

    Parameters
    ----------
    image_shape : tuple of int or None
        As a user gives it: (height, width) or (height, width, channels), one of them
        maybe -1. None takes the shape of the array; rows of a table then are images one
        pixel wide.
    round_pixels : bool
        Whether integers that came in are integers when they come out.
    """

    def __init__(self, image_shape, round_pixels=False):
        self.image_shape = image_shape
        self.round_pixels = round_pixels

    def read(self, estimator, X, *, reset, min_rows=1):
        """Check images and return them as rows; small integers become float32."""
        X = as_array(X)
        form, how = form_of(X), ()
        shape = self._shape_of(X, estimator, reset) if form[0] > 1 else None
        if form[0] > 2:
            how = PixelNames(shape), FILL
            X = X.reshape(len(X), math.prod(shape))
        # Rows one pixel wide are those of a table, and treated as these are.
        is_table = form[0] == 2 and shape[1:] == (1, 1)
        if getattr(X, "dtype", None) in SMALL_PIXELS and not is_table:
            X = X.astype(np.float32)
        rows = read_rows(estimator, X, reset=reset, min_rows=min_rows)
        check_finite(rows, estimator, *how)
        if reset:
            estimator.image_shape_ = shape
            estimator._image_form = form
        return rows

    def restore(self, estimator, rows, like=None):
        """Return rows as images in the layout of ``like``, or of those in ``fit``."""
        form = estimator._image_form if like is None else form_of(as_array(like))
        ndim, dtype = form
        rows = self._rounded(rows, dtype)
        if ndim < 3:
            return rows
        return rows.reshape(-1, *estimator.image_shape_[: ndim - 1])

    def form(self, ndim, pixels):
        """Return the attributes of an estimator fitted to images of such a form."""
        return {"_image_form": (ndim, pixels)}

    def row_shape(self, estimator):
        """Return (height, width, channels)."""
        return estimator.image_shape_

    def _rounded(self, pixels, dtype):
        """Return pixels as the integers of a dtype, if it has integers."""
        if not self.round_pixels or not dtype.strip("u").startswith("int"):
            return pixels
        limits = np.iinfo(dtype)
        return np.clip(np.rint(pixels), limits.min, limits.max).astype(dtype)

    def _shape_of(self, X, estimator, reset):
        """Return (height, width, channels) of the images, or say what is wrong."""
        name = type(estimator).__name__
        known = None if reset else estimator.image_shape_
        if X.ndim > 4:
            raise ValueError(
                f"X has shape {X.shape}, and {name} takes images of shape (n, height, "
                "width) or (n, height, width, channels)."
            )
        if X.ndim == 2:
            if known:
                check_row_of(X, known, name)
            return known or shape_of_rows(X.shape, self.image_shape, name)
        asked = known or self.image_shape
        refuse_channels_first(X, asked, name)
        shape = (*X.shape[1:], 1)[:3]
        if asked is not None and not matches(shape, asked):
            raise other_shape(X.shape, asked, known is not None, name)
        return tuple(int(side) for side in shape)


class PixelNames:
    """Says which pixels a mask over the cells of a row holds.

    Parameters
    ----------
    shape : tuple (height, width, channels)
    where : str
        What comes before the pixel.
    """

    def __init__(self, shape, where=""):
        self.shape = shape
        self.where = where

    def __call__(self, mask, estimator):
        pixels = np.argwhere(mask.reshape(self.shape).any(axis=2))
        (row, column), more = pixels[0], len(pixels) - 1
        others = f" and {more} other" + "s" * (more > 1) if more else ""
        return f"{self.where}pixel ({row}, {column}){others}"


# -- what came in


def as_array(X):
    """Return a table as it is, and anything else as an array."""
    if sparse.issparse(X) or hasattr(X, "iloc") or hasattr(X, "__dataframe__"):
        return X
    try:
        array = np.asarray(X)
        if array.dtype == object and array.ndim == 1 and any(map(np.ndim, array)):
            array = np.stack([np.asarray(image) for image in array])
    except ValueError as error:  # images of different shapes
        raise ragged(X) from error
    return array


def form_of(X):
    """Return the number of dimensions of a table or array, and the name of its dtype.

    "" stands for the dtype of what has none.
    """
    # A table's columns have a dtype each; all together they have one as an array.
    first = np.asarray(X.head(1)) if hasattr(X, "head") else X
    dtype = getattr(first, "dtype", None)
    return np.ndim(X), "" if dtype is None else np.dtype(dtype).name


def ragged(X):
    """Return the error for images that differ in shape."""
    try:
        shapes = sorted({np.shape(image) for image in X})[:3]
        such = f", such as {', '.join(map(str, shapes))}"
    except ValueError:  # lines of different lengths
        such = ""
    return ValueError(
        f"X holds images of different shapes{such}. Resize or crop them to one shape, "
        "or train on patches of them with patch_size."
    )


# -- shapes


def check_row_of(X, known, name):
    """Refuse rows that have not the columns of a flattened image."""
    # Of tables scikit-learn compares the names first.
    if X.shape[1] == math.prod(known) or not hasattr(X, "dtype"):
        return
    raise ValueError(
        f"X has {X.shape[1]} features, but {name} is expecting {math.prod(known)} "
        f"features as input: those of images of shape {known}, flattened to rows. An "
        "image alone is X[np.newaxis]."
    )


def shape_of_rows(shape, asked, name):
    """Return the shape of images that came as rows, from the shape of all rows."""
    n_columns = shape[1]
    if asked is None:
        return n_columns, 1, 1
    sides = (*asked, 1)[:3]
    known = math.prod(int(side) for side in sides if side != -1)
    is_open = -1 in sides
    if n_columns == known or (is_open and n_columns % known == 0):
        return tuple(n_columns // known if s == -1 else int(s) for s in sides)
    needed = f"a multiple of {known}" if is_open else str(known)
    raise ValueError(
        f"X has {n_columns} columns, but image_shape={tuple(asked)!r} needs "
        f"{needed}. Give {name} image_shape=(height, width), or (height, width, "
        "n_channels) for colours, whose product is the number of columns."
        + lone_image(shape, asked)
    )


def matches(shape, asked):
    """Whether images have the shape asked for, in which -1 stands for any side."""
    asked = (*asked, 1)[:3]
    return all(want in (-1, side) for side, want in zip(shape, asked, strict=True))


def other_shape(shape, asked, is_fitted, name):
    """Return the error for an array of images of another shape than ``asked``."""
    rule = f"image_shape={tuple(asked)!r}"
    if is_fitted:
        rule = f"{name} was fitted on images of shape {tuple(asked)}"
    sides, n_channels = shape[1:3], (*asked, 1)[2]
    if matches((*sides, n_channels), asked):
        advice = f"Give images of {n_channels} channel" + "s" * (n_channels > 1)
    else:
        advice = "Resize or crop the images"
    return ValueError(
        f"X holds images of shape {shape[1:]}, but {rule}. {advice}"
        + (", or leave image_shape out." if not is_fitted else ".")
        + lone_image(shape, asked)
    )


def lone_image(shape, asked):
    """Return advice for an array that looks like one image of the shape asked for."""
    is_one = len(shape) in (2, 3) and matches((*shape, 1)[:3], asked)
    return " An image alone is X[np.newaxis]." if is_one else ""


def refuse_channels_first(X, asked, name):
    """Refuse arrays whose channels come before the sides."""
    if X.ndim != 4 or not is_channels_first(X.shape[1:], asked):
        return
    raise ValueError(
        f"X has shape {X.shape}, which looks like channels first, and {name} takes "
        "channels last. Give it X.transpose(0, 2, 3, 1)."
        + (f" If it is not, give image_shape={X.shape[1:]}." if asked is None else "")
    )


def is_channels_first(shape, asked):
    """Whether the first axis of an image's shape seems to be that of its channels."""
    if asked is None:
        return shape[0] <= MAX_CHANNELS < min(shape[1:])
    moved = (*shape[1:], shape[0])
    return matches(moved, asked) and not matches(shape, asked)
