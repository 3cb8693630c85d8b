import numpy as np
import pytest
import torch

from sklearn_ae import Autoencoder
from sklearn_ae.detection import FALSE_ALARM_RATE, MahalanobisScorer, _fits
from sklearn_ae.detection._fits import feature_floor
from sklearn_ae.detection._scorer import score_features

FAST = {"max_epochs": 4, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell scores apart, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture
def many():
    """Correlated rows, more than are cross-fitted: shape (1200, 4)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(1200, 2)) @ rng.normal(size=(2, 4)) + 0.1 * rng.normal(
        size=(1200, 4)
    )


def features_of(estimator, X):
    """Codes before they are turned, and residuals in standard deviations."""
    rows = estimator._scaling.standardize(X, torch.float64, torch.device("cpu"))
    return score_features(estimator.net_.module_, rows), rows.numpy()


def test_features_are_code_and_residual(blob):
    estimator = Autoencoder(2, **FAST).fit(blob)
    features, rows = features_of(estimator, blob)
    module = estimator.net_.module_
    with torch.no_grad():
        raw = module.encode_raw(torch.tensor(rows))[0].numpy()
    back = (estimator.reconstruct(blob) - blob.mean(axis=0)) / blob.std(axis=0)
    np.testing.assert_allclose(features[:, :2], raw)
    np.testing.assert_allclose(features[:, 2:], rows - back, atol=1e-10)


def test_scores_are_those_of_a_scorer_fitted_to_the_training_rows(blob):
    estimator = Autoencoder(2, **FAST, outlier_score="mahalanobis").fit(blob)
    features, _ = features_of(estimator, blob)
    floor = [_fits.CODE_FLOOR] * 2 + [_fits.RESIDUAL_FLOOR] * 5
    scorer = MahalanobisScorer().fit(features, np.ones(60), 60, floor=np.array(floor))
    np.testing.assert_allclose(
        estimator.score_samples(blob), scorer.score(features), rtol=1e-9
    )


def test_rounding_errors_of_residuals_are_no_outliers(blob):
    # Of full rank, the residuals are rounding errors and nothing else.
    estimator = Autoencoder(
        5, max_epochs=0, random_state=0, outlier_score="mahalanobis"
    ).fit(blob)
    features, _ = features_of(estimator, blob)
    assert (features[:, 5:].std(axis=0) < 1e-12).all()
    np.testing.assert_array_equal(
        estimator._scorer.spread[5:], np.full(5, _fits.RESIDUAL_FLOOR)
    )
    corrupted = features + np.repeat([0, 1e-9], 5)
    np.testing.assert_allclose(
        estimator._scorer.score(corrupted), estimator._scorer.score(features), rtol=0.01
    )


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_decision_is_score_minus_offset_and_its_sign_the_label(blob, contamination):
    estimator = Autoencoder(2, contamination=contamination, **FAST).fit(blob)
    X = np.vstack([blob, 10 * blob])
    decision = estimator.decision_function(X)
    np.testing.assert_array_equal(
        decision, estimator.score_samples(X) - estimator.offset_
    )
    labels = estimator.predict(X)
    np.testing.assert_array_equal(labels, np.where(decision < 0, -1, 1))
    assert set(labels) == {-1, 1}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.5])
def test_contamination_is_the_share_of_outliers(blob, early_stopping, contamination):
    estimator = Autoencoder(
        2, contamination=contamination, early_stopping=early_stopping, **FAST
    )
    labels = estimator.fit(blob).predict(blob)
    assert (labels == -1).sum() == contamination * 60


@pytest.mark.parametrize("n_rows", [60, 1200])
def test_auto_keeps_the_false_alarm_rate_on_held_out_rows(many, n_rows):
    estimator = Autoencoder(2, **FAST).fit(many[:n_rows])
    scores = estimator.training_scores_
    assert len(scores) == (60 if n_rows == 60 else 120)
    share = (scores < estimator.offset_).mean()
    assert FALSE_ALARM_RATE - 1 / len(scores) < share <= FALSE_ALARM_RATE


def test_held_out_scores_come_in_the_order_of_the_rows(blob):
    X = blob.copy()
    X[17] += 1000
    estimator = Autoencoder(2, **FAST).fit(X)
    assert estimator.training_scores_.argmin() == 17
    assert estimator.training_scores_.shape == (60,)


def test_held_out_scores_are_by_models_that_have_not_seen_the_row(blob):
    # The row's own model would be drawn towards it and call it less abnormal.
    X = blob.copy()
    X[17] += 10
    estimator = Autoencoder(2, **FAST).fit(X)
    own, held_out = estimator.score_samples(X), estimator.training_scores_
    assert held_out[17] < own[17]
    assert np.median(held_out) < np.median(own)


def test_with_nothing_held_out_training_scores_are_the_models_own(blob):
    estimator = Autoencoder(2, early_stopping=False, **FAST).fit(blob)
    np.testing.assert_allclose(
        estimator.training_scores_, estimator.score_samples(blob), rtol=1e-12
    )


def test_outliers_off_and_in_the_subspace_are_found(many):
    estimator = Autoencoder(2, **FAST).fit(many)
    _, _, axes = np.linalg.svd(many - many.mean(axis=0))
    inside, across = 15 * axes[0] + many.mean(axis=0), 3 * axes[3] + many.mean(axis=0)
    assert estimator.predict([inside, across, many.mean(axis=0)]).tolist() == [
        -1,
        -1,
        1,
    ]


def test_scores_of_a_row_do_not_depend_on_the_others(many):
    estimator = Autoencoder(2, **FAST).fit(many)
    scores = estimator.score_samples(many)
    alone = np.concatenate([estimator.score_samples(row[None]) for row in many[:20]])
    np.testing.assert_allclose(alone, scores[:20], rtol=1e-9)


def test_scores_are_float64_whatever_the_input(blob):
    estimator = Autoencoder(2, **FAST).fit(blob.astype(np.float32))
    assert estimator.score_samples(blob.astype(np.float32)).dtype == np.float64
    assert estimator.decision_function(blob.astype(np.float32)).dtype == np.float64


def test_a_scorer_learns_from_a_bounded_number_of_distinct_rows(many, monkeypatch):
    monkeypatch.setattr(_fits, "MAX_REFERENCE_ROWS", 100)
    sizes = []
    fit = MahalanobisScorer.fit

    def spy(self, features, weight, evidence, floor):
        sizes.append(len(features))
        return fit(self, features, weight, evidence, floor)

    monkeypatch.setattr(MahalanobisScorer, "fit", spy)
    Autoencoder(2, early_stopping=False, **FAST, outlier_score="mahalanobis").fit(many)
    assert sizes == [100]


def test_held_out_rows_may_outnumber_the_reference(many, monkeypatch):
    monkeypatch.setattr(_fits, "MAX_REFERENCE_ROWS", 100)
    estimator = Autoencoder(2, **FAST).fit(many)
    assert np.isfinite(estimator.training_scores_).all()


def test_evidence_is_the_number_of_distinct_rows(blob, monkeypatch):
    evidence = []
    fit = MahalanobisScorer.fit

    def spy(self, features, weight, **given):
        evidence.append(given["evidence"])
        return fit(self, features, weight, **given)

    monkeypatch.setattr(MahalanobisScorer, "fit", spy)
    estimator = Autoencoder(
        2, early_stopping=False, **FAST, outlier_score="mahalanobis"
    )
    estimator.fit(np.repeat(blob, 3, axis=0))
    estimator.fit(blob, sample_weight=np.full(60, 3.0))
    assert evidence == pytest.approx([60, 60])


@pytest.mark.parametrize("contamination", ["auto", 0.2])
def test_a_weight_is_a_number_of_repetitions(blob, contamination):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    estimator = Autoencoder(2, contamination=contamination, **FAST)
    weighted = estimator.fit(blob, sample_weight=counts)
    offset, scores = weighted.offset_, weighted.score_samples(blob)
    repeated = estimator.fit(np.repeat(blob, counts, axis=0))
    assert offset == pytest.approx(repeated.offset_, rel=1e-6)
    np.testing.assert_allclose(scores, repeated.score_samples(blob), rtol=1e-6)


def test_the_floor_of_residuals_grows_with_the_mean_of_the_column(blob):
    X = blob / blob.std(axis=0)
    X = X - X.mean(axis=0) + [0, 1, -1e3, 1e5, 1e7]
    estimator = Autoencoder(2, max_epochs=0, random_state=0).fit(X)
    floor = feature_floor(estimator.net_.module_, estimator._scaling)
    rounding = 4 * np.finfo(np.float32).eps * np.array([1e3, 1e5, 1e7])
    expected = [_fits.CODE_FLOOR] * 2 + [_fits.RESIDUAL_FLOOR] * 2
    np.testing.assert_allclose(floor, [*expected, *rounding], rtol=1e-6)


def test_rounding_to_float32_makes_no_outliers(blob):
    # Of full rank, and far from zero: residuals in float32 are rounding errors.
    X = blob + 1000
    estimator = Autoencoder(5, max_epochs=0, random_state=0).fit(X)
    near = estimator.score_samples(X)
    rounded = estimator.score_samples(X.astype(np.float32))
    np.testing.assert_allclose(rounded, near, rtol=0.2, atol=1)


@pytest.mark.parametrize("value", [1e200, 1e300, -1e307, -1e308])
def test_rows_beyond_the_range_of_floats_are_outliers(blob, value):
    estimator = Autoencoder(2, **FAST).fit(blob)
    X = blob[:3].copy()
    X[1] = value
    assert estimator.score_samples(X)[1] == -np.inf
    assert estimator.predict(X)[1] == -1
    np.testing.assert_array_equal(
        estimator.score_samples(X)[::2], estimator.score_samples(blob[:3:2])
    )


def test_a_scorer_learns_from_features_of_bounded_memory(many, monkeypatch):
    monkeypatch.setattr(_fits, "REFERENCE_BYTES", 8 * 6 * 100)
    sizes = []
    fit = MahalanobisScorer.fit

    def spy(self, features, weight, evidence, floor):
        sizes.append(features.shape)
        return fit(self, features, weight, evidence, floor)

    monkeypatch.setattr(MahalanobisScorer, "fit", spy)
    Autoencoder(2, early_stopping=False, **FAST, outlier_score="mahalanobis").fit(many)
    assert sizes == [(100, 6)]
