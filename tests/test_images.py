"""Images in all the layouts in which users hold them."""

import itertools
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_ae._images import ImageLayout, PixelNames, as_array, form_of


class Estimator(BaseEstimator):
    """Reads images and gives them back, and does nothing else."""

    def __init__(self, image_shape=None, round_pixels=False):
        self.image_shape = image_shape
        self.round_pixels = round_pixels

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def layout(self):
        return ImageLayout(self.image_shape, self.round_pixels)

    def fit(self, X, min_rows=1):
        self.rows_ = self.layout.read(self, X, reset=True, min_rows=min_rows)
        return self

    def read(self, X):
        return self.layout.read(self, X, reset=False)

    def restore(self, rows, like=None):
        return self.layout.restore(self, rows, like)


def images(height, width, n_channels=1, n=5):
    """Images of whole numbers between 0 and 255."""
    rng = np.random.default_rng(height + 10 * width + n_channels)
    return rng.integers(256, size=(n, height, width, n_channels))


def message_of(function, *args, **kwargs):
    with pytest.raises(ValueError, match=r".") as error:
        function(*args, **kwargs)
    return str(error.value)


# Among them such as only look like channels first, or like one image.
SHAPES = [
    *itertools.product([(9, 7), (8, 8), (33, 17), (5, 21)], range(1, 5)),
    ((1, 6), 1),
    ((6, 1), 1),
    ((2, 2), 3),
    ((4, 4), 4),
]


# -- layouts in, and out again


def flat(X):
    return X.reshape(len(X), -1)


LAYOUTS = {
    "images": lambda X: X.astype(float),
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "uint8": lambda X: X.astype(np.uint8),
    "int64": lambda X: X,
    "big-endian": lambda X: X.astype(">u2"),
    "Fortran order": lambda X: np.asfortranarray(X, dtype=float),
    "negative strides": lambda X: X[::-1, ::-1, ::-1].astype(float)[::-1, ::-1, ::-1],
    "every other": lambda X: X.astype(float).repeat(2, axis=1)[:, ::2],
    "transposed": lambda X: X.transpose(3, 1, 2, 0).copy().transpose(3, 1, 2, 0) * 1.0,
    "list of images": lambda X: list(X),
    "nested lists": lambda X: X.tolist(),
    "tuple of uint8": lambda X: tuple(X.astype(np.uint8)),
    "rows": lambda X: flat(X).astype(float),
    "lists of rows": lambda X: flat(X).tolist(),
    "rows of uint8": lambda X: flat(X).astype(np.uint8),
    "rows in Fortran order": lambda X: np.asfortranarray(flat(X), dtype=np.float32),
    "sparse rows": lambda X: sparse.csr_array(flat(X).astype(float)),
    "sparse bytes": lambda X: sparse.csr_array(flat(X).astype(np.uint8)),
    "sparse columns": lambda X: sparse.csc_matrix(flat(X).astype(np.float32)),
    "pandas": lambda X: pd.DataFrame(flat(X)),
    "pandas bytes": lambda X: pd.DataFrame(flat(X).astype(np.uint8)),
    "polars": lambda X: pl.DataFrame(flat(X), orient="row"),
    "objects": lambda X: X.astype(object),
}


def as_objects(X):
    """Return images as an array of arrays."""
    array = np.empty(len(X), dtype=object)
    for place, image in enumerate(X):
        array[place] = image
    return array


LAYOUTS["array of arrays"] = as_objects


def dense(rows):
    return rows.toarray() if sparse.issparse(rows) else np.asarray(rows)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("sides", "n_channels"), SHAPES)
def test_the_same_rows_whatever_the_layout_and_the_same_layout_back(
    sides, n_channels, layout
):
    clean = images(*sides, n_channels)
    shape = (*sides, n_channels)
    X = LAYOUTS[layout](clean)
    if isinstance(X, np.ndarray):
        X.flags.writeable = False
    estimator = Estimator(shape).fit(X)
    assert estimator.image_shape_ == shape
    assert estimator.n_features_in_ == math.prod(shape)
    assert estimator.layout.row_shape(estimator) == shape
    assert_array_equal(dense(estimator.rows_), flat(clean))
    assert_array_equal(dense(estimator.read(X)), flat(clean))
    # Those of fit, and those of other layouts in a predict.
    back = estimator.restore(dense(estimator.rows_))
    expected = clean if np.ndim(as_array(X)) > 2 else flat(clean)
    assert_array_equal(back, expected)
    other = Estimator(shape).fit(flat(clean))
    back = other.restore(dense(other.read(X)), like=X)
    assert_array_equal(back, expected)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("sides", [(9, 7), (8, 8), (33, 17)])
