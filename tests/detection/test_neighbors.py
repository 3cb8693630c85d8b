import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    OutlierAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae.detection import NeighborScorer, References, _neighbors
from sklearn_ae.detection._neighbors import n_references, tempered
from sklearn_ae.training import CPU

FAST = {"max_epochs": 4, "random_state": 0}

# Of every kind of network that has this score, by default or asked for.
KINDS = {
    "autoencoder": Autoencoder(2, **FAST),
    "outlier": OutlierAutoencoder(2, **FAST),
    "denoising": DenoisingAutoencoder(4, **FAST),
    "sparse": SparseAutoencoder(**FAST),
    "variational": VariationalAutoencoder(2, outlier_score="neighbors", **FAST),
}

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell scores apart, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

kinds = pytest.mark.parametrize("estimator", KINDS.values(), ids=KINDS)


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(80, 3))


@pytest.fixture
def features():
    return np.random.default_rng(1).normal(size=(80, 4)) * [1, 10, 0.1, 1]


def fit(rows, features, trim=0.0, floor=0.0):
    return NeighborScorer(trim).fit(rows, features, floor)


def fitted(X, estimator=KINDS["autoencoder"], weight=None, **changes):
    return clone(estimator).set_params(**changes).fit(X, sample_weight=weight)


# -- the formula


def moderate(units):
    """Values, beyond 2 by their logarithm."""
    size = np.abs(units)
    return np.sign(units) * np.where(
        size > 2, 2 + np.log(np.maximum(size, 2) - 1), size
    )


def distance_by_hand(points, rows, wary, apart=0.0):
    """The distance of rows to points; ``apart`` is added to each."""
    references = References(points, wary)
    distances = (cdist(rows, points) + apart) ** 8 + references.heights**8
    distances = distances**0.125 * references.scales
    return np.sort(distances, axis=1)[:, :3].mean(axis=1)


def weighed(scorer, features):
    """One code in units of its spread, and three residuals along two directions."""
    return moderate(features / scorer.spread) * np.array([1, *[(2 / 3) ** 0.5] * 3])


def score_by_hand(scorer, rows, features, new_rows, new_features, wary):
    """The formula of the class, of rows that are none of the references."""
    assert_allclose(scorer.spread, features.std(axis=0))
    images = ((rows, features), (new_rows, new_features))
    images = [(moderate(x), weighed(scorer, f)) for x, f in images]
    squares = 0
    for points, new in zip(*images, strict=True):
        itself = np.diag([np.inf] * len(points))
        unit = np.median(distance_by_hand(points, points, wary, itself))
        squares = squares + (1 + distance_by_hand(points, new, wary) / unit) ** 2
    return 1 - np.log2(np.sqrt(squares / 2))


@pytest.mark.parametrize("trim", ["auto", 0.0])
def test_scores_are_the_formulas(trim, rows, features):
    scorer = fit(rows, features, trim)
    rng = np.random.default_rng(2)
    new_rows, new_features = 2 * rng.normal(size=(40, 3)), rng.normal(size=(40, 4))
    wary = trim == "auto"
    expected = score_by_hand(scorer, rows, features, new_rows, new_features, wary)
    assert_allclose(scorer.score(new_rows, new_features), expected)


@pytest.mark.parametrize("trim", ["auto", 0.0])
def test_the_typical_row_has_score_zero(trim, rows, features):
    scorer = fit(rows, features, trim)
    assert_allclose(np.median(scorer._distances(rows, features, CPU), axis=1), 1)
    assert abs(np.median(scorer.score(rows, features))) < 0.2


def test_far_out_scores_fall_by_one_where_distances_double(rows, features, monkeypatch):
    distances = np.array([1e6, 2e6, 4e6]) * np.ones((2, 1))
    monkeypatch.setattr(NeighborScorer, "_distances", lambda *args: distances)
    scores = fit(rows, features).score(np.empty(3), np.empty(3))
    assert_allclose(np.diff(scores), -1, rtol=1e-4)


def test_values_up_to_2_stay_and_others_count_by_their_logarithm():
    units = np.array([[0, -0.5, 2, -2], [2 + 1e-6, -4, 1e10, np.inf]])
    ours = tempered(units)
    assert_array_equal(ours[0], units[0])
    expected = [2 + 1e-6, -2 - np.log(3), 2 + np.log(1e10), np.inf]
    assert_allclose(ours[1], expected)
    assert (np.diff(tempered(np.linspace(-9, 9, 1000))) > 0).all()
    assert np.isnan(tempered(np.array([np.nan])))


