"""Patches to train on, whole images to reconstruct."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.image import extract_patches_2d

from sklearn_ae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae._patches import MAX_PATCHES, PATCH_BYTES, PatchLayout
from sklearn_ae.training import _rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

FAST = {"max_epochs": 2, "random_state": 0, "channels": (4,), "n_patches": 60}

SIZES = [(9, 7), (8, 8), (33, 17), (4, 4), (5, 21)]


class Estimator(BaseEstimator):
    """Reads patches, and reconstructs them as they are."""

    def __init__(
        self, patch_size=4, n_patches="auto", round_pixels=False, random_state=0
    ):
        self.patch_size = patch_size
        self.n_patches = n_patches
        self.round_pixels = round_pixels
        self.random_state = random_state

    @property
    def layout(self):
        return PatchLayout(self.patch_size, self.n_patches, self.round_pixels)

    def draw(self, X, sample_weight=None, **how):
        how = {"reset": not hasattr(self, "image_shape_"), **how}
        return self.layout.draw(self, X, sample_weight, **how)

    def fit(self, X):
        patches = self.draw(X, reset=True)
        self.rows_ = self.layout.read(self, patches, reset=True)
        return self

    def read(self, X):
        return self.layout.read(self, X, reset=False)

    def reconstruct(self, X):
        self.n_blocks_ = 0
        return self.layout.reconstruct(self, X)

    def _reconstruct(self, rows):
        self.n_blocks_ += 1
        assert rows.shape[1] == self.n_features_in_
        return rows + 0.25


def pictures(*sizes, n_channels=None, seed=0):
    """Smooth images of whole numbers from 0 to 200, of different sizes."""
    rng = np.random.default_rng(seed)
    result = []
    for height, width in sizes:
        y, x = np.mgrid[:height, :width][..., None]
        speed, start = rng.uniform(0.1, 0.6, (2, n_channels or 1)), rng.uniform(0, 6)
        image = 100 + 100 * np.sin(speed[0] * x + speed[1] * y + start)
        result.append(image.round() if n_channels else image[..., 0].round())
    return result


def message_of(function, *args, **kwargs):
    with pytest.raises(ValueError, match=r".") as error:
        function(*args, **kwargs)
    return str(error.value)


def as_objects(X):
    array = np.empty(len(X), dtype=object)
    for place, image in enumerate(X):
        array[place] = image
    return array


# -- drawing


@pytest.mark.parametrize("n_channels", [None, 1, 3])
@pytest.mark.parametrize("wrap", [list, tuple, as_objects])
def test_all_patches_of_few_images_are_drawn(wrap, n_channels):
    images = pictures((9, 7), (4, 5), n_channels=n_channels)
    patches = Estimator().draw(wrap(images))
    expected = [extract_patches_2d(image, (4, 4)) for image in images]
    channels = () if n_channels is None else (n_channels,)
    expected = np.concatenate(expected).reshape(-1, 4, 4, *channels)
    assert_array_equal(patches, expected)


@pytest.mark.parametrize("n_channels", [None, 1, 3])
def test_images_of_one_size_may_be_an_array(n_channels):
    images = pictures((9, 7), (9, 7), n_channels=n_channels)
    assert_array_equal(
        Estimator(n_patches=10).draw(np.array(images)),
        Estimator(n_patches=10).draw(images),
    )


def test_layouts_of_grey_images_may_be_mixed():
    first, second = pictures((9, 7), (8, 8))
    patches = Estimator().draw([first, second[..., None]])
    assert_array_equal(patches[..., 0], Estimator().draw([first, second]))


def test_the_number_of_patches():
    images = pictures((33, 17), (9, 7))
    n_places = 30 * 14 + 6 * 4
    for n_patches, expected in ((2, 2), (100, 100), (10_000, n_places)):
        assert len(Estimator(n_patches=n_patches).draw(images)) == expected
    assert len(Estimator().draw(images)) == n_places


@pytest.mark.parametrize(
    ("side", "n_channels", "expected"),
    [(8, 1, MAX_PATCHES), (16, 3, MAX_PATCHES), (64, 3, 5461), (10_000, 3, 2)],
)
def test_large_patches_are_fewer(side, n_channels, expected):
    n_patches = PatchLayout(side)._count_patches(n_channels)
    assert n_patches == expected
    assert n_patches == 2 or 4 * n_patches * n_channels * side**2 <= PATCH_BYTES


def test_a_random_state_decides_which_patches_are_drawn():
    images = pictures((33, 17), (20, 20))
    few = {"n_patches": 10}
    one = Estimator(random_state=1, **few).draw(images)
    assert_array_equal(Estimator(random_state=1, **few).draw(images), one)
    assert (Estimator(random_state=2, **few).draw(images) != one).any()


def test_a_random_state_instance_is_consumed_in_order():
    images = pictures((33, 17), (20, 20))
    state = np.random.RandomState(3)
    first, second = (
        Estimator(n_patches=10, random_state=state).draw(images) for _ in range(2)
    )
    assert (first != second).any()
    again = np.random.RandomState(3)
    for expected in (first, second):
        drawn = Estimator(n_patches=10, random_state=again).draw(images)
        assert_array_equal(drawn, expected)
    # Once for each draw, whatever the images are.
    once = np.random.RandomState(3)
    once.randint(2**31 - 1, size=2)
    assert state.randint(1000) == once.randint(1000)


def test_of_the_same_block_of_a_stream_other_patches_are_drawn():
    images = pictures((33, 17))
    first, later = (Estimator(n_patches=10).draw(images, n_seen=n) for n in (0, 10))
    assert (first != later).any()


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((bool, np.uint8), np.float32),
        ((np.float32, np.uint8), np.float32),
        ((np.float64, np.uint8), np.float64),
        ((np.int64, np.uint8), np.float64),
    ],
)
def test_precision(dtypes, expected):
    images = [
        image.astype(dtype)
        for image, dtype in zip(pictures((9, 7), (8, 8)), dtypes, strict=True)
    ]
    estimator = Estimator().fit(images)
    assert estimator.rows_.dtype == expected
    assert estimator.reconstruct(images)[0].dtype == expected


def test_the_images_given_are_left_alone():
    images = pictures((9, 7), (8, 8))
    before = [image.copy() for image in images]
    for image in images:
        image.flags.writeable = False
    Estimator().fit(images).reconstruct(images)
    for image, copy in zip(images, before, strict=True):
        assert_array_equal(image, copy)


# -- reconstructing


@pytest.mark.parametrize("n_channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("patch_size", [2, 3, 4])
def test_images_of_any_size_come_back_in_their_layout(patch_size, n_channels):
    images = pictures(*SIZES, n_channels=n_channels)
    estimator = Estimator(patch_size).fit(images[:1])
    assert estimator.image_shape_ == (patch_size, patch_size, n_channels or 1)
    back = estimator.reconstruct(images)
    assert type(back) is list
    for image, copy in zip(images, back, strict=True):
        assert copy.shape == image.shape
        assert_allclose(copy, image + 0.25)
        (alone,) = estimator.reconstruct(image[None])
        assert_array_equal(alone, copy)


LAYOUTS = {
    "list": list,
    "tuple": tuple,
    "objects": as_objects,
    "Fortran order": lambda X: [np.asfortranarray(image) for image in X],
    "negative strides": lambda X: [image[::-1, ::-1].copy()[::-1, ::-1] for image in X],
    "nested lists": lambda X: [image.tolist() for image in X],
    "bytes": lambda X: [image.astype(np.uint8) for image in X],
    "float32": lambda X: [image.astype(np.float32) for image in X],
    "grey with channels": lambda X: [image[..., None] for image in X],
    "numbers as objects": lambda X: [image.astype(object) for image in X],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_a_list(layout):
    images = pictures(*SIZES)
    estimator = Estimator().fit(LAYOUTS[layout](images))
    for image, copy in zip(
        images, estimator.reconstruct(LAYOUTS[layout](images)), strict=True
    ):
        assert_allclose(copy.reshape(image.shape), image + 0.25, rtol=1e-6)
    whole = np.array(pictures((9, 7), (9, 7)))
    back = estimator.reconstruct(np.asfortranarray(whole[::-1]))
    assert_allclose(back, whole[::-1] + 0.25)


def test_arrays_come_back_as_arrays():
    X = np.array(pictures((9, 7), (9, 7), (9, 7)))
    estimator = Estimator().fit(X)
    for array in (X, X[..., None]):
        back = estimator.reconstruct(array)
        assert isinstance(back, np.ndarray)
        assert back.shape == array.shape
        assert_allclose(back, array + 0.25)


def test_images_of_one_array_fill_blocks_together(monkeypatch):
    X = np.array(pictures(*[(4, 4)] * 30))
    estimator = Estimator().fit(X)
    estimator.reconstruct(X)
    assert estimator.n_blocks_ == 1
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 8)
    assert_allclose(estimator.reconstruct(list(X)), X + 0.25)
    assert estimator.n_blocks_ == 4


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2", "int64"])
def test_integers_are_rounded_where_asked_for(dtype):
    images = [image.astype(dtype) for image in pictures((9, 7), (8, 8))]
    estimator = Estimator(round_pixels=True).fit(images)
    for image, copy in zip(images, estimator.reconstruct(images), strict=True):
        assert copy.dtype == image.dtype.newbyteorder("=")
        assert_array_equal(copy, image)
    whole = np.array(images[:1])
    assert_array_equal(estimator.reconstruct(whole), whole)
    mixed = estimator.reconstruct([images[0], images[1].astype(float)])
    assert mixed[0].dtype.kind in "iu"
    assert_allclose(mixed[1], images[1] + 0.25)


# -- patches, everywhere else


@pytest.mark.parametrize("n_channels", [None, 3])
def test_patches_are_read_as_arrays_lists_and_rows(n_channels):
    images = pictures((9, 7), (8, 8), n_channels=n_channels)
    estimator = Estimator(n_patches=10).fit(images)
    patches = estimator.draw(images)
    rows = patches.reshape(10, -1)
    assert_array_equal(estimator.rows_, rows)
    for X in (patches, list(patches), tuple(patches), as_objects(patches), rows):
        assert_array_equal(estimator.read(X), rows)
    restored = estimator.layout.restore(estimator, rows)
    assert_array_equal(restored, patches)


PATCHES_HERE = (
    ", and with patch_size=4 Estimator takes patches here: of shape {}, or flattened "
    "to rows of {} columns. Cut them out with sklearn.feature_extraction.image."
    "extract_patches_2d. Whole images are for fit, partial_fit and reconstruct."
)
GREY, COLOUR = (
    PATCHES_HERE.format("(n, 4, 4)", 16),
    PATCHES_HERE.format("(n, 4, 4, 3)", 48),
)


@pytest.mark.parametrize(
    "shape", [(2, 9, 7), (2, 9, 7, 1), (2, 4, 5), (2, 3, 3), (9, 7), (4, 4), (1, 2, 3)]
)
def test_whole_images_are_refused_where_patches_are_wanted(shape):
    estimator = Estimator().fit(pictures((9, 7)))
    message = f"X has shape {shape}{GREY}"
    assert message_of(estimator.read, np.ones(shape)) == message
    assert message_of(estimator.read, np.ones(shape).tolist()) == message


def test_whole_images_of_several_sizes_are_refused_too():
    estimator = Estimator().fit(pictures((9, 7), n_channels=3))
    images = pictures((9, 7), (8, 8), n_channels=3)
    for X in (images, as_objects(images)):
        assert message_of(estimator.read, X) == (
            f"X holds images of several sizes{COLOUR}"
        )


def test_patches_of_other_channels_are_refused():
    estimator = Estimator().fit(pictures((9, 7), n_channels=3))
    assert message_of(estimator.read, np.ones((2, 4, 4))) == (
        "X holds images of shape (4, 4), but Estimator was fitted on images of shape "
        "(4, 4, 3). Give images of 3 channels."
    )


def test_pixels_of_patches_are_named():
    estimator = Estimator().fit(pictures((9, 7)))
    X = np.ones((3, 4, 4))
    X[1, 2, 3] = np.nan
    assert message_of(estimator.read, X).startswith(
        "Input X contains NaN in pixel (2, 3). "
    )


# -- what is wrong with whole images


def fitted_and_not():
    return Estimator().draw, Estimator().fit(pictures((9, 7))).reconstruct


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 9), (9, 3), (1, 1), (0, 5), (3, 9, 1)])
def test_images_smaller_than_a_patch(shape, place):
    images = pictures((9, 7), (9, 7), (9, 7))
    images[place] = np.ones(shape)
    for function in fitted_and_not():
        assert message_of(function, images) == (
            f"X[{place}] has {shape[0]}×{shape[1]} pixels, and patch_size=4 needs at "
            "least 4×4. Leave it out, pad it with numpy.pad(..., mode='reflect'), or "
            "fit with a smaller patch_size."
        )


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([1, 3], "X[1] has 3 channels, but X[0] has 1. "),
        ([3, 3, None], "X[2] has 1 channel, but X[0] has 3. "),
        ([3, 4], "X[1] has 4 channels, but X[0] has 3. "),
    ],
)
def test_different_numbers_of_channels(sizes, message):
    images = [pictures((9, 7), n_channels=n_channels)[0] for n_channels in sizes]
    for function in (Estimator().draw, Estimator().fit):
        assert message_of(function, images) == message + (
            "Give all images equally many: the mean over the last axis makes colours "
            "grey."
        )


@pytest.mark.parametrize("wrap", [list, np.array])
def test_another_number_of_channels_than_in_fit(wrap):
    estimator = Estimator().fit(pictures((9, 7)))
    colours = wrap(pictures((9, 7), n_channels=3))
    for function in (estimator.draw, estimator.reconstruct):
        assert message_of(function, colours) == (
            "X[0] has 3 channels, but Estimator was fitted on images of 1. Give all "
            "images equally many: the mean over the last axis makes colours grey."
        )


@pytest.mark.parametrize("wrap", [list, np.array])
def test_channels_first_is_refused_with_the_transposition(wrap):
    X = wrap([image.transpose(2, 0, 1) for image in pictures((9, 7), n_channels=3)])
    for function in fitted_and_not():
        assert message_of(function, X) == (
            "X[0] has shape (3, 9, 7), which looks like channels first, and Estimator "
            "takes channels last. Transpose the axes: an image's with .transpose(1, 2, "
            "0), an array's of images with .transpose(0, 2, 3, 1)."
        )


def test_low_images_with_the_channels_of_fit_are_no_channels_first():
    images = [np.ones((9, 9, 5)), np.ones((4, 9, 5))]
    assert len(Estimator().fit(images[:1]).reconstruct(images)) == 2


WHOLE_HERE = (
    ", and with patch_size=4 Estimator takes whole images here, of shape (n, height, "
    "width) or (n, height, width, n_channels), or a list of them. "
)
FLAT = (
    "An image alone is X[np.newaxis]; flattened images are X.reshape(-1, height, "
    "width), or X.reshape(-1, height, width, n_channels)."
)


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame, sparse.csr_array])
def test_rows_and_images_alone_are_refused(wrap):
    # Which of both they are nobody knows: of 16 columns they could be flat patches.
    X = wrap(np.ones((16, 16)))
    for function in fitted_and_not():
        assert message_of(function, X) == f"X has shape (16, 16){WHOLE_HERE}{FLAT}"


@pytest.mark.parametrize("X", [None, 3.0, np.ones(4), np.ones((2,) * 5)])
def test_what_is_no_array_of_images_is_refused(X):
    for function in fitted_and_not():
        assert message_of(function, X) == (
            f"X has shape {np.shape(X)}{WHOLE_HERE}"
            "Images of different sizes are a list of arrays."
        )


def test_a_colour_image_alone_is_refused():
    for function in fitted_and_not():
        assert message_of(function, np.ones((30, 20, 3))) == (
            "X has shape (30, 20, 3): 30 images of 20×3 pixels, smaller than "
            "patch_size=4. If it is one image in colours, give X[np.newaxis]."
        )


@pytest.mark.parametrize("X", [[], (), np.ones((0, 9, 7)), as_objects([])])
def test_no_images(X):
    for function in fitted_and_not():
        assert message_of(function, X) == (
            "X holds no images, and Estimator needs at least one."
        )


@pytest.mark.parametrize(
    ("image", "what"),
    [
        ("photo.png", "of dtype <U9"),
        (np.ones((9, 7), dtype=complex), "of dtype complex128"),
        ([["a", 1.0]], "of dtype <U32"),
        (np.full((9, 7), "a", dtype=object), "no array of numbers"),
        ([[1.0, 2.0], [3.0]], "no array of numbers"),
        ({"image": 1}, "no array of numbers"),
    ],
)
def test_what_is_no_image_is_refused(image, what):
    for function in fitted_and_not():
        assert message_of(function, [np.ones((9, 7)), image]) == (
            f"X[1] is {what}, and images are arrays of real numbers. Convert it, or "
            "leave it out."
        )


@pytest.mark.parametrize("image", [1.0, [1.0, 2.0], np.ones((1, 9, 7, 1))])
def test_images_of_other_dimensions_are_refused(image):
    for function in fitted_and_not():
        assert message_of(function, [np.ones((9, 7)), image]) == (
            f"X[1] has shape {np.shape(image)}, and Estimator takes images of shape "
            "(height, width) or (height, width, n_channels). Reshape it."
        )


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize("n_channels", [None, 3])
def test_pixels_that_are_not_finite_are_named(n_channels, value, word):
    images = pictures((9, 7), (33, 17), n_channels=n_channels)
    images[1][20, 4] = images[1][30, 6] = value
    # Also where no patch would show them.
    for function in (
        Estimator(n_patches=2).draw,
        Estimator().fit(images[:1]).reconstruct,
    ):
        assert message_of(function, images).startswith(
            f"Input X contains {word} in image 1, pixel (20, 4) and 1 other. Estimator "
        )


def test_weights_are_refused():
    assert message_of(Estimator().draw, pictures((9, 7)), np.ones(1)) == (
        "sample_weight has one weight for each image, and with patch_size=4 Estimator "
        "trains on patches of them. Leave it out; or draw patches yourself and weigh "
        "these, with patch_size=None."
    )


def test_patches_of_another_size_cannot_go_on():
    estimator = Estimator().fit(pictures((9, 7))).set_params(patch_size=5)
    assert message_of(estimator.draw, pictures((9, 7))) == (
        "patch_size=5 differs from the patches of 4×4 pixels with which this Estimator "
        "was fitted, and cannot change where training goes on. Fit a new one, or set "
        "it back."
    )
    assert len(estimator.draw(pictures((9, 7)), reset=True)) == 15


# -- estimators


@pytest.fixture(scope="module")
def images():
    return pictures((33, 17), (20, 24), (9, 8))


@pytest.fixture(scope="module")
def fitted(images):
    return ConvolutionalAutoencoder(3, patch_size=6, **FAST).fit(images)


def test_the_rows_of_a_fit_are_patches(images, fitted):
    assert fitted.image_shape_ == (6, 6, 1)
    assert fitted.n_features_in_ == 36
    assert fitted.training_scores_.shape == (60,)
    assert fitted.transform(np.ones((5, 6, 6))).shape == (5, 3)
    assert fitted.inverse_transform(np.zeros((5, 3))).shape == (5, 6, 6)
    patches = extract_patches_2d(images[0], (6, 6))
    # Untrained, on all patches, it is PCA of these.
    model = ConvolutionalAutoencoder(3, patch_size=6, max_epochs=0).fit(images[:1])
    assert_allclose(model.mean_, patches.reshape(len(patches), -1).mean(axis=0))


def test_a_fit_repeats(images, fitted):
    again = clone(fitted).fit(images)
    for one, other in zip(
        fitted.reconstruct(images), again.reconstruct(images), strict=True
    ):
        assert_array_equal(one, other)
    twin = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(twin.reconstruct(images)[1], again.reconstruct(images)[1])
    # A fit after a fit draws the patches of the first, too.
    again.fit(images)
    assert_array_equal(twin.mean_, again.mean_)


def test_patches_are_reconstructed_as_they_are_decoded(images, fitted):
    patches = extract_patches_2d(images[0], (6, 6))[:50]
    decoded = fitted.inverse_transform(fitted.transform(patches))
    assert_allclose(fitted.reconstruct(patches), decoded, rtol=1e-9)


def test_whole_images_are_reconstructed_well_and_without_seams():
    (X,) = pictures((40, 40), seed=3)
    model = ConvolutionalAutoencoder(6, patch_size=8, max_epochs=0, n_patches=500)
    (back,) = model.fit([X]).reconstruct([X])
    assert np.square(back - X).sum() < 0.01 * np.square(X - X.mean()).sum()
    cells = X.reshape(5, 8, 5, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    single = model.reconstruct(cells).reshape(5, 5, 8, 8).swapaxes(1, 2)
    # Tiles side by side lose at least as much, and more at their seams.
    assert np.square(back - X).sum() < np.square(single.reshape(40, 40) - X).sum()


def test_a_denoiser_of_whole_images(images):
    model = DenoisingAutoencoder(
        network=ConvolutionalNetwork(patch_size=6, n_patches=150, channels=(4,)),
        corruption="gaussian",
        noise_scale=0.4,
        max_epochs=2,
        random_state=0,
    ).fit(images)
    rng = np.random.default_rng(0)
    noisy = [image + 25 * rng.normal(size=image.shape) for image in images]
    before, after = (
        sum(np.square(x - image).sum() for x, image in zip(X, images, strict=True))
        for X in (noisy, model.reconstruct(noisy))
    )
    assert after < 0.4 * before
    patches = extract_patches_2d(images[0], (6, 6))[:9]
    assert model.corrupt(patches).shape == patches.shape
    assert "takes patches here" in message_of(model.corrupt, images)


@pytest.mark.parametrize(
    "kind", [Autoencoder, SparseAutoencoder, VariationalAutoencoder]
)
def test_any_estimator_takes_patches(kind, images):
    network = ConvolutionalNetwork(patch_size=6, n_patches=40, channels=(4,))
    model = kind(3, network=network, max_epochs=1, random_state=0).fit(images)
    assert [image.shape for image in model.reconstruct(images)] == [
        image.shape for image in images
    ]
    patches = extract_patches_2d(images[0], (6, 6))[:9]
    assert model.transform(patches).shape == (9, 3)
    assert model.score_samples(patches.reshape(9, -1)).shape == (9,)
    if kind is VariationalAutoencoder:
        assert model.sample(2).shape == (2, 6, 6)


@pytest.mark.parametrize(
    "method", ["transform", "score", "score_samples", "decision_function", "predict"]
)
def test_methods_that_take_patches_refuse_whole_images(method, images, fitted):
    message = message_of(getattr(fitted, method), images)
    assert message.startswith(
        "X holds images of several sizes, and with patch_size=6 "
        "ConvolutionalAutoencoder takes patches here: of shape (n, 6, 6), "
    )
    assert "extract_patches_2d" in message
    assert getattr(fitted, method)(np.ones((4, 6, 6))) is not None


def test_a_stream_of_images(images):
    model = ConvolutionalAutoencoder(3, patch_size=6, **FAST)
    seen = []
    draw = PatchLayout.draw

    def spy(self, *args, **kwargs):
        seen.append(draw(self, *args, **kwargs))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PatchLayout, "draw", spy)
        for block in (images, images, images[:1]):
            model.partial_fit(block)
    assert model.n_epochs_ == 3
    assert [len(patches) for patches in seen] == [60, 60, 60]
    assert (seen[0] != seen[1]).any()
    assert model.reconstruct(images)[2].shape == (9, 8)


def test_training_goes_on_with_a_warm_start(images):
    model = ConvolutionalAutoencoder(3, patch_size=6, warm_start=True, **FAST)
    model.fit(images).fit(images)
    before = dict(vars(model))
    message = message_of(model.set_params(patch_size=5).fit, images)
    assert message.startswith("patch_size=5 differs from the patches of 6×6 pixels")
    model.set_params(patch_size=6)
    assert vars(model) == before


def test_images_in_bytes_and_in_colours():
    images = [
        image.astype(np.uint8) for image in pictures((12, 10), (9, 14), n_channels=3)
    ]
    model = ConvolutionalAutoencoder(3, patch_size=5, round_pixels=True, **FAST)
    back = model.fit(images).reconstruct(images)
    for image, copy in zip(images, back, strict=True):
        assert copy.dtype == np.uint8
        assert copy.shape == image.shape
        error = np.square(copy - image.astype(float)).mean()
        assert error < 0.5 * image.astype(float).var()


def test_reconstructing_needs_a_fit(images):
    with pytest.raises(NotFittedError):
        ConvolutionalAutoencoder(patch_size=6).reconstruct(images)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda X: {"X": X, "sample_weight": np.ones(len(X))},
        lambda X: {"X": [*X, np.ones((5, 9))]},
        lambda X: {"X": [*X, np.full((9, 9), np.nan)]},
        lambda X: {"X": [*X, np.ones((9, 9, 3))]},
        lambda X: {"X": X[0]},
        lambda X: {"X": X[0][None, :6, :6]},
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_nothing_is_fitted_after_an_error(method, spoil, images):
    model = ConvolutionalAutoencoder(3, patch_size=6, **FAST)
    before = dict(vars(model))
    message_of(getattr(model, method), **spoil(images))
    assert vars(model) == before