def test_grey_images_need_no_axis_of_channels(sides, dtype):
    X = images(*sides)[..., 0].astype(dtype)
    estimator = Estimator().fit(X)
    assert estimator.image_shape_ == (*sides, 1)
    assert_array_equal(estimator.restore(estimator.rows_), X)
    assert estimator.restore(estimator.rows_, like=X[..., None]).shape == (5, *sides, 1)
    assert_array_equal(estimator.read(X[..., None]), estimator.rows_)
    assert_array_equal(estimator.read(flat(X)), estimator.rows_)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (bool, np.float32),
        (np.uint8, np.float32),
        (np.float32, np.float32),
        (np.int8, np.float64),
        (np.uint16, np.float64),
        (np.int64, np.float64),
        (np.float64, np.float64),
    ],
)
@pytest.mark.parametrize(
    "wrap", [np.asarray, flat, lambda X: sparse.csr_array(flat(X))]
)
def test_small_integers_become_float32(wrap, dtype, expected):
    X = wrap(images(6, 5)[..., 0].clip(0, 100).astype(dtype))
    assert Estimator((6, 5)).fit(X).rows_.dtype == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_are_not_copied(dtype):
    X = images(6, 5).astype(dtype)
    assert np.shares_memory(Estimator().fit(X).rows_, X)


def test_rows_without_a_shape_are_images_one_pixel_wide():
    estimator = Estimator().fit(np.ones((4, 6)))
    assert estimator.image_shape_ == (6, 1, 1)
    assert estimator.restore(np.ones((2, 6))).shape == (2, 6)


@pytest.mark.parametrize(
    ("asked", "n_columns", "expected"),
    [
        ((9, 7), 63, (9, 7, 1)),
        ([9, 7], 63, (9, 7, 1)),
        ((-1, 7), 63, (9, 7, 1)),
        ((9, -1), 63, (9, 7, 1)),
        ((9, -1, 1), 63, (9, 7, 1)),
        ((3, 7, -1), 63, (3, 7, 3)),
        ((-1, 7, 3), 63, (3, 7, 3)),
        ((np.int64(9), np.int64(-1)), 63, (9, 7, 1)),
        ((63, 1), 63, (63, 1, 1)),
    ],
)
def test_one_side_may_be_open(asked, n_columns, expected):
    estimator = Estimator(asked).fit(np.ones((2, n_columns)))
    assert estimator.image_shape_ == expected
    assert all(type(side) is int for side in estimator.image_shape_)
    assert estimator.read(np.ones((3, *expected))).shape == (3, n_columns)


def test_an_open_side_of_an_array_is_the_array_s():
    estimator = Estimator((-1, 7)).fit(np.ones((2, 4, 7)))
    assert estimator.image_shape_ == (4, 7, 1)


def test_feature_names_are_kept():
    frame = pd.DataFrame(np.ones((3, 4)), columns=list("abcd"))
    assert list(Estimator((2, 2)).fit(frame).feature_names_in_) == list("abcd")


# -- integers that stay integers


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", ">u2", "int32", "int64"])
@pytest.mark.parametrize(
    "wrap", [np.asarray, flat, lambda X: pd.DataFrame(flat(X)), lambda X: as_objects(X)]
)
def test_integers_are_rounded_and_bounded_where_asked_for(wrap, dtype):
    X = wrap(np.full((2, 2, 3), 7).astype(dtype))
    rows = np.array([[-3e9, -0.6, 0.4, 1.5, 2.5, 99.4]])
    estimator = Estimator((2, 3), round_pixels=True).fit(X)
    limits = np.iinfo(dtype)
    expected = np.clip([-3e9, -1, 0, 2, 2, 99], limits.min, limits.max)
    for back in (estimator.restore(rows), estimator.restore(rows, like=X)):
        assert back.dtype == np.dtype(dtype).newbyteorder("=")
        assert_array_equal(back.ravel(), expected)


