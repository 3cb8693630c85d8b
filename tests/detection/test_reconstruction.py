import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ae import Autoencoder, SequenceAutoencoder, VariationalAutoencoder
from sklearn_ae.detection._mixin import in_float32
from sklearn_ae.training import Batch, weighted_sum

from ..estimators import ESTIMATORS, has_density, is_like_pca, only

FAST = {"max_epochs": 4, "random_state": 0, "outlier_score": "reconstruction"}

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell scores apart, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    by_error = {"outlier_score": "reconstruction", "n_components": 2}
    return clone(request.param).set_params(**by_error)


def errors_of(model, X):
    """The rows' errors, as the net's own loss counts them."""
    net, device = model.net_, torch.device("cpu")
    rows = model._scaling.standardize(X, torch.float64, device)
    with torch.no_grad():
        errors = net.criterion_.row_errors(net.module_(rows), Batch(rows, rows))
    return errors[0].numpy()


def test_scores_are_minus_the_errors_of_the_loss(estimator, blob):
    model = estimator.fit(blob)
    np.testing.assert_allclose(
        model.score_samples(blob), -errors_of(model, blob), rtol=1e-9
    )


@pytest.mark.parametrize("standardize", [False, True])
@only(is_like_pca)
def test_scores_are_shares_of_the_variance(estimator, blob, standardize):
    X = blob * [1, 10, 100, 1, 1]
    if isinstance(estimator, SequenceAutoencoder):
        X = blob  # whose steps share one unit
    model = estimator.set_params(standardize=standardize).fit(X)
    unit = model.scale_ if standardize else 1
    errors = np.square((X - model.reconstruct(X)) / unit).sum(axis=1)
    variance = np.square((X - X.mean(axis=0)) / unit).sum() / len(X)
    scores = model.score_samples(X)
    np.testing.assert_allclose(scores, -errors / variance, rtol=1e-7)
    assert scores.mean() == pytest.approx(model.score(X) - 1)


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_threshold_and_labels_follow(estimator, blob, contamination):
    model = estimator.set_params(contamination=contamination).fit(blob)
    scores = model.score_samples(blob)
    labels = model.predict(blob)
    np.testing.assert_array_equal(labels == -1, scores < model.offset_)
    if contamination == 0.1:
        assert (labels == -1).sum() == 6
        assert scores[labels == -1].max() < scores[labels == 1].min()
    other = clone(model).set_params(outlier_score="auto").fit(blob)
    assert not np.allclose(model.training_scores_, other.training_scores_)


def test_nothing_but_the_detector_changes(estimator, blob):
    model = estimator.fit(blob)
    other = clone(estimator).set_params(outlier_score="auto").fit(blob)
    np.testing.assert_array_equal(model.transform(blob), other.transform(blob))
    assert model.score(blob) == other.score(blob)


def test_a_stream_follows_it(estimator, blob):
    model = estimator.partial_fit(blob[:30]).partial_fit(blob[30:])
    # All rows so far are in the sample that the threshold follows.
    np.testing.assert_allclose(
        np.sort(model.training_scores_), np.sort(-errors_of(model, blob)), rtol=1e-9
    )
    assert (model.predict(blob) == -1).sum() <= 0.05 * len(blob)


def test_a_change_takes_effect_with_the_next_block(blob):
    model = Autoencoder(2, **FAST).partial_fit(blob).set_params(outlier_score="auto")
    before = model.score_samples(blob)
    np.testing.assert_array_equal(before, -errors_of(model, blob))
    model.partial_fit(blob)
    assert not np.allclose(model.score_samples(blob), -errors_of(model, blob))


@only(has_density)
def test_samples_and_the_likelihood_stay(estimator, blob):
    kept = estimator.set_params(outlier_score="reconstruction").fit(blob)
    other = clone(kept).set_params(outlier_score="auto").fit(blob)
    np.testing.assert_array_equal(kept.sample(5, 0), other.sample(5, 0))
    scores = other.score_samples(blob)
    # NumPy's mean adds up in another order, and ends in another digit on some machines.
    mean = weighted_sum(np.full(len(scores), 1 / len(scores)), scores)
    assert kept.score(blob) == other.score(blob) == mean
    assert kept.score(blob) != pytest.approx(kept.score_samples(blob).mean())


def test_rounding_errors_are_labelled_as_when_they_were_learned(blob):
    # Of full rank, errors are rounding errors, and repeat.
    model = Autoencoder(5, contamination=0.1, **{**FAST, "max_epochs": 0}).fit(blob)
    scores = model.score_samples(blob)
    assert scores.min() > -1e-28
    assert (model.predict(blob) == -1).sum() == 6


def test_rows_beyond_all_numbers_are_as_far_out_as_can_be(blob):
    model = Autoencoder(2, **FAST).fit(blob)
    far = np.array([[1e200, -1e200, 1e200, 1e200, 1e300]])
    assert model.score_samples(far) == -np.inf
    assert model.predict(far) == -1


def test_it_comes_back_from_a_pickle(blob):
    for model in (Autoencoder(2, **FAST), VariationalAutoencoder(2, **FAST)):
        twin = pickle.loads(pickle.dumps(model.fit(blob)))
        np.testing.assert_array_equal(
            twin.score_samples(blob), model.score_samples(blob)
        )


def test_tokens_are_scored_by_their_surprise():
    texts = ["abab", "aabb", "baba", "abba", "bbaa", "abab"] * 4
    model = SequenceAutoencoder(2, tokens="char", cell_size=6, **FAST).fit(texts)
    scores = model.score_samples(texts)
    assert (scores < 0).all()
    np.testing.assert_allclose(scores, -errors_of(model, model._read(texts)), rtol=1e-9)


def test_unknown_scores_are_refused(estimator, blob):
    estimator.set_params(outlier_score="distance")
    with pytest.raises(ValueError, match=r"'outlier_score' parameter of .* must be"):
        estimator.fit(blob)


def test_float32_rows_are_scored_in_float32_to_its_digits(blob):
    model = Autoencoder(2, **FAST).fit(blob)
    narrow = blob.astype(np.float32)
    ours, precise = model.score_samples(narrow), model.score_samples(blob)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, precise, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(ours, model.score_samples(narrow.astype(float)))


def test_what_float32_cannot_hold_is_scored_in_float64(blob):
    model = Autoencoder(2, **FAST).fit(blob)
    network, loss = model.net_.module_, model.net_.criterion_
    small, _ = in_float32(network, loss)
    assert next(small.parameters()).dtype == torch.float32
    network.linear_decoder.bias.data[0, 0, 0] = 1e300
    assert in_float32(network, loss)[0] is network
