"""Images as users hold them, and the rows they become."""

import math

import numpy as np
from scipy import sparse

from ._inputs import TableLayout, check_finite, name_columns, read_rows

# An axis of at most so many entries may be one of colour channels.
MAX_CHANNELS = 4


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
        ndim, dtype, name_cells = np.ndim(X), getattr(X, "dtype", None), name_columns
        shape = self._shape_of(X, estimator, reset) if ndim > 1 else None
        if ndim > 2:
            name_cells = PixelNames(shape)
            X = X.reshape(len(X), math.prod(shape))
        if dtype in (np.uint8, np.bool_):
            X = X.astype(np.float32)
        rows = read_rows(estimator, X, reset=reset, min_rows=min_rows)
        check_finite(rows, estimator, name_cells)
        if reset:
            estimator.image_shape_ = shape
            estimator._image_form = ndim, "" if dtype is None else str(dtype)
        return rows

    def restore(self, estimator, rows, like=None):
        """Return rows as images in the layout of ``like``, or of those in ``fit``."""
        ndim, dtype = estimator._image_form
        if like is not None:
            ndim, dtype = np.ndim(like), str(getattr(like, "dtype", ""))
        if self.round_pixels and dtype.strip("u").startswith("int"):
            limits = np.iinfo(dtype)
            rows = np.clip(np.rint(rows), limits.min, limits.max).astype(dtype)
        if ndim < 3:
            return rows
        return rows.reshape(-1, *estimator.image_shape_[: ndim - 1])

    def row_shape(self, estimator):
        """Return (height, width, channels)."""
        return estimator.image_shape_

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
            return known or shape_of_rows(X.shape[1], self.image_shape, name)
        asked = known or self.image_shape
        shape = X.shape[1:] if X.ndim == 4 else (*X.shape[1:], 1)
        refuse_channels_first(X, asked, name)
        if asked is not None and not matches(shape, asked):
            rule = (
                f"{name} was fitted on images of shape {known}"
                if known
                else f"image_shape={asked!r}"
            )
            raise ValueError(
                f"X holds images of shape {X.shape[1:]}, but {rule}. Resize or crop "
                "the images" + (", or leave image_shape out." if not known else ".")
            )
        return tuple(int(side) for side in shape)


class PixelNames:
    """Says which pixels a mask over the cells of a row holds."""

    def __init__(self, shape):
        self.shape = shape

    def __call__(self, mask, estimator):
        row, column, _ = np.unravel_index(np.flatnonzero(mask)[0], self.shape)
        more = int(mask.sum()) - 1
        return f"pixel ({row}, {column})" + (f" and {more} others" if more else "")


def as_array(X):
    """Return a table as it is, and anything else as an array."""
    if sparse.issparse(X) or hasattr(X, "iloc") or hasattr(X, "__dataframe__"):
        return X
    try:
        array = np.asarray(X)
    except ValueError as error:  # images of different shapes
        raise ragged(X) from error
    if array.dtype == object and array.ndim == 1 and np.ndim(X[0]) > 1:
        raise ragged(X)
    return array


def ragged(X):
    """Return the error for images that differ in shape."""
    shapes = sorted({np.shape(image) for image in X})[:3]
    return ValueError(
        f"X holds images of different shapes, such as {', '.join(map(str, shapes))}. "
        "Resize or crop them to one shape, or train on patches of them with patch_size."
    )


def shape_of_rows(n_columns, asked, name):
    """Return the shape of images that came as rows of so many columns."""
    if asked is None:
        return n_columns, 1, 1
    height, width, n_channels = (*asked, 1)[:3]
    known = -math.prod((height, width, n_channels))
    if known > 0 and n_columns % known == 0:
        sides = (height, width, n_channels)
        return tuple(n_columns // known if side == -1 else side for side in sides)
    if known > 0 or -known != n_columns:
        needed = f"a multiple of {known}" if known > 0 else str(-known)
        raise ValueError(
            f"X has {n_columns} columns, but image_shape={tuple(asked)!r} needs "
            f"{needed}. Give {name} image_shape=(height, width), or (height, width, "
            "n_channels) for colours, whose product is the number of columns."
        )
    return height, width, n_channels


def matches(shape, asked):
    """Whether images have the shape asked for, in which -1 stands for any side."""
    asked = (*asked, 1)[:3]
    return all(want in (-1, side) for side, want in zip(shape, asked, strict=True))


def refuse_channels_first(X, asked, name):
    """Refuse arrays whose channels come before the sides."""
    if X.ndim != 4:
        return
    first, last = X.shape[1], X.shape[3]
    expected = None if asked is None else (*asked, 1)[2]
    is_first = first <= MAX_CHANNELS < min(X.shape[2:])
    if is_first and last not in {expected} and (asked is None or first == expected):
        raise ValueError(
            f"X has shape {X.shape}, which looks like channels first, and {name} takes "
            "channels last. Give it X.transpose(0, 2, 3, 1)."
        )