def test_lists_of_integers_are_rounded_too():
    X = [[[1, 2], [3, 4]]] * 2
    estimator = Estimator(round_pixels=True).fit(X)
    back = estimator.restore(np.full((1, 4), 2.6), like=X)
    assert_array_equal(back, np.full((1, 2, 2), 3))
    assert back.dtype.kind == "i"


@pytest.mark.parametrize("dtype", [bool, np.float32, np.float64, object])
def test_what_is_no_integer_is_not_rounded(dtype):
    X = np.ones((2, 2, 3)).astype(dtype)
    estimator = Estimator(round_pixels=True).fit(X)
    assert estimator.restore(np.full((1, 6), 0.4), like=X)[0, 0, 0] == 0.4


def test_nothing_is_rounded_unless_asked_for():
    X = np.ones((2, 2, 3), dtype=np.uint8)
    assert Estimator().fit(X).restore(np.full((1, 6), 0.4))[0, 0, 0] == 0.4


def test_the_layout_that_is_asked_for_decides_not_that_of_fit():
    estimator = Estimator(round_pixels=True).fit(np.ones((2, 2, 3), dtype=np.uint8))
    rows = np.full((1, 6), 0.4)
    assert estimator.restore(rows).dtype == np.uint8
    assert estimator.restore(rows, like=np.ones((1, 6))).dtype == np.float64
    assert estimator.restore(rows, like=np.ones((1, 6))).shape == (1, 6)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (np.ones((2, 3), dtype=np.uint8), (2, "uint8")),
        (np.ones((2, 3, 4), dtype=">f4"), (3, "float32")),
        (sparse.csr_array(np.ones((2, 3))), (2, "float64")),
        (pd.DataFrame(np.ones((2, 3), dtype=np.int16)), (2, "int16")),
        (pd.DataFrame({"a": [1], "b": [0.5]}), (2, "float64")),
        (pl.DataFrame({"a": [1], "b": [2]}), (2, "int64")),
    ],
)
def test_forms(X, expected):
    assert form_of(X) == expected


# -- shapes that do not fit


def test_channels_first_is_refused_with_the_transposition():
    X = np.ones((5, 3, 33, 17))
    message = (
        "X has shape (5, 3, 33, 17), which looks like channels first, and Estimator "
        "takes channels last. Give it X.transpose(0, 2, 3, 1)."
    )
    assert message_of(Estimator().fit, X) == (
        f"{message} If it is not, give image_shape=(3, 33, 17)."
    )
    assert message_of(Estimator((33, 17, 3)).fit, X) == message
    fitted = Estimator().fit(X.transpose(0, 2, 3, 1))
    assert message_of(fitted.read, X) == message


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("sides", [(9, 7), (8, 8), (33, 17)])
def test_channels_first_is_seen_at_any_size(sides, n_channels):
    X = images(*sides, n_channels).transpose(0, 3, 1, 2)
    assert "X.transpose(0, 2, 3, 1)" in message_of(Estimator().fit, X)
    fitted = Estimator().fit(X.transpose(0, 2, 3, 1))
    assert "X.transpose(0, 2, 3, 1)" in message_of(fitted.read, X)


@pytest.mark.parametrize("shape", [(3, 33, 17), (4, 6, 9), (1, 8, 5)])
def test_low_images_of_many_channels_can_be_told_apart(shape):
    X = np.ones((5, *shape))
    assert f"give image_shape={shape}" in message_of(Estimator().fit, X)
    fitted = Estimator(shape).fit(X)
    assert fitted.image_shape_ == shape
    assert fitted.read(X).shape == (5, math.prod(shape))


def test_small_images_that_have_the_channels_of_fit_last_are_taken():
    fitted = Estimator().fit(np.ones((5, 3, 3, 3)))
    assert fitted.read(np.ones((2, 3, 3, 3))).shape == (2, 27)


@pytest.mark.parametrize("ndim", [1, 5])
def test_numbers_of_dimensions(ndim):
    X = np.ones((2,) * ndim)
    message = message_of(Estimator().fit, X)
    if ndim == 5:
        assert message == (
            "X has shape (2, 2, 2, 2, 2), and Estimator takes images of shape (n, "
            "height, width) or (n, height, width, channels)."
        )
    else:
        assert "Expected 2D array, got 1D array instead" in message