def test_one_value_far_out_does_not_decide_which_rows_are_near(rows, features):
    far = rows.copy()
    far[:2, 0] = [50, 1000]
    scorer = fit(far, features)
    # They are closer to each other than to the rest, though 950 units apart.
    distances = cdist(scorer.rows.points[:2], scorer.rows.points)
    assert distances[0].argsort()[1] == 1


def test_features_count_in_units_of_their_spread(rows, features):
    unit = np.array([1e-3, 1, 1e4, 7])
    expected = fit(rows, features).score(rows, features)
    assert_allclose(fit(rows, features * unit).score(rows, features * unit), expected)


@pytest.mark.parametrize("n_constant", [0, 3])
@pytest.mark.parametrize(("n_components", "n_left"), [(1, 4), (4, 1), (5, 1), (40, 1)])
def test_a_residual_counts_as_often_as_there_are_directions_left(
    n_components, n_left, n_constant
):
    rng = np.random.default_rng(0)
    rows, features = rng.normal(size=(80, 5)), rng.normal(size=(80, n_components + 5))
    nothing = np.zeros((80, n_constant))
    of_code, of_residual = np.split(moderate(features / features.std(axis=0)), [-5], 1)
    # What never varies is no direction, on either side.
    scorer = fit(np.hstack([rows, nothing]), np.hstack([nothing, features, nothing]))
    points = scorer.features.points[:, n_constant : n_constant + n_components + 5]
    assert_allclose(points[:, :-5], of_code)
    assert_allclose(points[:, -5:], of_residual * np.sqrt(n_left / 5))


def test_where_the_code_leaves_nothing_the_residual_counts_once(rows):
    features = np.hstack([rows, np.zeros((80, 3))])
    assert_array_equal(fit(rows, features).weight, 1)


def test_rounding_errors_are_no_features(rows, features):
    features[:, 2] *= 1e-9
    scorer = fit(rows, features, floor=1e-5)
    assert scorer.spread[2] == 1e-5
    noise = features + np.array([0, 0, 1e-10, 0])
    assert_allclose(
        scorer.score(rows, noise), scorer.score(rows, features), rtol=1e-3, atol=1e-3
    )


def test_a_row_is_odd_if_it_is_in_one_of_the_spaces(rows, features):
    scorer = fit(rows, features)
    usual = scorer.score(rows, features)[0]
    assert scorer.score(rows[:1] + 20, features[:1]) < usual - 1
    assert scorer.score(rows[:1], features[:1] + 20 * scorer.spread) < usual - 1


def test_a_training_row_is_never_its_own_neighbour(rows, features):
    scorer = fit(rows, features)
    for place, points in enumerate((moderate(rows), weighed(scorer, features))):
        expected = np.sort(cdist(points, points), axis=1)[:, 1:4].mean(axis=1)
        distances = scorer._distances(rows, features, CPU)[place]
        assert_allclose(distances, expected / np.median(expected))


# -- references


@pytest.mark.parametrize(
    ("width", "expected"),
    [(5, 2048), (1024, 2048), (2**12, 512), (2**19, 4), (2**20, 2), (2**22, 2)],
)
def test_wide_tables_have_fewer_references(width, expected):
    assert n_references(width) == expected


def test_so_an_estimator_has(monkeypatch, blob):
    monkeypatch.setattr(_neighbors, "REFERENCE_CELLS", 20 * 12)
    scorer = fitted(blob)._scorer
    assert scorer.rows.points.shape == (20, 5)
    assert scorer.features.points.shape == (20, 7)


def test_with_trim_auto_far_rows_are_far_references(rows, features):
    rows[:4] += 50
    features[75] += 50 * features.std(axis=0)
    scorer = fit(rows, features, "auto")
    assert_allclose(scorer.rows.points, moderate(rows))
    # Of all that are far in one of the spaces.
    assert scorer.share_trimmed == (scorer.rows.is_far | scorer.features.is_far).mean()
    assert scorer.rows.is_far[:4].all()
    assert scorer.features.is_far[75]
    scores = scorer.score(rows, features)
    assert scores[[0, 1, 2, 3, 75]].max() < np.delete(scores, [0, 1, 2, 3, 75]).min()


@pytest.mark.parametrize("trim", [0.05, 0.1, 0.45])
def test_a_share_of_the_rows_are_no_references(rows, features, trim):
    scorer = fit(rows, features, trim)
    assert scorer.share_trimmed == pytest.approx(trim)
    assert len(scorer.rows.points) == round(80 * (1 - trim))
    scores = fit(rows, features, "auto").score(rows, features)
    kept = np.sort(np.argsort(-scores)[: len(scorer.rows.points)])
    assert_allclose(scorer.rows.points, moderate(rows[kept]))
    assert scorer.rows.heights.all()  # of the rest, too, some may be far


