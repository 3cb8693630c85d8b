import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    WindowNetwork,
)
from sklearn_ae.detection import (
    FALSE_ALARM_RATE,
    IsotropicScorer,
    LikelihoodScorer,
    MahalanobisScorer,
    NeighborScorer,
    ReconstructionScorer,
    _fits,
)
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
    estimator = Autoencoder(2, outlier_score="mahalanobis", **FAST).fit(X)
    own, held_out = estimator.score_samples(X), estimator.training_scores_
    assert held_out[17] < own[17]
    assert np.median(held_out) < np.median(own)


@pytest.mark.parametrize("outlier_score", ["auto", "mahalanobis", "reconstruction"])
def test_where_the_split_is_kept_rows_held_out_are_scored_as_new_ones(
    many, outlier_score
):
    X = many[:1200]
    estimator = Autoencoder(2, outlier_score=outlier_score, **FAST).fit(X)
    gaps = np.abs(estimator.score_samples(X)[:, None] - estimator.training_scores_)
    assert gaps.min(axis=0).max() < 1e-9
    assert len(np.unique(gaps.argmin(axis=0))) == 120


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
@pytest.mark.parametrize("outlier_score", ["neighbors", "mahalanobis"])
def test_rows_beyond_the_range_of_floats_are_outliers(blob, value, outlier_score):
    estimator = Autoencoder(2, outlier_score=outlier_score, **FAST).fit(blob)
    X = blob[:3].copy()
    X[1] = value
    score = estimator.score_samples(X)[1]
    assert score < estimator.score_samples(1e100 * blob).min()
    if outlier_score == "mahalanobis":
        assert score == -np.inf
    assert estimator.predict(X)[1] == -1
    np.testing.assert_allclose(
        estimator.score_samples(X)[::2], estimator.score_samples(blob[:3:2]), rtol=1e-9
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


# -- which score


TABLES = [Autoencoder, DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder]

SCORERS = {
    "neighbors": NeighborScorer,
    "mahalanobis": MahalanobisScorer,
    "reconstruction": ReconstructionScorer,
}


@pytest.mark.parametrize("outlier_score", SCORERS)
@pytest.mark.parametrize("kind", TABLES)
def test_tables_have_the_score_asked_for(kind, outlier_score, blob):
    X = np.vstack([blob, blob[:3] * [10, -10, 10, -10, 10]])
    estimator = kind(2, outlier_score=outlier_score, **FAST).fit(blob)
    assert isinstance(estimator._scorer, SCORERS[outlier_score])
    scores = estimator.score_samples(X)
    assert np.isfinite(scores).all()
    assert scores[60:].max() < np.median(scores[:60])


@pytest.mark.parametrize(
    ("estimator", "scorer"),
    [
        *((kind(2, **FAST), NeighborScorer) for kind in TABLES[:3]),
        (VariationalAutoencoder(2, **FAST), LikelihoodScorer),
        (ConvolutionalAutoencoder(2, **FAST), IsotropicScorer),
        (SequenceAutoencoder(2, cell_size=6, **FAST), IsotropicScorer),
        (Autoencoder(2, network=WindowNetwork(), **FAST), IsotropicScorer),
    ],
)
def test_auto_is_the_score_of_the_kind_of_rows(estimator, scorer, blob):
    scores = clone(estimator).fit(blob).score_samples(blob)
    assert isinstance(estimator.fit(blob)._scorer, scorer)
    if scorer in (NeighborScorer, IsotropicScorer):
        asked = "neighbors" if scorer is NeighborScorer else "mahalanobis"
        same = estimator.set_params(outlier_score=asked).fit(blob)
        np.testing.assert_array_equal(same.score_samples(blob), scores)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Autoencoder(network=ConvolutionalNetwork()), "ConvolutionalNetwork"),
        (Autoencoder(network=WindowNetwork()), "WindowNetwork"),
        (ConvolutionalAutoencoder(), "ConvolutionalNetwork"),
        (SequenceAutoencoder(), "SequenceNetwork"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_neighbors_are_of_tables_alone(estimator, name, method, blob, monkeypatch):
    monkeypatch.delattr("sklearn_ae._base.train")  # nothing is trained
    monkeypatch.delattr("sklearn_ae._streaming.train_on_block")
    estimator = clone(estimator).set_params(outlier_score="neighbors")
    with pytest.raises(ValueError, match=r"^outlier_score='neighbors' ") as caught:
        getattr(estimator, method)(blob)
    assert str(caught.value) == (
        "outlier_score='neighbors' compares rows of tables column by column, and the "
        f"network is a {name}. Use 'auto' or 'mahalanobis'."
    )
    assert not hasattr(estimator, "net_")


# -- rows that are left out


@pytest.fixture
def contaminated(blob):
    """Rows of which those at ``OUTLIERS`` are far away: shape (60, 5)."""
    X = blob.copy()
    X[OUTLIERS] += 30 + 3 * np.arange(6)[:, None]
    return X


OUTLIERS = [3, 10, 20, 21, 40, 59]
KEPT = np.setdiff1d(np.arange(60), OUTLIERS)

# A tenth of the rows.
TRIMMED = {"trim": 0.1, "batch_size": 16, "learning_rate": 0.01, **FAST}


def parameters_of(estimator):
    return [tensor.numpy() for tensor in estimator.net_.module_.state_dict().values()]


def as_of_the_rest(estimator):
    """An estimator that treats all rows as ours treats those that it has kept.

    There may be outliers among them still, and those far from most count as far.
    """
    fitted = clone(estimator).fit(np.eye(5))
    trim = "auto" if isinstance(fitted._scorer, NeighborScorer) else 0.0
    return clone(estimator).set_params(trim=trim)


def kept_by(estimator, X):
    """Positions of the rows but for the tenth that scores lowest in a first fit."""
    first = as_of_the_rest(estimator).fit(X)
    return np.sort(np.argsort(first.score_samples(X))[len(X) // 10 :])


def assert_equal_fits(ours, expected, X):
    for tensors in zip(parameters_of(ours), parameters_of(expected), strict=True):
        np.testing.assert_array_equal(*tensors)
    np.testing.assert_array_equal(ours.score_samples(X), expected.score_samples(X))
    np.testing.assert_array_equal(ours.training_scores_, expected.training_scores_)


@pytest.mark.parametrize("outlier_score", ["auto", *SCORERS])
@pytest.mark.parametrize("kind", TABLES)
def test_a_share_of_the_rows_is_left_out_of_a_second_fit(
    kind, outlier_score, contaminated
):
    estimator = kind(1, outlier_score=outlier_score, **TRIMMED)
    kept = kept_by(estimator, contaminated)
    estimator.fit(contaminated)
    assert estimator.trimmed_share_ == pytest.approx(0.1)
    assert isinstance(estimator.trimmed_share_, float)
    assert estimator.training_scores_.shape == (54,)
    np.testing.assert_allclose(estimator.mean_, contaminated[kept].mean(axis=0))
    rest = as_of_the_rest(estimator).fit(contaminated[kept])
    assert_equal_fits(estimator, rest, contaminated)


@pytest.mark.parametrize("kind", [ConvolutionalAutoencoder, SequenceAutoencoder])
def test_so_it_is_of_images_and_sequences(kind, contaminated):
    estimator = kind(1, **TRIMMED)
    kept = kept_by(estimator, contaminated)
    rest = as_of_the_rest(estimator).fit(contaminated[kept])
    assert_equal_fits(estimator.fit(contaminated), rest, contaminated)


def test_the_rows_left_out_are_the_outliers(contaminated):
    kept = kept_by(Autoencoder(1, **TRIMMED), contaminated)
    np.testing.assert_array_equal(kept, KEPT)


def test_with_sparse_rows_and_weights_as_well(contaminated):
    from scipy import sparse

    X, weight = sparse.csr_matrix(contaminated), 1 + np.arange(60) % 3
    estimator = Autoencoder(1, **TRIMMED).fit(X, sample_weight=weight)
    kept = estimator.training_scores_.size
    assert abs(estimator.trimmed_share_ - 0.1) <= weight.max() / weight.sum()
    assert 50 < kept < 60
    left_out = np.argsort(estimator.score_samples(X))[: 60 - kept]
    share = weight[left_out].sum() / weight.sum()
    assert estimator.trimmed_share_ == pytest.approx(share)


def test_rows_left_out_have_no_influence(contaminated):
    far = contaminated.copy()
    far[OUTLIERS] *= 50
    ours, other = (Autoencoder(2, **TRIMMED).fit(X) for X in (contaminated, far))
    assert_equal_fits(ours, other, far)
    assert ours.offset_ == other.offset_


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("trim", ["auto", 0.0, 0.1, 0.45])
def test_contamination_is_of_all_rows_trimmed_or_not(
    trim, contamination, early_stopping, contaminated
):
    estimator = Autoencoder(
        2,
        trim=trim,
        contamination=contamination,
        early_stopping=early_stopping,
        **FAST,
    )
    labels = estimator.fit_predict(contaminated)
    assert (labels == -1).sum() == round(contamination * 60)
    assert set(np.flatnonzero(labels == -1)) & set(OUTLIERS)


@pytest.mark.parametrize("outlier_score", SCORERS)
def test_with_trim_0_the_score_learns_from_all_rows(outlier_score, contaminated):
    params = {"trim": 0, "outlier_score": outlier_score}
    estimator = Autoencoder(2, **params, **FAST).fit(contaminated)
    assert estimator.trimmed_share_ == 0
    assert estimator.training_scores_.shape == (60,)
    if outlier_score == "mahalanobis":
        features, _ = features_of(estimator, contaminated)
        mean = features.mean(axis=0)
        np.testing.assert_allclose(estimator._scorer.center, mean, atol=1e-12)
        trimmed = clone(estimator).set_params(trim="auto").fit(contaminated)
        assert np.abs(trimmed._scorer.center - mean).max() > 0.1


def test_with_trim_auto_the_network_learns_from_all_rows(contaminated):
    auto, none = (
        Autoencoder(2, trim=trim, **FAST).fit(contaminated) for trim in ("auto", 0)
    )
    for tensors in zip(parameters_of(auto), parameters_of(none), strict=True):
        np.testing.assert_array_equal(*tensors)
    assert 0.1 <= auto.trimmed_share_ < 0.5
    scores = auto.score_samples(contaminated)
    assert scores[OUTLIERS].max() < scores[KEPT].min()


@pytest.mark.parametrize("trim", ["auto", 0.1])
def test_the_distance_from_the_bulk_leaves_out_a_tenth(trim, blob):
    estimator = Autoencoder(2, outlier_score="mahalanobis", trim=trim, **FAST)
    assert estimator.fit(blob).trimmed_share_ == pytest.approx(0.1)


@pytest.mark.parametrize(("n_equal", "n_kept"), [(25, 25), (27, 27), (30, 30)])
def test_rows_whose_scores_tie_stay_together(n_equal, n_kept, blob):
    X = blob[:30].copy()
    X[:n_equal] = X[0]
    estimator = Autoencoder(2, trim=0.3, **FAST).fit(X)
    assert estimator.trimmed_share_ == pytest.approx(1 - n_kept / 30)


def test_no_more_is_trimmed_than_was_asked_for(blob):
    estimator = Autoencoder(2, trim=0.49, **FAST).fit(blob[:50])
    assert estimator.trimmed_share_ == pytest.approx(24 / 50)


@pytest.mark.parametrize("trim", [-0.1, 0.5, 1, "some", None])
def test_trim_is_a_share_below_a_half(trim, blob):
    with pytest.raises(ValueError, match=r"The 'trim' parameter of Autoencoder must"):
        Autoencoder(trim=trim).fit(blob)


@pytest.mark.parametrize(
    ("trim", "outlier_score", "share"),
    [
        (0.0, "auto", 0),
        (0.2, "auto", 0.2),
        (0.2, "mahalanobis", 0.2),
        (0.2, "reconstruction", 0),
    ],
)
def test_of_a_stream_the_score_alone_is_trimmed(
    trim, outlier_score, share, contaminated
):
    params = {"trim": trim, "outlier_score": outlier_score, "random_state": 0}
    estimator = Autoencoder(2, **params)
    estimator.partial_fit(contaminated).partial_fit(contaminated)
    assert estimator.trimmed_share_ == pytest.approx(share)
    assert estimator.training_scores_.shape == (120,)
    untrimmed = clone(estimator).set_params(trim=0.0)
    untrimmed.partial_fit(contaminated).partial_fit(contaminated)
    for tensors in zip(parameters_of(estimator), parameters_of(untrimmed), strict=True):
        np.testing.assert_array_equal(*tensors)


def test_both_fits_go_on_from_the_earlier_one(contaminated):
    params = {**TRIMMED, "trim": 0.0, "warm_start": True}
    ours = Autoencoder(2, **params).fit(contaminated)
    ours.set_params(trim=0.1).fit(contaminated)
    expected = Autoencoder(2, **params).fit(contaminated)
    expected.set_params(trim="auto").fit(contaminated[KEPT])
    assert_equal_fits(ours, expected, contaminated)


def test_scikit_learns_callbacks_see_one_of_two_fits(contaminated):
    pytest.importorskip("sklearn.callback")
    seen = []

    class Count:
        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            seen.append(context.task_name)

    estimator = Autoencoder(1, **TRIMMED).set_callbacks(Count()).fit(contaminated)
    assert estimator.n_epochs_ == 4
    assert seen == ["epoch"] * 4 + ["fit"]