@pytest.mark.parametrize("X", [None, 3.0, [], [1.0, 2.0]])
def test_what_is_no_array_is_refused(X):
    with pytest.raises(ValueError, match=r"Expected 2D array"):
        Estimator().fit(X)


@pytest.mark.parametrize("shape", [(0, 8, 8), (1, 8, 8), (3, 0, 8), (3, 8, 8, 0)])
def test_images_without_pixels_and_too_few_images(shape):
    with pytest.raises(
        ValueError, match=r"Found array with [01] (sample|feature)\(s\)"
    ):
        Estimator().fit(np.ones(shape), min_rows=2)


@pytest.mark.parametrize(
    ("asked", "shape", "message"),
    [
        (
            (8, 8),
            (5, 9, 7),
            "X holds images of shape (9, 7), but image_shape=(8, 8). Resize or crop "
            "the images, or leave image_shape out.",
        ),
        (
            [8, -1],
            (5, 9, 7),
            "X holds images of shape (9, 7), but image_shape=(8, -1). Resize or crop "
            "the images, or leave image_shape out.",
        ),
        (
            (9, 7),
            (5, 9, 7, 3),
            "X holds images of shape (9, 7, 3), but image_shape=(9, 7). Give images of "
            "1 channel, or leave image_shape out.",
        ),
        (
            (9, 7, 3),
            (5, 9, 7),
            "X holds images of shape (9, 7), but image_shape=(9, 7, 3). Give images of "
            "3 channels, or leave image_shape out.",
        ),
        (
            (9, 7, 3),
            (9, 7, 3),
            "X holds images of shape (7, 3), but image_shape=(9, 7, 3). Resize or crop "
            "the images, or leave image_shape out. An image alone is X[np.newaxis].",
        ),
        (
            (8, 8),
            (5, 63),
            "X has 63 columns, but image_shape=(8, 8) needs 64. Give Estimator "
            "image_shape=(height, width), or (height, width, n_channels) for colours, "
            "whose product is the number of columns.",
        ),
        (
            (8, 8),
            (8, 8),
            "X has 8 columns, but image_shape=(8, 8) needs 64. Give Estimator "
            "image_shape=(height, width), or (height, width, n_channels) for colours, "
            "whose product is the number of columns. An image alone is X[np.newaxis].",
        ),
        (
            (8, -1),
            (5, 63),
            "X has 63 columns, but image_shape=(8, -1) needs a multiple of 8. Give "
            "Estimator image_shape=(height, width), or (height, width, n_channels) for "
            "colours, whose product is the number of columns.",
        ),
    ],
)
def test_shapes_that_differ_from_the_one_asked_for(asked, shape, message):
    assert message_of(Estimator(asked).fit, np.ones(shape)) == message


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (5, 8, 7),
            "X holds images of shape (8, 7), but Estimator was fitted on images of "
            "shape (9, 7, 1). Resize or crop the images.",
        ),
        (
            (5, 9, 7, 3),
            "X holds images of shape (9, 7, 3), but Estimator was fitted on images of "
            "shape (9, 7, 1). Give images of 1 channel.",
        ),
        (
            (9, 7),
            "X has 7 features, but Estimator is expecting 63 features as input: those "
            "of images of shape (9, 7, 1), flattened to rows. An image alone is "
            "X[np.newaxis].",
        ),
        (
            (12, 10),
            "X has 10 features, but Estimator is expecting 63 features as input: those "
            "of images of shape (9, 7, 1), flattened to rows. An image alone is "
            "X[np.newaxis].",
        ),
        (
            (9, 7, 1),
            "X holds images of shape (7, 1), but Estimator was fitted on images of "
            "shape (9, 7, 1). Resize or crop the images. An image alone is "
            "X[np.newaxis].",
        ),
    ],
)
def test_shapes_that_differ_from_the_fitted_one(shape, message):
    fitted = Estimator().fit(np.ones((5, 9, 7)))
    assert message_of(fitted.read, np.ones(shape)) == message
    if len(shape) == 2:
        assert message_of(fitted.read, sparse.csr_array(np.ones(shape))) == message


