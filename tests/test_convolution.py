"""The convolutional network as a choice of any estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_ae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae._convolution import check_channels, check_image_shape, check_patches
from sklearn_ae._images import ImageLayout
from sklearn_ae._patches import PatchLayout

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

KINDS = [Autoencoder, DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder]


def pictures(height=9, width=7, n_channels=None, n=24):
    """Images of whole numbers from 0 to 100, of two waves."""
    rng = np.random.default_rng(height + width)
    y, x = np.mgrid[:height, :width] / 5
    start, strength = rng.uniform(0, 6, n), rng.uniform(10, 45, (n, n_channels or 1))
    waves = np.sin(start[:, None, None] + x + y**2)[..., None]
    images = np.rint(
        50 + strength[:, None, None] * waves + rng.uniform(0, 5, waves.shape)
    )
    return images if n_channels else images[..., 0]


def network(**params):
    return ConvolutionalNetwork(**{"channels": (4,), **params})


def autoencoder(kind=Autoencoder, max_epochs=2, **params):
    return kind(3, network=network(**params), max_epochs=max_epochs, random_state=0)


def message_of(function, *args, **kwargs):
    with pytest.raises(ValueError, match=r".") as error:
        function(*args, **kwargs)
    return str(error.value)


class Memory(Callback):
    """Write down what Adam remembers while it is trained with."""

    seen = []

    def on_epoch_end(self, net, **kwargs):
        self.seen.append(net.optimizer_.param_groups[0]["betas"][1])


# -- parameters


@pytest.mark.parametrize(
    "shape", [None, (8, 8), [8, 8], (9, 7, 3), (-1, 8), (8, -1, 3), (8, 8, -1), (1, 1)]
)
def test_shapes_of_images(shape):
    assert check_image_shape(shape) is None


@pytest.mark.parametrize(
    "shape",
    [
        (),
        (8,),
        (8, 8, 3, 1),
        (8.0, 8),
        ("8", "8"),
        (0, 8),
        (-2, 8),
        (-1, -1),
        (8, None),
        ((8, 8), 3),
        [8, np.nan],
    ],
)
def test_what_is_no_shape_of_images(shape):
    expected = (
        f"image_shape={shape!r} must be (height, width) or (height, width, "
        "n_channels), of positive integers of which one may be -1."
    )
    assert message_of(check_image_shape, shape) == expected
    X = pictures()
    assert message_of(autoencoder(image_shape=shape).fit, X) == expected
    assert message_of(ConvolutionalAutoencoder(image_shape=shape).fit, X) == expected


@pytest.mark.parametrize("channels", ["auto", (), (1,), [4, 8], np.array([4, 8])])
def test_numbers_of_channels(channels):
    assert check_channels(channels) is None


@pytest.mark.parametrize(
    "channels", [(0,), (4.0,), (4, -1), ("a",), [None], [[4, 8]], np.array([0.5])]
)
def test_what_are_no_numbers_of_channels(channels):
    expected = (
        f"channels={channels!r} must be 'auto' or hold positive integers, one for each "
        "halving of the image's sides, such as (24, 48)."
    )
    assert message_of(check_channels, channels) == expected
    assert message_of(autoencoder(channels=channels).fit, pictures()) == expected


@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ({"image_shape": 8}, "an instance of 'tuple', an instance of 'list' or None"),
        ({"channels": 4}, "an array-like or a str among {'auto'}. Got 4"),
        ({"channels": "many"}, "an array-like or a str among {'auto'}. Got 'many'"),
        ({"n_blocks": -1}, "an int in the range [0, inf). Got -1"),
        ({"n_blocks": 1.5}, "an int in the range [0, inf). Got 1.5"),
        ({"hidden_layer_sizes": 0}, "[1, inf) or a str among {'auto'}. Got 0"),
        ({"activation": "linear"}, "a str among {"),
        ({"round_pixels": "yes"}, "an instance of 'bool'"),
        ({"patch_size": 1}, "an int in the range [2, inf) or None. Got 1"),
        ({"patch_size": 4.0}, "an int in the range [2, inf) or None. Got 4.0"),
        ({"patch_size": "auto"}, "an int in the range [2, inf) or None. Got 'auto'"),
        ({"patch_size": (4, 4)}, "an int in the range [2, inf) or None. Got (4, 4)"),
        ({"n_patches": 1}, "an int in the range [2, inf) or a str among {'auto'}."),
        ({"n_patches": None}, "an int in the range [2, inf) or a str among {'auto'}."),
    ],
)
def test_parameters_out_of_range(params, rule):
    (name,) = params
    for estimator, owner in (
        (autoencoder(**params), "ConvolutionalNetwork"),
        (ConvolutionalAutoencoder(**params), "ConvolutionalAutoencoder"),
    ):
        message = message_of(estimator.fit, pictures())
        assert message.startswith(f"The '{name}' parameter of {owner} must be ")
        assert rule in message


def test_a_shape_and_a_size_of_patches_exclude_each_other():
    expected = (
        "image_shape=(9, 7) cannot be given with patch_size=4, which takes images of "
        "any size from their arrays. Leave image_shape out, and give flattened images "
        "as X.reshape(-1, height, width), or with n_channels as fourth."
    )
    assert message_of(check_patches, 4, (9, 7)) == expected
    params = {"image_shape": (9, 7), "patch_size": 4}
    assert message_of(autoencoder(**params).fit, pictures()) == expected
    model = ConvolutionalAutoencoder(**params)
    assert message_of(model.partial_fit, pictures()) == expected
    assert check_patches(4, None) is check_patches(None, (9, 7)) is None


@pytest.mark.parametrize("kind", ["convolutional", ConvolutionalNetwork, None, 3])
def test_a_network_is_given_as_an_object(kind):
    message = message_of(Autoencoder(network=kind).fit, pictures())
    assert message.startswith("The 'network' parameter of Autoencoder must be a str ")


# -- what follows from the parameters


def test_the_layout_follows_the_size_of_patches():
    layout = network(image_shape=(9, -1), round_pixels=True).layout
    assert type(layout) is ImageLayout
    assert layout.image_shape == (9, -1)
    assert layout.round_pixels
    layout = network(patch_size=np.int64(5), n_patches=7, round_pixels=True).layout
    assert type(layout) is PatchLayout
    assert (layout.patch_size, layout.n_patches) == (5, 7)
    assert type(layout.patch_size) is int
    assert layout.round_pixels


@pytest.mark.parametrize(
    ("sides", "n_halvings"),
    [((1, 1), 0), ((2, 1), 1), ((8, 8), 3), ((9, 7), 4), ((5, 21), 5), ((33, 17), 6)],
)
def test_images_too_small_for_the_channels(sides, n_halvings):
    row_shape = (*sides, 1)
    assert network(channels=(4,) * n_halvings).check_shape(row_shape) is None
    channels = (4,) * (n_halvings + 1)
    assert message_of(network(channels=channels).check_shape, row_shape) == (
        f"channels={channels} halves the sides {n_halvings + 1} times, and images of "
        f"{sides[0]}×{sides[1]} pixels allow {n_halvings}. Give fewer channels, or "
        "'auto'."
    )


@pytest.mark.parametrize("sides", [(1, 1), (1, 2), (7, 9), (8, 8), (33, 17), (500, 3)])
def test_auto_channels_fit_any_image(sides):
    assert network(channels="auto").check_shape((*sides, 3)) is None
    branches = network(channels="auto").branches((*sides, 3), 100)
    assert branches["image_shape"] == (*sides, 3)
    assert (len(branches["channels"]) > 0) == (max(sides) > 1)


@pytest.mark.parametrize("corruption", [None, "masking"])
@pytest.mark.parametrize("kind", KINDS)
def test_maps_of_corrupted_images_are_wide(kind, corruption):
    wanted = "swap" if kind is DenoisingAutoencoder and not corruption else corruption
    model = autoencoder(kind, max_epochs=1, channels="auto")
    model.set_params(corruption=wanted).fit(pictures(17, 9))
    channels = model.net_.module_.arguments["branches"]["channels"]
    assert channels == ((32, 64) if wanted else (16, 32))


def test_branches_are_plain_values():
    branches = network(channels=np.array([4, 8]), n_blocks=np.int64(2)).branches(
        (9, 7, 1), 100
    )
    assert branches["channels"] == (4, 8)
    assert all(type(count) is int for count in branches["channels"])
    assert type(branches["n_blocks"]) is int
    assert branches["kind"] == "convolutional"


# -- units


def scaled(X, weight=None):
    rows = X.reshape(len(X), -1)
    weight = np.ones(len(X)) if weight is None else weight
    scaling, variance = network().fit_scaling(rows, weight, X.shape[1:])
    shape = X.shape[1:]
    return (part.reshape(shape) for part in (scaling.mean, scaling.std, variance))


def test_pixels_of_a_channel_have_one_unit():
    X = np.random.default_rng(0).normal(size=(50, 4, 3, 2)) * [1.0, 100.0]
    X[:, 0] *= 0.01
    mean, std, variance = scaled(X)
    assert_allclose(mean, X.mean(axis=0))
    assert_allclose(variance, X.var(axis=0))
    assert_allclose(
        std, np.broadcast_to(np.sqrt(X.var(axis=0).mean((0, 1))), (4, 3, 2))
    )


def test_units_follow_the_weights():
    X = np.random.default_rng(0).normal(size=(6, 4, 3, 2))
    counts = np.array([1, 2, 3, 1, 1, 2])
    for one, other in zip(
        scaled(X, counts.astype(float)), scaled(X.repeat(counts, axis=0)), strict=True
    ):
        assert_allclose(one, other)


def test_a_channel_that_never_varies_has_a_unit_of_one():
    X = np.random.default_rng(0).normal(size=(50, 4, 3, 2)) * [0.0, 5.0] + 7.0
    mean, std, variance = scaled(X)
    assert_allclose(mean[..., 0], 7.0)
    assert (std[..., 0] == 1).all()
    assert (variance[..., 0] == 0).all()
    assert std[0, 0, 1] == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("hold_out", [True, False])
def test_constant_pixels_and_channels_come_back(hold_out):
    """The loss does not see them, and convolutions that are trained answer there."""
    X = pictures(n_channels=3)
    X[..., 1], X[:, 0, 0] = 7, 3
    # Where nothing is held out, training is not undone.
    model = Autoencoder(
        3,
        network=network(),
        max_epochs=5,
        early_stopping=hold_out,
        random_state=0,
    )
    back = model.fit(X).reconstruct(X)
    assert_allclose(back[..., 1][:, 1:], 7, atol=1e-9)
    assert_allclose(back[:, 0, 0], 3, atol=1e-9)


# -- any estimator


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def fitted(request):
    return autoencoder(request.param).fit(pictures())


def test_images_in_images_out(fitted):
    X = pictures()
    assert fitted.image_shape_ == (9, 7, 1)
    assert fitted.n_features_in_ == 63
    codes = fitted.transform(X)
    assert codes.shape == (24, 3)
    back = fitted.reconstruct(X)
    assert back.shape == X.shape
    assert_allclose(fitted.inverse_transform(codes), back, rtol=1e-6)
    assert np.isfinite(fitted.score(X))
    assert set(fitted.predict(X)) <= {-1, 1}


CODED_ALIKE = {
    "channels": lambda X: X[..., None],
    "rows": lambda X: X.reshape(len(X), -1),
    "sparse rows": lambda X: sparse.csr_array(X.reshape(len(X), -1)),
    "table": lambda X: pd.DataFrame(X.reshape(len(X), -1)),
    "list": list,
    "nested lists": lambda X: X.tolist(),
    "int": lambda X: X.astype(int),
    "uint8": lambda X: X.astype(np.uint8),
    "float32": lambda X: X.astype(np.float32),
    "Fortran order": np.asfortranarray,
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
}


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("layout", CODED_ALIKE)
def test_the_same_codes_whatever_the_layout(fitted, layout):
    X = pictures()
    other = CODED_ALIKE[layout](X)
    codes, scores = fitted.transform(X), fitted.score_samples(X)
    small = layout in ("uint8", "float32")
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if small else {"rtol": 1e-12}
    assert fitted.transform(other).dtype == (np.float32 if small else np.float64)
    assert_allclose(fitted.transform(other), codes, **tolerance)
    assert_allclose(fitted.score_samples(other), scores, rtol=1e-6)
    back = fitted.reconstruct(other)
    assert back.shape == np.shape(other)
    assert_allclose(
        back.reshape(X.shape), fitted.reconstruct(X), rtol=1e-4 if small else 1e-9
    )


def test_pickles_and_clones(fitted):
    X = pictures()
    twin = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(twin.reconstruct(X), fitted.reconstruct(X))
    again = clone(fitted)
    assert again.network is not fitted.network
    assert_array_equal(again.fit(X).transform(X), fitted.transform(X))


def test_a_search_over_the_channels(fitted):
    X = pictures(n=20)
    grid = {"network__channels": [(2,), (2, 4)]}
    search = GridSearchCV(clone(fitted).set_params(max_epochs=1), grid, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    assert best.network.channels == search.best_params_["network__channels"]
    assert best.reconstruct(X).shape == X.shape


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("sides", [(9, 7), (8, 8), (2, 2), (1, 5)])
def test_sizes_and_channels(sides, n_channels):
    X = pictures(*sides, n_channels=n_channels, n=12).astype(np.uint8)
    model = autoencoder(channels="auto", round_pixels=True, max_epochs=1)
    back = model.fit(X).reconstruct(X)
    assert back.shape == X.shape
    assert back.dtype == np.uint8
    assert model.transform(X).shape == (12, model.n_components_)
    assert np.isfinite(model.score(X))


def test_larger_images_in_colours():
    X = pictures(33, 17, n_channels=3, n=6)
    model = ConvolutionalAutoencoder(2, channels=(2, 2), max_epochs=1).fit(X)
    assert model.reconstruct(X).shape == X.shape


@pytest.mark.parametrize(("kind", "beta2"), [(None, 0.98), ("gaussian", 0.999)])
def test_adam_remembers_longer_where_images_are_corrupted(kind, beta2):
    Memory.seen.clear()
    model = autoencoder(max_epochs=1).set_params(corruption=kind, callbacks=[Memory()])
    model.fit(pictures())
    assert Memory.seen == [beta2]
    again = pickle.loads(pickle.dumps(model.set_params(callbacks=None)))
    assert again.net_.optimizer_.param_groups[0]["betas"][1] == beta2
    stream = autoencoder().set_params(corruption=kind, callbacks=[Memory()])
    stream.partial_fit(pictures()).partial_fit(pictures())
    assert Memory.seen == [beta2] * 3


@pytest.mark.parametrize(
    ("n_distinct", "is_corrupted", "rate"),
    [(2000, False, 0.003), (2000, True, 0.001), (99, False, 0.001), (99, True, 0.001)],
)
def test_corrupted_images_are_learned_more_slowly(n_distinct, is_corrupted, rate):
    assert ConvolutionalNetwork().learning_rate(n_distinct, is_corrupted) == rate


@pytest.mark.parametrize(
    ("estimator", "decay"),
    [
        (Autoencoder(2, network=ConvolutionalNetwork()), 0.1),
        (Autoencoder(2, network=ConvolutionalNetwork(), weight_decay=0.3), 0.3),
        (SparseAutoencoder(network=ConvolutionalNetwork()), 0.0),
        (Autoencoder(2), 0.0),
    ],
)
def test_weight_decay_is_for_convolutions(estimator, decay):
    X = pictures() if estimator.network != "dense" else pictures()[:, 0]
    net = estimator.set_params(max_epochs=0).fit(X).net_
    assert net.optimizer_.param_groups[0]["weight_decay"] == decay


def test_weights_of_images():
    X, counts = pictures(n=12), np.tile([1, 2], 6)
    params = {"max_epochs": 0, "channels": (2,)}
    weighted = autoencoder(**params).fit(X, sample_weight=counts)
    repeated = autoencoder(**params).fit(X.repeat(counts, axis=0))
    assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-6)


def test_images_in_a_frame_keep_their_names():
    X = pictures().reshape(24, -1)
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(63)])
    model = autoencoder(image_shape=(9, -1), max_epochs=0).fit(frame)
    assert model.feature_names_in_[-1] == "p62"
    assert model.image_shape_ == (9, 7, 1)
    assert model.reconstruct(frame).shape == (24, 63)


# -- errors


def spoilt(value):
    X = pictures()
    X[3, 2, 4] = value
    return X


@pytest.mark.parametrize(
    ("X", "params", "message"),
    [
        (spoilt(np.nan), {}, "Input X contains NaN in pixel (2, 4). "),
        (spoilt(np.inf), {}, "Input X contains infinity in pixel (2, 4). "),
        (pictures()[:1], {}, "Found array with 1 sample(s)"),
        (pictures(2, 2), {"channels": (4, 4)}, "channels=(4, 4) halves the sides 2 "),
        (pictures(), {"image_shape": (7, 9)}, "X holds images of shape (9, 7), but "),
        ([*pictures()[:3], np.ones((8, 8))], {}, "X holds images of different shapes"),
        (pictures()[:, None], {}, "X has shape (24, 1, 9, 7), which looks like "),
        (pictures(n_channels=3), {"image_shape": (9, 7)}, "X holds images of shape "),
        (pictures() * 1e200, {}, "Input X has values whose squares exceed the range"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_nothing_is_fitted_after_an_error(method, X, params, message):
    model = autoencoder(**params)
    before = dict(vars(model))
    assert message_of(getattr(model, method), X).startswith(message)
    assert vars(model) == before


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score", "predict"])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (spoilt(np.nan), "Input X contains NaN in pixel (2, 4). "),
        (pictures(8, 8), "X holds images of shape (8, 8), but "),
        (pictures(n_channels=3), "X holds images of shape (9, 7, 3), but "),
        (pictures(n_channels=1).transpose(0, 3, 1, 2), "X has shape (24, 1, 9, 7), wh"),
        (pictures()[0], "X has 7 features, but "),
        (pictures()[:, :, :6].reshape(24, -1), "X has 54 features, but "),
    ],
)
def test_images_of_another_shape_after_the_fit(fitted, method, X, message):
    before = dict(vars(fitted))
    assert message_of(getattr(fitted, method), X).startswith(message)
    assert vars(fitted) == before


def test_another_network_cannot_go_on():
    model = autoencoder().set_params(warm_start=True).fit(pictures())
    model.set_params(network__n_blocks=1)
    message = message_of(model.fit, pictures())
    assert message.startswith("network=")
    assert "cannot change where training goes on" in message
