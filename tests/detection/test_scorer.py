import numpy as np
import pytest

from sklearn_ae import Autoencoder
from sklearn_ae.detection import MahalanobisScorer, _covariance, _scorer


def draw(n_rows=200, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_features))
    return rng.normal(size=(n_rows, n_features)) @ mixing + np.arange(n_features)


def fit(features, weight=None, evidence=None, floor=0.0, trim=_scorer.TRIM):
    weight = np.ones(len(features)) if weight is None else weight
    evidence = len(features) if evidence is None else evidence
    return MahalanobisScorer(trim=trim).fit(features, weight, evidence, floor=floor)


@pytest.fixture
def unshrunk(monkeypatch):
    monkeypatch.setattr(_covariance, "ledoit_wolf_shrinkage", lambda *args: 0.0)


def mahalanobis(features, rows):
    centered = rows - features.mean(axis=0)
    precision = np.linalg.inv(np.cov(features.T, bias=True))
    return -np.einsum("ij,jk,ik->i", centered, precision, centered)


@pytest.mark.usefixtures("unshrunk")
def test_scores_are_mahalanobis_distances_by_hand():
    corners = np.array([[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]])
    scores = fit(corners, trim=0.0).score(
        np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 1.0]])
    )
    np.testing.assert_allclose(scores, [0, -4, -2], atol=1e-12)


@pytest.mark.usefixtures("unshrunk")
def test_scores_are_mahalanobis_distances():
    features, rows = draw(), draw(seed=1)
    np.testing.assert_allclose(
        fit(features, trim=0.0).score(rows), mahalanobis(features, rows)
    )


