import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ae import (
    Autoencoder,
    AutoencoderEnsemble,
    ConvolutionalAutoencoder,
    SequenceAutoencoder,
    VariationalAutoencoder,
    WindowNetwork,
)
from sklearn_ae.detection import OutlierDetectionMixin
from sklearn_ae.detection._expected import N_NEAREST

from ..estimators import ALL, FAST, has_columns

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

ENSEMBLE = AutoencoderEnsemble(Autoencoder(2, max_epochs=4), 3, random_state=0)
DETECTORS = {**ALL, "ensemble": ENSEMBLE}

# One of each kind of score and of reading, where all would only take longer.
KINDS = {
    name: DETECTORS[name]
    for name in ("autoencoder", "convolutional", "sequence", "variational", "ensemble")
}


@pytest.fixture(scope="module")
def blob():
    """A table of 60 rows with correlated columns, shape (60, 5)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(
        size=(60, 5)
    )


def fit(estimator, X):
    """Fit a copy; few codes are enough to estimate a likelihood."""
    estimator = clone(estimator)
    if hasattr(estimator, "n_importance_samples"):
        estimator.set_params(n_importance_samples=4)
    return estimator.fit(X)


@pytest.fixture(params=DETECTORS, scope="module")
def fitted(request, blob):
    return fit(DETECTORS[request.param], blob)


@pytest.fixture(params=KINDS, scope="module")
def kind(request, blob):
    return fit(KINDS[request.param], blob)


@pytest.fixture
def odd(blob):
    """Three rows: the first is odd in its third column, the last in all of them."""
    X = blob[:3].copy()
    X[0, 2] += 6 * blob[:, 2].std()
    X[2] = 10 * blob.std(axis=0)
    return X


def test_all_detectors_are_here():
    assert all(
        isinstance(estimator, OutlierDetectionMixin) for estimator in ALL.values()
    )


# -- what all detectors promise


def test_shares_sum_to_minus_the_score(fitted, odd):
    explanation = fitted.explain(odd)
    scores = fitted.score_samples(odd)
    assert_allclose(explanation.scores, scores, rtol=1e-9)
    size = np.maximum(1, np.abs(scores))
    assert (np.abs(explanation.shares.sum(axis=1) + scores) <= 1e-6 * size).all()


def test_the_column_that_was_moved_has_the_largest_share(fitted, odd):
    assert fitted.explain(odd).shares[0].argmax() == 2


def test_seen_are_the_rows_and_expected_is_like_the_training_rows(fitted, blob, odd):
    explanation = fitted.explain(odd)
    assert_array_equal(explanation.seen, odd)
    expected = explanation.expected
    assert (blob.min(axis=0) <= expected).all()
    assert (expected <= blob.max(axis=0)).all()
    # But for the column that was moved, a row of the table is as expected.
    apart = np.abs(expected - odd)[0] / blob.std(axis=0)
    assert apart.argmax() == 2
    assert np.delete(apart, 2).max() < 1.5
    assert_allclose(explanation.expected_scores, fitted.score_samples(expected))


def test_a_row_is_explained_alike_whatever_is_around_it(fitted, odd):
    whole = fitted.explain(odd)
    for i in (0, 2):
        alone = fitted.explain(odd[i : i + 1])
        assert_array_equal(alone.expected[0], whole.expected[i])
        size = np.abs(whole.scores[i])
        assert_allclose(alone.shares[0], whole.shares[i], rtol=1e-7, atol=1e-7 * size)


def test_to_explain_again_gives_the_same_and_changes_nothing(fitted, odd):
    before = pickle.dumps(vars(fitted))
    one, other = fitted.explain(odd), fitted.explain(odd)
    assert_array_equal(one.shares, other.shares)
    assert_array_equal(one.expected, other.expected)
    assert pickle.dumps(vars(fitted)) == before


def test_rows_of_float32(kind, odd):
    explanation = kind.explain(odd.astype(np.float32))
    assert explanation.seen.dtype == explanation.expected.dtype == np.float32
    assert explanation.shares.dtype == np.float64
    scores = kind.score_samples(odd.astype(np.float32))
    assert_allclose(explanation.shares.sum(axis=1), -scores, rtol=1e-9)
    assert_allclose(
        explanation.shares, kind.explain(odd).shares, atol=1e-3 * np.abs(scores).max()
    )


@pytest.mark.parametrize(
    "name", [name for name in KINDS if has_columns(KINDS[name]) and name != "ensemble"]
)
def test_units_of_columns_are_those_of_the_input(name, blob, odd):
    unit = np.array([1.0, 1024.0, 2.0**-10, 8.0, 0.5])
    estimator = clone(KINDS[name]).set_params(standardize=True, max_epochs=0)
    one = fit(estimator, blob).explain(odd)
    other = fit(estimator, blob * unit).explain(odd * unit)
    assert_array_equal(other.seen, one.seen * unit)
    assert_allclose(other.expected, one.expected * unit)
    size = np.abs(one.scores).max()
    assert_allclose(other.shares, one.shares, rtol=1e-5, atol=1e-5 * size)


def test_unfitted(odd):
    for estimator in KINDS.values():
        with pytest.raises(NotFittedError, match="not fitted yet"):
            clone(estimator).explain(odd)


# -- forms of what comes in


def test_of_a_data_frame_come_data_frames(kind, blob, odd):
    pd = pytest.importorskip("pandas")
    names, index = list("abcde"), ["x", "y", "z"]
    frame = pd.DataFrame(odd, index=index, columns=names)
    fitted = fit(kind, pd.DataFrame(blob, columns=names))
    plain, explanation = kind.explain(odd), fitted.explain(frame)
    for name in ("shares", "expected", "seen"):
        table = getattr(explanation, name)
        assert list(table.columns) == names
        assert list(table.index) == index
        assert_allclose(table, getattr(plain, name), rtol=1e-6)
    pd.testing.assert_frame_equal(explanation.seen, frame)
    assert_array_equal(explanation.columns, names)


def test_sparse_rows_are_explained_as_dense_ones(blob, odd):
    fitted = Autoencoder(2, **FAST).fit(sparse.csr_array(blob))
    dense, explanation = fitted.explain(odd), fitted.explain(sparse.csr_array(odd))
    assert_array_equal(explanation.seen, odd)
    assert_array_equal(explanation.shares, dense.shares)


def test_other_frames_lists_and_rows_that_are_read_only(blob, odd):
    pl = pytest.importorskip("polars")
    names = list("abcde")
    plain = Autoencoder(2, **FAST).fit(blob)
    framed = clone(plain).fit(pl.DataFrame(blob, names))
    shares = plain.explain(odd).shares
    odd.setflags(write=False)
    for fitted, X in (
        (plain, odd),
        (plain, odd.tolist()),
        (framed, pl.DataFrame(odd, names)),
    ):
        assert_allclose(fitted.explain(X).shares, shares)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (4, 8, 2)])
def test_images_are_explained_in_their_shape(digits, shape):
    images = digits[:300].reshape(300, *shape)
    fitted = ConvolutionalAutoencoder(2, max_epochs=1, random_state=0).fit(images)
    image = images[:2].copy()
    image[0, 3, 2] += 30
    explanation = fitted.explain(image)
    assert explanation.shares.shape == explanation.expected.shape == image.shape
    assert_array_equal(explanation.seen, image)
    share = explanation.shares[0].reshape(*shape[:2], -1).sum(axis=2)
    assert np.unravel_index(share.argmax(), share.shape) == (3, 2)


def test_integers_of_images_are_expected_between_them(digits):
    images = np.abs(digits[:300] * 10).astype(np.uint8).reshape(300, 8, 8)
    fitted = ConvolutionalAutoencoder(2, max_epochs=1, random_state=0).fit(images)
    expected = fitted.explain(images[:2]).expected
    assert (expected != np.rint(expected)).any()


@pytest.mark.parametrize("network", [None, WindowNetwork()])
def test_sequences_are_explained_step_by_step(network):
    walks = np.random.default_rng(0).normal(size=(100, 6, 2)).cumsum(axis=1)
    estimator = SequenceAutoencoder(2, cell_size=4, **FAST)
    if network is not None:
        estimator = Autoencoder(2, network=network, **FAST)
    fitted = estimator.fit(walks)
    X = walks[:3].copy()
    X[1, 2, 1] += 30
    shares = fitted.explain(X).shares
    assert shares.shape == (3, 6, 2)
    assert np.unravel_index(shares[1].argmax(), (6, 2)) == (2, 1)
    # As a list of arrays, and flattened.
    assert_array_equal(fitted.explain(list(X)).shares, shares)
    assert_array_equal(fitted.explain(X.reshape(3, 12)).shares, shares.reshape(3, 12))


def test_a_stream_is_explained_by_its_sample(blob, odd):
    fitted = Autoencoder(2, random_state=0).partial_fit(blob[:30]).partial_fit(blob)
    explanation = fitted.explain(odd)
    assert explanation.shares[0].argmax() == 2
    assert_allclose(explanation.shares.sum(axis=1), -fitted.score_samples(odd))


# -- values that are out of the ordinary


@pytest.mark.parametrize("value", [1e200, -1e308])
def test_an_infinite_score_is_the_columns_that_is_farthest(blob, value):
    fitted = Autoencoder(2, outlier_score="mahalanobis", **FAST).fit(blob)
    X = blob[:2].copy()
    X[1, 3] = value
    explanation = fitted.explain(X)
    assert_array_equal(explanation.scores[1], -np.inf)
    assert_array_equal(explanation.shares[1], [0, 0, 0, np.inf, 0])
    assert_array_equal(explanation.shares[0], fitted.explain(blob[:1]).shares[0])
    assert np.abs(explanation.expected).max() < 10


@pytest.mark.parametrize("value", [1e100, 1e150, 1e153, 1e154, 2e154, 1e155, 1e300])
@pytest.mark.parametrize("outlier_score", ["neighbors", "mahalanobis"])
def test_shares_sum_to_the_score_up_to_the_range_of_floats(blob, value, outlier_score):
    fitted = Autoencoder(2, outlier_score=outlier_score, **FAST).fit(blob)
    X = blob[:1].copy()
    X[0, 3] = value
    shares = fitted.explain(X).shares[0]
    assert shares.argmax() == 3
    with np.errstate(over="ignore"):
        assert_allclose(shares.sum(), -fitted.score_samples(X)[0])


def test_constant_columns_and_codes_of_categories(blob):
    colour = np.eye(3)[np.arange(60) % 3]
    X = np.column_stack([blob, colour, np.full(60, 0.1)])
    fitted = Autoencoder(2, **FAST).fit(X)
    explanation = fitted.explain(X[:5])
    assert_array_equal(explanation.expected[:, -1], np.full(5, 0.1))
    # Columns as expected have what is spread evenly, and nothing else.
    assert_allclose(explanation.shares[:, -1], -explanation.expected_scores / 9)
    row = X[:1].copy()
    row[0, -1] = 1.0
    assert fitted.explain(row).shares[0].argmax() == 8
    assert fitted.explain(row).expected[0, -1] == 0.1


@pytest.mark.parametrize("score", ["auto", "mahalanobis"])
def test_columns_that_go_together_have_together_what_both_are_odd_in(score):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X = np.column_stack([X, X[:, 0] + 3e-4 * rng.normal(size=300)])
    fitted = Autoencoder(4, outlier_score=score, max_epochs=0, random_state=0).fit(X)
    row, pair = X[:1].copy(), [0, 4]
    row[0, pair] += 6
    explanation = fitted.explain(row)
    # To put back one of the two alone makes the row odder still.
    one_back = row.copy()
    one_back[0, 4] = explanation.expected[0, 4]
    assert fitted.score_samples(one_back)[0] < explanation.scores[0] - 1
    assert explanation.shares[0, pair].sum() > 0.7 * -explanation.scores[0]


def test_probabilities_stay_between_0_and_1():
    X = np.random.default_rng(0).integers(0, 2, size=(60, 5)).astype(float)
    X[:, 4] = 1.0
    fitted = VariationalAutoencoder(2, likelihood="bernoulli", **FAST).fit(X)
    explanation = fitted.explain(X[:3])
    assert_allclose(explanation.shares.sum(axis=1), -fitted.score_samples(X[:3]))


def test_training_rows_that_are_outliers_are_not_what_is_expected(blob):
    X = blob.copy()
    X[:4] += 50  # more alike than rows like them
    fitted = Autoencoder(2, **FAST).fit(X)
    assert N_NEAREST > 4
    assert fitted.explain(X[:1]).expected.max() < 10


# -- what is refused


def test_tokens():
    fitted = SequenceAutoencoder(2, tokens="char", cell_size=4, **FAST)
    fitted.fit(["abc", "acb", "bca", "cab"] * 5)
    with pytest.raises(ValueError, match="fitted on tokens") as caught:
        fitted.explain(["abc"])
    assert str(caught.value) == (
        "SequenceAutoencoder was fitted on tokens, and explain follows the score from "
        "a sequence that is expected to the one seen: between tokens there is nothing. "
        "Compare score_samples of the sequence with some tokens left out."
    )


def test_sequences_of_several_lengths():
    rng = np.random.default_rng(0)
    walks = [rng.normal(size=(n_steps, 2)) for n_steps in (4, 5, 6) * 10]
    fitted = SequenceAutoencoder(2, cell_size=4, **FAST).fit(walks)
    ensemble = AutoencoderEnsemble(fitted, 2, random_state=0).fit(walks)
    for model in (fitted, ensemble):
        with pytest.raises(ValueError, match="several lengths") as caught:
            model.explain(walks[:2])
        assert str(caught.value) == (
            "SequenceAutoencoder was fitted on sequences of several lengths, and "
            "explain follows the score from a sequence that is expected to the one "
            "seen, step by step. Resample the sequences to one length and fit on an "
            "array of them."
        )


def test_other_columns(blob):
    with pytest.raises(ValueError, match="expecting 5 features"):
        Autoencoder(2, **FAST).fit(blob).explain(blob[:, :3])


# -- the largest shares


def test_top_has_the_largest_shares_of_each_row(blob, odd):
    explanation = Autoencoder(2, **FAST).fit(blob).explain(odd)
    top = explanation.top(2)
    assert top.dtype.names == ("row", "column", "share", "seen", "expected")
    assert_array_equal(top["row"], [0, 0, 1, 1, 2, 2])
    assert top["column"][0] == 2
    for i, line in enumerate(top.reshape(3, 2)):
        best = np.sort(explanation.shares[i])[::-1][:2]
        assert_array_equal(line["share"], best)
        assert_array_equal(line["seen"], odd[i, line["column"]])
        assert_array_equal(line["expected"], explanation.expected[i, line["column"]])
    assert len(explanation.top()) == len(explanation.top(99)) == 15


def test_top_of_a_data_frame(blob, odd):
    pd = pytest.importorskip("pandas")
    names = list("abcde")
    fitted = Autoencoder(2, **FAST).fit(pd.DataFrame(blob, columns=names))
    frame = pd.DataFrame(odd, index=["x", "y", "z"], columns=names)
    top = fitted.explain(frame).top(1)
    assert list(top.columns) == ["row", "column", "share", "seen", "expected"]
    assert list(top["row"]) == ["x", "y", "z"]
    assert top.loc[0, "column"] == "c"
    assert top.loc[0, "seen"] == frame.loc["x", "c"]


def test_top_names_columns_that_the_fit_has_seen(blob, odd):
    pd = pytest.importorskip("pandas")
    fitted = Autoencoder(2, **FAST).fit(pd.DataFrame(blob, columns=list("abcde")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert fitted.explain(odd).top(1)["column"][0] == "c"


def test_top_counts_the_pixels_of_flattened_images(digits):
    images = digits[:200].reshape(200, 8, 8)
    fitted = ConvolutionalAutoencoder(2, max_epochs=1, random_state=0).fit(images)
    image = images[:1].copy()
    image[0, 3, 2] += 30
    top = fitted.explain(image).top(1)
    assert top["column"].tolist() == [8 * 3 + 2]
    assert top["seen"][0] == image[0, 3, 2]


@pytest.mark.parametrize("n", [0, -1, 1.5, "all"])
def test_top_of_no_number_of_columns(blob, n):
    explanation = Autoencoder(2, **FAST).fit(blob).explain(blob[:1])
    with pytest.raises(ValueError, match="n=") as caught:
        explanation.top(n)
    assert str(caught.value) == (
        f"n={n!r} must be an integer of at least 1: it is the number of columns to "
        "return of each row."
    )