def test_with_no_trim_all_rows_are_references_alike(rows, features):
    scorer = fit(rows, features, 0.0)
    assert scorer.share_trimmed == 0
    assert_allclose(scorer.rows.points, moderate(rows))
    assert not scorer.rows.heights.any()
    assert not scorer.features.heights.any()


@pytest.mark.parametrize("n_rows", [2, 3])
def test_two_rows_are_left_at_the_least(n_rows, rows, features):
    scorer = fit(rows[:n_rows], features[:n_rows], 0.49)
    assert len(scorer.rows.points) == n_rows
    assert scorer.share_trimmed == 0


# -- of estimators


@kinds
def test_scores_repeat(estimator, blob):
    one, two = fitted(blob, estimator), fitted(blob, estimator)
    assert isinstance(one._scorer, NeighborScorer)
    assert_array_equal(one.score_samples(blob), two.score_samples(blob))
    assert_array_equal(one.score_samples(blob), one.score_samples(blob))


@kinds
def test_a_row_scores_alone_as_among_others(estimator, blob):
    model = fitted(blob, estimator)
    X = np.vstack([blob, 2 * blob])
    alone = np.concatenate([model.score_samples(row[None]) for row in X])
    assert_allclose(alone, model.score_samples(X), rtol=1e-9, atol=1e-9)


def test_rows_are_judged_by_references_that_they_are_none_of(blob, monkeypatch):
    blob[17] += 10
    seen, fit = [], NeighborScorer.fit

    def spy(self, rows, features, **known):
        seen.append(np.abs(rows).max())
        return fit(self, rows, features, **known)

    monkeypatch.setattr(NeighborScorer, "fit", spy)
    fitted(blob)
    # The row is among the references of the final model and of all folds but its own.
    is_there = np.isclose(seen, max(seen))
    assert len(seen) > 2
    assert (~is_there).sum() == 1


@kinds
def test_the_order_of_rows_does_not_matter(estimator, blob):
    order = np.random.default_rng(0).permutation(60)
    blob[:5] = blob[5]
    one, two = fitted(blob, estimator), fitted(blob[order], estimator)
    assert_allclose(
        one.score_samples(blob), two.score_samples(blob), rtol=1e-6, atol=1e-6
    )
    assert one.trimmed_share_ == pytest.approx(two.trimmed_share_)


@kinds
@pytest.mark.parametrize("trim", ["auto", 0.0, 0.1])
def test_a_weight_is_a_number_of_repetitions(estimator, trim, blob):
    counts = np.random.default_rng(0).integers(0, 4, size=60)
    counts[:3] = 0
    weighted = fitted(blob, estimator, counts, trim=trim)
    repeated = fitted(np.repeat(blob, counts, axis=0), estimator, trim=trim)
    assert_allclose(
        weighted.score_samples(blob),
        repeated.score_samples(blob),
        rtol=1e-6,
        atol=1e-6,
    )
    assert weighted.trimmed_share_ == pytest.approx(repeated.trimmed_share_)


def test_only_the_ratio_of_weights_counts(blob):
    weight = np.random.default_rng(0).uniform(1, 3, size=60)
    scores = [fitted(blob, weight=w).score_samples(blob) for w in (weight, 7 * weight)]
    assert_allclose(*scores, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("standardize", "tolerance"), [(True, 1e-6), (False, 1)])
def test_units_of_columns_do_not_matter(standardize, tolerance, blob):
    X = blob * [1, 10, 1e-3, 1e4, 0.1] + [0, 5, 0, -1e3, 0]
    scores, other = (
        fitted(part, standardize=standardize).score_samples(part) for part in (blob, X)
    )
    assert_allclose(scores, other, atol=tolerance)
    assert np.corrcoef(scores, other)[0, 1] > 0.8


@kinds
def test_far_rows_have_ever_lower_scores(estimator, blob):
    """Up to the range of floats, beyond which they may be minus infinity."""
    model = fitted(blob, estimator)
    sizes = 10.0 ** np.array([1, 2, 4, 8, 50, 100, 150, 160, 200, 250, 300, 307])
    for direction in (np.ones(5), np.eye(5)[2], -np.eye(5)[4]):
        scores = model.score_samples(sizes[:, None] * direction)
        assert not np.isnan(scores).any()
        assert (scores[1:] < scores[:-1]).all()
        assert scores[0] < model.score_samples(blob).min()