@pytest.mark.parametrize("full_side", [_covariance.FULL_SIDE, 3])
def test_scores_do_not_depend_on_units(full_side, monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    features, unit = draw(), np.array([1, 1e-2, 1e3, 7])
    scores = fit(features * unit + 5).score(draw(seed=1) * unit + 5)
    np.testing.assert_allclose(scores, fit(features).score(draw(seed=1)), rtol=1e-8)


@pytest.mark.parametrize("full_side", [_covariance.FULL_SIDE, 3])
def test_a_weight_is_a_number_of_repetitions(full_side, monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    features, counts = draw(), np.random.default_rng(2).integers(1, 4, size=200)
    evidence = counts.sum() ** 2 / np.square(counts).sum()
    weighted = fit(features, counts.astype(float), evidence)
    repeated = fit(np.repeat(features, counts, axis=0), evidence=evidence)
    rows = draw(seed=1)
    np.testing.assert_allclose(weighted.score(rows), repeated.score(rows), rtol=1e-9)


def test_only_the_ratio_of_weights_counts():
    features, weight = draw(), np.random.default_rng(2).uniform(1, 2, size=200)
    scores = [fit(features, w, 200).score(features) for w in (weight, 7 * weight)]
    np.testing.assert_allclose(*scores, rtol=1e-9)


@pytest.mark.usefixtures("unshrunk")
def test_the_farthest_tenth_is_left_out_of_the_bulk():
    bulk = draw(500)
    spoilt = np.vstack([bulk, 50 + 5 * draw(50, seed=3)])
    scores = fit(spoilt).score(spoilt)
    assert scores[500:].max() < scores[:500].min()
    # What is left is the bulk alone, without the farthest of it at the most.
    centre = fit(spoilt).center
    assert np.abs(centre - bulk.mean(axis=0)).max() < 0.1 * bulk.std(axis=0).min()


@pytest.mark.usefixtures("unshrunk")
def test_the_bulk_is_the_rows_within_the_quantile():
    features = draw()
    distance = -mahalanobis(features, features)
    near = features[distance <= np.sort(distance)[int(0.9 * 200) - 1]]
    assert len(near) == 180
    rows = draw(seed=1)
    np.testing.assert_allclose(fit(features).score(rows), mahalanobis(near, rows))


def test_the_bulk_has_its_share_of_the_evidence(monkeypatch):
    given = []

    def spy(rows, trace, norm, weight, evidence):
        given.append((len(rows), evidence))
        return 0.0

    monkeypatch.setattr(_covariance, "ledoit_wolf_shrinkage", spy)
    fit(draw(), evidence=50)
    assert given == [(200, 50), (180, pytest.approx(45))]


@pytest.mark.parametrize(
    "features",
    [
        np.zeros((20, 3)),
        np.repeat(draw(20, 1), 3, axis=1),
        draw(20) * [1, 0, 1e-12, 1e12],
        np.repeat(draw(2), 10, axis=0),
        draw(2),
        draw(1),
        draw(3, 40),
    ],
    ids=["constant", "repeated", "scales", "two distinct", "two", "one", "wide"],
)
@pytest.mark.parametrize("full_side", [_covariance.FULL_SIDE, 0])
def test_degenerate_features_have_finite_scores(features, full_side, monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    scores = fit(features).score(features)
    assert scores.shape == (len(features),)
    assert np.isfinite(scores).all()
    assert (scores <= 0).all()


def test_a_row_off_a_repeated_column_is_far():
    features = np.repeat(draw(50, 1), 2, axis=1)
    step = features.std() * np.array([[0, 0], [0.5, 0.5], [0.5, -0.5]])
    centre, along, off = fit(features).score(features.mean(axis=0) + step)
    assert off < 10 * along < along < centre


@pytest.mark.parametrize("full_side", [_covariance.FULL_SIDE, 0])
@pytest.mark.parametrize(
    "floor", [1e-6, np.array([1e-6, 1e-6, 1e9])], ids=["one", "each"]
)
def test_what_varies_less_than_the_floor_is_rounding(floor, full_side, monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    features = draw(n_features=3) * [1, 1e-9, 1]
    scorer = fit(features, floor=floor, trim=0.0)
    spread = features.std(axis=0)
    granted = np.maximum(floor, _scorer.NO_SPREAD)
    np.testing.assert_allclose(scorer.spread, np.where(spread > floor, spread, granted))
    steps = np.array([[0, 0, 0], [0, 1e-8, 0], [5 * spread[0], 0, 0]])
    centre, rounding, far = scorer.score(features.mean(axis=0) + steps)
    assert abs(rounding - centre) < 0.01 * abs(far - centre)


def test_without_a_floor_the_smallest_spread_counts():
    features = draw(n_features=3) * [1, 1e-200, 1]
    scorer = fit(features)
    far = features.mean(axis=0) + 50 * scorer.spread * [0, 1, 0]
    assert scorer.score(far[None]) < 5 * scorer.score(features).min()


def test_scoring_changes_nothing():
    features = draw()
    scorer, before = fit(features), features.copy()
    np.testing.assert_array_equal(scorer.score(features), scorer.score(features))
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("n_components", [1, 2, 5])
def test_an_estimators_scores_do_not_depend_on_units(blob, n_components):
    estimator = Autoencoder(
        n_components, standardize=True, max_epochs=4, random_state=0
    )
    unit = np.array([1, 1e-3, 1e3, 1e6, 1e-6])
    scores = estimator.fit(blob).score_samples(blob)
    scaled = estimator.fit(blob * unit).score_samples(blob * unit)
    np.testing.assert_allclose(scaled, scores, rtol=1e-6)


@pytest.mark.parametrize("n_components", [1, 2])
def test_an_outlier_in_a_column_of_small_units_is_found(n_components):
    unit = np.array([1, 1e-9])
    X = np.random.default_rng(0).normal(size=(500, 2)) * unit
    estimator = Autoencoder(n_components, max_epochs=0, random_state=0).fit(X)
    assert estimator.predict([[0, 50] * unit]) == [-1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("full_side", [_covariance.FULL_SIDE, 3])
@pytest.mark.parametrize("value", [1e200, -1e200, 1e308, np.inf, -np.inf, np.nan])
def test_rows_beyond_the_range_of_floats_are_as_far_out_as_can_be(
    value, full_side, monkeypatch
):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    features = draw()
    rows = features[:3].copy()
    rows[1] = value
    scorer = fit(features)
    scores = scorer.score(rows)
    assert scores[1] == -np.inf
    np.testing.assert_array_equal(scores[[0, 2]], scorer.score(features[[0, 2]]))
