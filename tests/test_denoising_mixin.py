import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ae import DenoisingAutoencoder
from sklearn_ae._denoising_mixin import CANDIDATES, EVALUATION_RATE, EVALUATION_SCALE
from sklearn_ae.metrics import RunningR2, reconstruction_r2
from sklearn_ae.training import KINDS as ALL_KINDS
from sklearn_ae.training import _rows

# Rows of a table have no steps.
KINDS = sorted(set(ALL_KINDS) - {"step_masking"})

FAST = {"max_epochs": 3, "random_state": 0}
SHARES = sorted(set(KINDS) - {"gaussian"})

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def curve(n_rows, seed=0):
    """Rows around a curved sheet, in columns of other units and means."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2, 2, size=(n_rows, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    return (X + 0.05 * rng.normal(size=X.shape)) * [1, 2, 0.5, 1] + [0, 5, 100, -3]


@pytest.fixture(params=KINDS)
def fitted(request):
    return DenoisingAutoencoder(2, corruption=request.param, **FAST).fit(curve(100))


# -- rows corrupted as in score


def test_a_row_is_always_corrupted_alike(fitted, monkeypatch):
    X = curve(60, seed=1)
    rows = fitted.corrupt(X)
    assert rows.shape == X.shape
    assert_array_equal(fitted.corrupt(X), rows)
    assert_array_equal(fitted.corrupt(X[::-1])[::-1], rows)
    assert_array_equal(fitted.corrupt(X[7:8]), rows[7:8])
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    assert_array_equal(fitted.corrupt(X), rows)


def test_corrupting_leaves_the_rows_alone(fitted):
    X = curve(60, seed=1)
    before = X.copy()
    assert (fitted.corrupt(X) != X).any(axis=0).all()
    assert_array_equal(X, before)


def test_corrupting_takes_any_layout(fitted):
    X = curve(60, seed=1)
    assert_allclose(fitted.corrupt(sparse.csr_array(X)), fitted.corrupt(X))
    assert fitted.corrupt(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("kind", SHARES)
def test_the_share_of_changed_cells_is_the_rate_of_evaluation(kind):
    X = curve(3000)
    model = DenoisingAutoencoder(
        2, corruption=kind, evaluation_rate=[0, 0.1, 0.3, 0.8], max_epochs=0
    ).fit(X)
    changed = np.abs(model.corrupt(X) - X) > 1e-9
    assert_allclose(changed.mean(axis=0), [0, 0.1, 0.3, 0.8], atol=0.03)


def test_noise_is_measured_in_standard_deviations():
    X = curve(3000)
    model = DenoisingAutoencoder(
        2, corruption="gaussian", evaluation_rate=0.7, max_epochs=0
    ).fit(X)
    added = (model.corrupt(X) - X) / X.std(axis=0)
    assert_allclose(added.std(axis=0), 0.7, rtol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_of_evaluation_has_a_default(kind):
    X = curve(3000)
    auto = DenoisingAutoencoder(2, corruption=kind, max_epochs=0, random_state=0).fit(X)
    rate = EVALUATION_SCALE if kind == "gaussian" else EVALUATION_RATE
    given = clone(auto).set_params(evaluation_rate=rate).fit(X)
    assert_array_equal(auto.corrupt(X), given.corrupt(X))


@pytest.mark.parametrize("kind", KINDS)
def test_all_random_states_corrupt_alike(kind):
    # Candidates of a search are compared on the same corrupted rows.
    X = curve(60)
    one, other = (
        DenoisingAutoencoder(2, corruption=kind, max_epochs=0, random_state=seed).fit(X)
        for seed in (0, 1)
    )
    assert_array_equal(one.corrupt(X), other.corrupt(X))


def test_corrupting_needs_a_fit(blob):
    with pytest.raises(NotFittedError):
        DenoisingAutoencoder().corrupt(blob)


# -- the score


def test_the_score_is_the_r2_of_clean_rows_from_corrupted_ones(fitted):
    X, weight = curve(60, seed=1), np.random.default_rng(0).uniform(size=60)
    for w in (None, weight):
        total = RunningR2(fitted.mean_)
        back = fitted.reconstruct(fitted.corrupt(X))
        total.add(X, back, np.ones(60) if w is None else w)
        assert fitted.score(X, sample_weight=w) == pytest.approx(total.result())


def test_the_score_repeats_and_is_below_that_of_clean_rows(fitted):
    X = curve(60, seed=1)
    assert fitted.score(X) == fitted.score(X)
    assert fitted.score(X) < reconstruction_r2(fitted, X)


@pytest.mark.parametrize("kind", KINDS)
def test_lighter_corruption_scores_higher(kind):
    X = curve(400)
    scores = [
        DenoisingAutoencoder(3, corruption=kind, evaluation_rate=rate, max_epochs=0)
        .fit(X)
        .score(X)
        for rate in (0.05, 0.2, 0.6)
    ]
    assert scores == sorted(scores, reverse=True)


def test_candidates_of_a_search_are_judged_by_the_same_rows():
    X = curve(200)
    models = [
        DenoisingAutoencoder(2, corruption="masking", corruption_rate=rate, **FAST)
        for rate in (0.1, 0.5)
    ]
    one, other = (model.fit(X).corrupt(X) for model in models)
    assert_array_equal(one, other)


# -- what held-out rows say


@pytest.mark.parametrize("kind", KINDS)
def test_validation_r2_is_near_the_score_of_new_rows(kind):
    X = curve(1500)
    # Of other draws: those of the score have not chosen the epoch.
    model = DenoisingAutoencoder(
        2,
        corruption=kind,
        max_epochs=5,
        validation_fraction=0.5,
        random_state=0,
    ).fit(X)
    assert model.validation_r2_ == pytest.approx(model.score(curve(3000, 1)), abs=0.1)
    assert 1 - model.history_["valid_loss"].min() == pytest.approx(model.validation_r2_)


@pytest.mark.parametrize("kind", KINDS)
def test_linear_r2_is_that_of_the_start(kind):
    X = curve(1500)
    model = DenoisingAutoencoder(
        2, corruption=kind, corruption_rate=0.2, noise_scale=0.5, **FAST
    )
    trained = clone(model).fit(X)
    start = clone(model).set_params(max_epochs=0).fit(X)
    assert start.improved_on_linear_ is False
    assert start.validation_r2_ == start.linear_validation_r2_
    assert trained.linear_validation_r2_ == pytest.approx(
        start.validation_r2_, rel=1e-5
    )


def test_nothing_is_said_where_nothing_is_held_out(blob):
    model = DenoisingAutoencoder(2, early_stopping=False, **FAST).fit(blob)
    assert model.improved_on_linear_ is None
    assert model.validation_r2_ is model.linear_validation_r2_ is None


# -- the rate of training


@pytest.mark.parametrize("kind", SHARES)
def test_auto_takes_one_of_the_candidates(kind):
    model = DenoisingAutoencoder(2, corruption=kind, **FAST).fit(curve(100))
    rates = [share * EVALUATION_RATE for share in CANDIDATES]
    assert min(abs(rate - model.corruption_rate_) for rate in rates) < 1e-9
    assert model.noise_scale_ is None


def test_auto_follows_the_rate_of_evaluation():
    X = curve(100)
    model = DenoisingAutoencoder(2, evaluation_rate=[0.1, 0.2, 0.4, 0.8], **FAST)
    ratio = model.fit(X).corruption_rate_ / np.array([0.1, 0.2, 0.4, 0.8])
    # Of a row with no cell left nothing can be learned.
    assert (model.corruption_rate_ <= 0.9).all()
    assert_allclose(ratio[:3], ratio[0])


def test_a_given_rate_is_taken():
    X = curve(100)
    model = DenoisingAutoencoder(2, corruption_rate=0.33, **FAST).fit(X)
    assert model.corruption_rate_ == 0.33
    assert model.noise_scale_ is None
    model = DenoisingAutoencoder(2, corruption_rate=[0.1, 0.2, 0.3, 0.4], **FAST)
    assert_array_equal(model.fit(X).corruption_rate_, [0.1, 0.2, 0.3, 0.4])
    model = DenoisingAutoencoder(
        2, corruption="gaussian", corruption_rate=0.1, noise_scale=0.7, **FAST
    ).fit(X)
    assert model.noise_scale_ == 0.7
    assert model.corruption_rate_ is None


def test_auto_and_the_rate_it_chose_are_one_model():
    X = curve(100)
    auto = DenoisingAutoencoder(2, **FAST).fit(X)
    given = clone(auto).set_params(corruption_rate=auto.corruption_rate_).fit(X)
    assert_array_equal(auto.transform(X), given.transform(X))


def test_a_stream_has_the_rate_of_evaluation(blob):
    model = DenoisingAutoencoder(2, **FAST).partial_fit(blob)
    assert model.corruption_rate_ == EVALUATION_RATE
    codes = model.transform(blob)
    assert np.isfinite(model.partial_fit(blob).score(blob))
    assert not np.array_equal(model.transform(blob), codes)


def test_a_stream_keeps_the_rate_that_a_fit_has_chosen(blob, monkeypatch):
    monkeypatch.setattr(DenoisingAutoencoder, "_choose_share", lambda *args: 2.0)
    model = DenoisingAutoencoder(2, **FAST).fit(blob)
    model.partial_fit(blob)
    assert model.corruption_rate_ == 2 * EVALUATION_RATE
    assert_array_equal(model._corruption.amount, 2 * EVALUATION_RATE)


# -- errors


def test_a_rate_of_evaluation_for_each_column(blob):
    message = "evaluation_rate has shape \\(2,\\), but X has 5 columns"
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(2, evaluation_rate=[0.1, 0.2]).fit(blob)


def test_a_share_of_cells_beyond_one_is_refused(blob):
    message = "evaluation_rate holds 1.5, and must be between 0 and 1 in each column"
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(2, evaluation_rate=1.5).fit(blob)
    model = DenoisingAutoencoder(2, corruption="gaussian", evaluation_rate=1.5, **FAST)
    assert np.isfinite(model.fit(blob).score(blob))


@pytest.mark.parametrize(
    ("name", "value"),
    [("evaluation_rate", -0.1), ("evaluation_rate", "some"), ("corruption", None)],
)
def test_parameters_out_of_range(blob, name, value):
    message = f"The '{name}' parameter of DenoisingAutoencoder must be"
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(**{name: value}).fit(blob)