def test_of_tables_the_names_are_compared_first():
    fitted = Estimator((2, 2)).fit(pd.DataFrame(np.ones((3, 4)), columns=list("abcd")))
    fewer = pd.DataFrame(np.ones((3, 3)), columns=list("abc"))
    assert "Feature names seen at fit time, yet now missing" in message_of(
        fitted.read, fewer
    )
    unnamed = Estimator((2, 2)).fit(np.ones((3, 4)))
    message = message_of(unnamed.read, pd.DataFrame(np.ones((3, 3))))
    assert "X has 3 features, but Estimator is expecting 4 features" in message


RAGGED = [np.ones((3, 4)), np.ones((4, 3)), np.ones((4, 3))]
ADVICE = (
    "Resize or crop them to one shape, or train on patches of them with patch_size."
)


@pytest.mark.parametrize("wrap", [list, tuple, as_objects])
def test_images_of_different_shapes_are_refused(wrap):
    assert message_of(Estimator().fit, wrap(RAGGED)) == (
        f"X holds images of different shapes, such as (3, 4), (4, 3). {ADVICE}"
    )


@pytest.mark.parametrize(
    "X",
    [
        [np.ones((3, 4)), np.ones((3, 4, 3))],
        [np.ones((3, 4, 1)), np.ones((3, 4))],
        [np.ones((3, 4)), np.ones(4)],
        as_objects([np.ones((3, 4)), np.ones((3, 4, 1))]),
    ],
)
def test_images_of_different_dimensions_are_refused(X):
    message = message_of(Estimator().fit, X)
    assert message.startswith("X holds images of different shapes, such as (")
    assert message.endswith(ADVICE)


def test_lines_of_different_lengths_are_refused():
    assert message_of(Estimator().fit, [[[1.0, 2.0], [3.0]], [[1.0]]]) == (
        f"X holds images of different shapes. {ADVICE}"
    )


# -- pixels that are no numbers


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ([(0, 3, 2, 0)], "pixel (3, 2)"),
        ([(0, 3, 2, 0), (4, 3, 2, 2)], "pixel (3, 2)"),
        ([(0, 3, 2, 0), (1, 8, 6, 1)], "pixel (3, 2) and 1 other"),
        ([(4, 0, 0, 2), (1, 8, 6, 1), (2, 8, 5, 1)], "pixel (0, 0) and 2 others"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_that_are_not_finite_are_named(value, word, cells, where, dtype):
    X = images(9, 7, 3).astype(dtype)
    fitted = Estimator().fit(X)
    for cell in cells:
        X[cell] = value
    expected = f"Input X contains {word} in {where}. Estimator "
    assert message_of(Estimator().fit, X).startswith(expected)
    assert message_of(fitted.read, X).startswith(expected)


def test_missing_pixels_have_a_remedy_of_their_own():
    X = images(9, 7).astype(float)
    X[0, 3, 2] = np.nan
    assert message_of(Estimator().fit, X) == (
        "Input X contains NaN in pixel (3, 2). Estimator does not accept missing "
        "values. Fill these pixels, for example with the mean of their neighbours, or "
        "leave the image out."
    )


def test_in_rows_columns_are_named():
    X = flat(images(9, 7)).astype(float)
    X[0, 5] = np.nan
    assert "contains NaN in column 5. " in message_of(Estimator((9, 7)).fit, X)


def test_pixels_can_be_named_within_an_image():
    mask = np.zeros(12, dtype=bool)
    mask[[7, 8]] = True
    assert PixelNames((2, 3, 2), "image 4, ")(mask, None) == (
        "image 4, pixel (1, 0) and 1 other"
    )


def test_numbers_as_objects_are_read_and_words_are_not():
    X = np.array([[["1", "a"]]] * 2, dtype=object)
    with pytest.raises(ValueError, match=r"could not convert string to float: 'a'"):
        Estimator().fit(X)


def test_complex_pixels_are_refused():
    with pytest.raises(ValueError, match=r"Complex data not supported"):
        Estimator().fit(np.ones((2, 3, 3), dtype=complex))


def test_the_images_given_are_left_alone():
    for layout in ("uint8", "Fortran order", "int64"):
        X = LAYOUTS[layout](images(9, 7, 3))
        before, strides = X.copy(), X.strides
        estimator = Estimator().fit(X)
        estimator.restore(estimator.rows_)
        assert_array_equal(X, before)
        assert X.shape == (5, 9, 7, 3)
        assert X.strides == strides