@kinds
def test_columns_that_never_vary(estimator, blob):
    X = np.column_stack([blob, np.full(60, 3.0)])
    model = fitted(X, estimator)
    assert np.isfinite(model.score_samples(X)).all()
    X[:, 5] += 1
    assert model.score_samples(X).max() < model.training_scores_.min()


@kinds
@pytest.mark.parametrize("n_rows", [2, 3, 30])
def test_all_rows_are_equal(estimator, n_rows):
    X = np.full((n_rows, 3), 2.0)
    model = fitted(X, estimator)
    assert_array_equal(
        model.score_samples(X), np.full(n_rows, model.score_samples(X)[0])
    )
    assert np.isfinite([*model.score_samples(X), *model.training_scores_]).all()
    assert_array_equal(model.predict(X), 1)
    assert model.score_samples(X[:1] + 1) < model.score_samples(X[:1])
    assert model.trimmed_share_ == 0


@pytest.mark.parametrize("early_stopping", [True, False])
def test_most_rows_are_equal(early_stopping, rows):
    X = np.vstack([np.ones((75, 3)), rows[:5]])
    model = fitted(X, early_stopping=early_stopping)
    scores = model.score_samples(X)
    assert np.isfinite(scores).all()
    assert np.ptp(scores[:75]) < 1e-6
    assert scores[75:].max() < scores[:75].min()


@kinds
@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 30), (12, 40)])
def test_very_few_rows(estimator, shape):
    X = np.random.default_rng(0).normal(size=shape)
    model = fitted(X, estimator)
    assert np.isfinite([*model.score_samples(X), *model.training_scores_]).all()
    assert model.score_samples(100 * X).max() < model.score_samples(X).min()


@kinds
def test_rows_in_float32_score_as_in_float64(estimator, blob):
    model = fitted(blob, estimator)
    scores = model.score_samples(blob)
    rounded = model.score_samples(blob.astype(np.float32))
    assert rounded.dtype == np.float64
    assert_allclose(rounded, scores, atol=1e-4)
    small = fitted(blob.astype(np.float32), estimator)
    # Folds follow from the bits of the rows: it is another fit, as good.
    least = 0.8 if isinstance(estimator, SparseAutoencoder) else 0.9
    assert np.corrcoef(small.score_samples(blob), scores)[0, 1] > least


def test_rows_of_large_means_in_float32_are_the_training_rows():
    X = 100 + np.random.default_rng(0).normal(size=(300, 5))
    model = fitted(X, KINDS["outlier"], max_epochs=60)
    narrow = X.astype(np.float32)
    assert_array_equal(model.predict(narrow), model.predict(X))
    assert_allclose(model.score_samples(narrow), model.score_samples(X), atol=0.01)
    # And the other way round.
    model = fitted(narrow, KINDS["outlier"])
    assert_allclose(model.score_samples(narrow), model.score_samples(X), atol=0.01)


def test_rows_next_to_training_rows_are_others():
    X = 100 + np.random.default_rng(0).normal(size=(300, 5))
    model = fitted(X)
    near = model.score_samples(X + 0.001)
    assert (near - model.score_samples(X) > 0.01).mean() > 0.9


@kinds
def test_sparse_rows_score_as_dense(estimator, blob):
    X = np.where(blob > 0, blob, 0)
    dense, thin = fitted(X, estimator), fitted(sparse.csr_matrix(X), estimator)
    for model in (dense, thin):
        assert_allclose(
            model.score_samples(sparse.csr_array(X)), dense.score_samples(X), atol=1e-6
        )


@pytest.fixture
def clustered():
    """Rows of which the last 12 are outliers, nearly the same: shape (312, 4)."""
    rng = np.random.default_rng(0)
    inliers = rng.normal(size=(300, 4))
    return np.vstack([inliers, 7 + 0.01 * rng.normal(size=(12, 4))])


def test_a_small_group_of_outliers_is_found(clustered):
    scores = fitted(clustered).score_samples(clustered)
    assert scores[300:].max() < scores[:300].min()


def test_if_all_rows_count_alike_it_is_not(clustered):
    scores = fitted(clustered, trim=0.0).score_samples(clustered)
    assert np.median(scores[300:]) > np.median(scores[:300])


def test_new_rows_of_the_group_are_outliers_as_well(clustered):
    model = fitted(clustered)
    new = 7 + 0.01 * np.random.default_rng(1).normal(size=(20, 4))
    assert_array_equal(model.predict(new), -1)


@kinds
def test_a_pickle_scores_alike(estimator, blob):
    model = fitted(blob, estimator)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.score_samples(2 * blob), model.score_samples(2 * blob))
    assert again.trimmed_share_ == model.trimmed_share_
