"""Rows and images as bytes, and back."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder
from sklearn_ae import _compression as compression
from sklearn_ae._byte_format import pack, unpack
from sklearn_ae._codec import CodeModel
from sklearn_ae._compression import learn_code_model
from sklearn_ae.training import LazyRows

N_CORRUPTIONS = 1000

FAST = {"max_epochs": 2, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def rows():
    return load_digits().data


@pytest.fixture(scope="module")
def images():
    return load_digits().images


@pytest.fixture(scope="module")
def dense(rows):
    return Autoencoder(6, hidden_layer_sizes=16, **FAST).fit(rows[:1200])


@pytest.fixture(scope="module")
def convolutional(images):
    return ConvolutionalAutoencoder(6, channels=(8,), **FAST).fit(images[:1200])


@pytest.fixture(params=["dense", "convolutional"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def images_or_rows(model, images, rows):
    """What the model was fitted to, and more."""
    return images if isinstance(model, ConvolutionalAutoencoder) else rows


def same(first, second):
    """Whether arrays are equal to the last bit, and of one shape and dtype."""
    return (
        first.shape == second.shape
        and first.dtype == second.dtype
        and first.tobytes() == second.tobytes()
    )


# -- there and back


@pytest.mark.parametrize("bits", [1, 2, 6, 16])
@pytest.mark.parametrize("n_rows", [1, 2, 300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_come_back_as_their_rounded_codes_decoded(
    dense, rows, bits, n_rows, dtype
):
    X = rows[1200 : 1200 + n_rows].astype(dtype)
    data = dense.compress(X, bits=bits)
    assert type(data) is bytes
    codes = dense.quantize(X, bits=bits)
    assert (codes.shape, codes.dtype) == ((n_rows, 6), dtype)
    rebuilt = dense.decompress(data)
    assert same(rebuilt, dense.inverse_transform(codes))
    assert (rebuilt.shape, rebuilt.dtype) == ((n_rows, 64), dtype)


LAYOUTS = {
    "images": lambda X: X,
    "channels": lambda X: X[..., None],
    "flat": lambda X: X.reshape(-1, 64),
    "lists": lambda X: X.tolist(),
    "one": lambda X: X[:1],
    "frame": lambda X: pd.DataFrame(X.reshape(-1, 64)),
}


@pytest.mark.parametrize("bits", [1, 6, 16])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_come_back_in_their_layout(convolutional, images, layout, dtype, bits):
    X = LAYOUTS[layout](images[1200:1230].astype(dtype))
    rebuilt = convolutional.decompress(convolutional.compress(X, bits=bits))
    decoded = convolutional.inverse_transform(convolutional.quantize(X, bits=bits))
    assert rebuilt.shape == np.shape(X)
    assert same(rebuilt, decoded.reshape(np.shape(X)))
    assert rebuilt.dtype == convolutional.reconstruct(X).dtype


def test_flat_training_images_of_colours():
    X = np.random.default_rng(0).uniform(size=(60, 8, 6, 3))
    flat = ConvolutionalAutoencoder(2, image_shape=(8, -1, 3), **FAST)
    flat.fit(X.reshape(60, -1))
    for given in (X, X.reshape(60, -1), X.astype(np.float32)):
        rebuilt = flat.decompress(flat.compress(given))
        assert (rebuilt.shape, rebuilt.dtype) == (given.shape, given.dtype)


def test_pixels_are_rounded_where_asked_for(images):
    model = ConvolutionalAutoencoder(6, channels=(8,), round_pixels=True, **FAST)
    model.fit(images[:400].astype(np.uint8))
    whole = model.decompress(model.compress(images[400:410].astype(np.int16)))
    parts = model.decompress(model.compress(images[400:410]))
    assert (whole.dtype, parts.dtype) == (np.int16, np.float64)
    assert_allclose(whole, parts, atol=0.51)
    assert np.abs(parts - np.rint(parts)).max() > 0.1


def test_patches_are_compressed_as_images(images):
    model = ConvolutionalAutoencoder(4, patch_size=4, n_patches=500, **FAST)
    model.fit(images[:100])
    X = images[:20, 2:6, 2:6]
    assert model.decompress(model.compress(X)).shape == (20, 4, 4)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, sparse.csr_array, list])
def test_tables_come_back_as_rows(rows, kind):
    dense = Autoencoder(3, hidden_layer_sizes=8, **FAST).fit(kind(rows[:200]))
    X = kind(rows[200:240])
    assert same(
        dense.decompress(dense.compress(X)),
        dense.inverse_transform(dense.quantize(X)),
    )


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_codes_set_to_frames_are_compressed_alike(dense, rows, output):
    frames = pickle.loads(pickle.dumps(dense)).set_output(transform=output)
    X = rows[:40].astype(np.float32)
    assert frames.compress(X) == dense.compress(X)
    assert same(frames.quantize(X), dense.quantize(X))


def test_sparse_rows_are_compressed_as_dense_ones(dense, rows):
    assert dense.compress(sparse.csr_array(rows[:50])) == dense.compress(rows[:50])


@pytest.mark.parametrize("X", [np.ones((30, 4)), np.zeros((30, 4))])
def test_rows_all_alike(X):
    model = Autoencoder(2, **FAST).fit(X)
    data = model.compress(X)
    assert_allclose(model.decompress(data), X)
    assert len(data) < 48


def test_a_component_without_spread(rows):
    X = rows[:200] * [1, *[0] * 5, *[1] * 3, *[0] * 55]
    model = Autoencoder(8, hidden_layer_sizes=8, **FAST).fit(X)
    assert (model._code_model.std < 1e-9).any()
    assert_allclose(model.decompress(model.compress(X, bits=16)), X, atol=1e-2)


def test_far_outliers_come_back(dense, rows):
    X = rows[:5] * 1e4
    codes, rounded = dense.transform(X), dense.quantize(X)
    step = dense._code_model.step(6)
    assert np.abs(rounded - codes).max() <= step / 2 * (1 + 1e-6)
    rebuilt = dense.decompress(dense.compress(X))
    assert same(rebuilt, dense.inverse_transform(rounded))


def test_rows_too_far_out(dense, rows):
    X = rows[:5] * [[1], [1], [1e12], [1], [1]]
    for method in (dense.compress, dense.quantize):
        with pytest.raises(ValueError, match=r"The code of row 2 is .* fewer bits"):
            method(X, bits=16)


# -- sizes and errors


def test_more_bits_make_more_bytes_and_smaller_errors(model, images_or_rows):
    X = images_or_rows[1200:]
    bits = range(1, 11)
    sizes = [len(model.compress(X, bits=b)) for b in bits]
    codes = model.transform(X)
    errors = [np.square(model.quantize(X, bits=b) - codes).mean() for b in bits]
    lost = [
        np.square(model.decompress(model.compress(X, bits=b)) - X).mean()
        for b in (1, 3, 5, 10)
    ]
    assert (np.diff(sizes) > 0).all()
    assert (np.diff(errors) < 0).all()
    assert (np.diff(lost) < 0).all()
    kept = np.square(model.inverse_transform(codes) - X).mean()
    assert lost[-1] == pytest.approx(kept, rel=1e-2)


def test_bytes_are_few(dense, rows):
    """Below the bits asked for: most components vary less than the first."""
    n_bytes = len(dense.compress(rows[1200:], bits=6))
    assert n_bytes < 0.85 * (6 * 6 / 8) * len(rows[1200:])


@pytest.mark.parametrize("bits", [1, 6, 16])
def test_bytes_have_a_bound(dense, rows, bits):
    for X in (rows[:1], rows[:100], 1e4 * rows[:100]):
        assert len(dense.compress(X, bits=bits)) <= 64 + 6 * 6 * len(X)


def test_a_row_is_rounded_alike_whatever_is_around_it(model, images_or_rows):
    X = images_or_rows[:40]
    whole = model.quantize(X)
    singly = np.concatenate([model.quantize(X[i : i + 1]) for i in range(40)])
    assert_array_equal(singly, whole)
    assert_array_equal(model.quantize(X[::-1])[::-1], whole)


# -- which model


def test_a_pickle_decompresses(model, images_or_rows):
    X = images_or_rows[:30]
    twin = pickle.loads(pickle.dumps(model))
    data = model.compress(X)
    assert twin.compress(X) == data
    assert same(twin.decompress(data), model.decompress(data))


def test_bytes_of_another_model(dense, convolutional, rows, images):
    message = (
        r"^data was compressed by another model, of 6 components and rows of shape "
        r"\(8, 8, 1\); this Autoencoder has 6 and \(64,\)\. Decompress it with the "
        r"estimator that compressed it, or with a pickle of that one: a new fit is "
        r"another model\.$"
    )
    with pytest.raises(ValueError, match=message):
        dense.decompress(convolutional.compress(images[:3]))
    other = pickle.loads(pickle.dumps(dense)).fit(rows[:1199])
    with pytest.raises(ValueError, match="by another model"):
        other.decompress(dense.compress(rows[:3]))


@pytest.mark.parametrize("part", ["_scaling", "_code_model", "net_"])
def test_every_part_of_a_model_counts(dense, rows, part):
    data = dense.compress(rows[:3])
    other = pickle.loads(pickle.dumps(dense))
    if part == "net_":
        other.net_.module_.linear_decoder.weight.data[0, 0, 0] += 1e-9
    else:
        vars(other)[part].std[0] *= 1.01
    with pytest.raises(ValueError, match="by another model"):
        other.decompress(data)


def test_a_stream_is_another_model_after_each_block(rows):
    model = Autoencoder(4, hidden_layer_sizes=8, **FAST)
    blocks = (rows[:300], rows[300:600])
    data = [model.partial_fit(block).compress(block) for block in blocks]
    assert_allclose(
        model.decompress(data[1]), model.inverse_transform(model.quantize(blocks[1]))
    )
    assert len(data[1]) < 64 + 4 * 300 * 6 / 8
    with pytest.raises(ValueError, match="by another model"):
        model.decompress(data[0])


# -- the code model


def test_the_code_model_is_that_of_the_training_rows(dense, rows):
    expected = CodeModel.of(dense.transform(rows[:1200]))
    assert_allclose(dense._code_model.std, expected.std)
    assert_allclose(dense._code_model.knots, expected.knots, rtol=1e-2, atol=1e-2)


@pytest.fixture(scope="module")
def fitted(rows):
    """A fit to rows some of which are equal."""
    kept = []

    class Spied(Autoencoder):
        def _describe_codes(self, fitted):
            super()._describe_codes(fitted)
            kept.append(fitted)

    Spied(3, hidden_layer_sizes=8, **FAST).fit(np.vstack([rows[:150], rows[:40]]))
    return kept[0]


@pytest.mark.parametrize("n_rows", [60, 10_000])
def test_the_code_model_does_not_follow_the_order_of_rows(fitted, n_rows, monkeypatch):
    monkeypatch.setattr(compression, "MODEL_ROWS", n_rows)
    order = np.random.default_rng(0).permutation(190)
    source = fitted.rows
    turned = replace(
        fitted,
        rows=LazyRows(source.X[order], source.scaling, source.dtype, source.device),
        plan=replace(fitted.plan, group=fitted.plan.group[order]),
    )
    assert_same_model(learn_code_model(turned), learn_code_model(fitted))


def test_a_weight_of_two_is_a_row_given_twice(fitted):
    source = fitted.rows
    once = replace(
        fitted,
        rows=LazyRows(source.X[:150], source.scaling, source.dtype, source.device),
        plan=replace(fitted.plan, group=fitted.plan.group[:150]),
        weight=np.where(np.arange(150) < 40, 2.0, 1.0),
    )
    assert_same_model(learn_code_model(once), learn_code_model(fitted))


def assert_same_model(model, twin):
    assert_array_equal(model.std, twin.std)
    assert_array_equal(model.knots, twin.knots)


def test_few_of_many_rows_are_read(fitted, monkeypatch):
    seen = []
    take = LazyRows.take

    def spy(self, index):
        seen.extend(index.tolist())
        return take(self, index)

    monkeypatch.setattr(LazyRows, "take", spy)
    monkeypatch.setattr(compression, "MODEL_ROWS", 50)
    learn_code_model(fitted)
    assert len(seen) == 50
    assert len(set(fitted.plan.group[seen])) == 50


# -- what is refused


@pytest.mark.parametrize("bits", [0, 17, -1, 2.0, "6", None])
def test_bits_that_are_none(dense, rows, bits):
    for method in (dense.compress, dense.quantize):
        with pytest.raises(
            ValueError,
            match=f"^bits={bits!r} must be an integer from 1 to 16: .* bits=6",
        ):
            method(rows[:3], bits=bits)


def test_numpy_integers_are_bits(dense, rows):
    data = dense.compress(rows[:3], bits=np.int64(4))
    assert data == dense.compress(rows[:3], bits=4)


def test_before_fit(rows):
    for call in ("compress", "quantize", "decompress"):
        with pytest.raises(NotFittedError):
            getattr(Autoencoder(), call)(rows[:3])


def test_without_constriction(dense, rows, monkeypatch):
    data = dense.compress(rows[:3])
    monkeypatch.setitem(sys.modules, "constriction", None)
    for call in (lambda: dense.compress(rows[:3]), lambda: dense.decompress(data)):
        with pytest.raises(
            ImportError, match=r'pip install "sklearn-ae\[compression\]"'
        ):
            call()
    assert dense.quantize(rows[:3]).shape == (3, 6)


def test_compression_sets_no_attributes(model, images_or_rows):
    X = images_or_rows[:9]
    before = dict(vars(model))
    model.decompress(model.compress(X))
    assert vars(model) == before


def test_random_corruptions_are_noticed(dense, rows):
    rng = np.random.default_rng(0)
    data = dense.compress(rows[:20])
    for _ in range(N_CORRUPTIONS):
        place, kind = int(rng.integers(len(data))), rng.integers(4)
        other = bytearray(data)
        if kind == 0:
            other[place] ^= int(rng.integers(1, 256))
        elif kind == 1:
            del other[place:]
        elif kind == 2:
            other.insert(place, int(rng.integers(256)))
        else:
            other[:] = other[place:] + other[:place] if place else other[1:]
        with pytest.raises(ValueError, match=r"^data "):
            dense.decompress(bytes(other))


def test_what_is_no_bytes(dense, rows):
    with pytest.raises(TypeError, match="data is of type list, and decompress takes"):
        dense.decompress(rows.tolist())


def test_a_header_of_two_models(dense, rows):
    header, payload = unpack(dense.compress(rows[:3]))
    forged = pack(header._replace(n_components=2), payload)
    with pytest.raises(ValueError, match="its header and its fingerprint are of two"):
        dense.decompress(forged)
