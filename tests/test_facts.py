import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae._facts import SCORE_FACTS, score_facts

from .estimators import FAST

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell of, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning",
    "ignore:All .* components of the codes:sklearn.exceptions.ConvergenceWarning",
)


@pytest.fixture(scope="module")
def rows():
    """Correlated rows between 0 and 1: shape (60, 5)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(
        size=(60, 5)
    )
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


def test_errors_are_those_of_the_scores(table):
    model = Autoencoder(2, max_epochs=40, random_state=0).fit(table)
    diagnosis = model.diagnose()
    assert diagnosis["improved"]
    assert diagnosis["start"] == "PCA"
    assert diagnosis["start_error"] == pytest.approx(1 - model.pca_validation_r2_)
    assert diagnosis["held_out_error"] == pytest.approx(1 - model.validation_r2_)
    gain = 1 - (1 - model.validation_r2_) / (1 - model.pca_validation_r2_)
    assert diagnosis["gain"] == pytest.approx(gain)
    # Of the sample that is kept, about which all is measured.
    rows = model._reference.rows
    error = 1 - model.score(rows)
    assert diagnosis["training_error"] == pytest.approx(error, rel=0.05)
    ratio = diagnosis["held_out_error"] / diagnosis["training_error"]
    assert diagnosis["overfitting"] == pytest.approx(ratio)


def test_denoisers_are_judged_on_corrupted_rows(table):
    model = DenoisingAutoencoder(random_state=0, max_epochs=10).fit(table)
    diagnosis = model.diagnose()
    assert diagnosis["start"] == "the best linear denoiser"
    error = 1 - model.score(model._reference.rows)
    assert diagnosis["training_error"] == pytest.approx(error, rel=0.15)


def test_likelihoods_are_compared_in_nats(table):
    model = VariationalAutoencoder(2, random_state=0, max_epochs=10).fit(table)
    diagnosis = model.diagnose()
    assert diagnosis["error_unit"] == "nats"
    assert diagnosis["start"] == "probabilistic PCA"
    assert diagnosis["held_out_error"] == pytest.approx(-model.validation_elbo_)
    assert 0.8 < diagnosis["overfitting"] < 1.2
    np.testing.assert_array_equal(diagnosis["kl"], model.kl_)


def test_active_components_are_those_whose_mean_varies(table):
    model = VariationalAutoencoder(
        5, random_state=0, max_epochs=10, prior="normal"
    ).fit(table)
    variances = model.transform(model._reference.rows).var(axis=0)
    assert model.diagnose()["n_active"] == (variances > 0.01).sum()


def test_collapsed_codes_are_a_problem(table):
    with pytest.warns(ConvergenceWarning, match="have collapsed"):
        model = VariationalAutoencoder(2, beta=1e4, random_state=0, max_epochs=5).fit(
            table
        )
    diagnosis = model.diagnose()
    assert diagnosis["n_active"] == 0
    assert any("Lower beta" in text for text in diagnosis.problems)


def test_a_model_that_learned_noise_by_heart_is_overfitted():
    X = np.random.default_rng(0).normal(size=(60, 20))
    diagnosis = Autoencoder(18, random_state=0, max_epochs=20).fit(X).diagnose()
    assert diagnosis["is_overfitted"]
    assert any("knows its training rows" in text for text in diagnosis.problems)


def test_a_fit_that_is_cut_short_is_a_problem(table):
    with pytest.warns(ConvergenceWarning, match="still improving"):
        model = Autoencoder(2, max_epochs=5, random_state=0).fit(table)
    diagnosis = model.diagnose()
    assert diagnosis["is_cut_short"]
    assert any("Raise max_epochs, which was 5." in text for text in diagnosis.problems)


def test_dead_units_are_counted(rows):
    model = Autoencoder(
        2, hidden_layer_sizes=(8,), activation="relu", random_state=0, max_epochs=8
    ).fit(rows)
    before = model.diagnose()
    branch = model.net_.module_.encoder_branch
    branch.hidden[0].bias.data[..., :5] = -1e3
    after = model.diagnose()
    assert before["n_hidden_units"] == after["n_hidden_units"] == 16
    assert after["n_dead_units"] >= 5
    assert after["n_dead_units"] > before["n_dead_units"]
    assert any("take activation='silu'" in text for text in after.problems)


def test_components_beyond_the_rank_are_idle(rows):
    diagnosis = Autoencoder(9, **FAST).fit(rows).diagnose()
    assert diagnosis["n_idle_components"] == 4
    assert any(text.endswith("Lower n_components to 5.") for text in diagnosis.problems)


def test_atoms_are_those_of_the_fit(table):
    model = SparseAutoencoder(random_state=0, max_epochs=5).fit(table)
    diagnosis = model.diagnose()
    assert diagnosis["n_dead_atoms"] == model.n_dead_
    assert diagnosis["mean_active"] == model.mean_active_
    assert diagnosis["start"] == "its start"
    assert diagnosis["start_error"] is None


def test_a_penalty_of_means_over_rows_is_not_compared(rows):
    diagnosis = SparseAutoencoder(penalty="kl", **FAST).fit(rows).diagnose()
    assert diagnosis["training_error"] is None
    assert diagnosis["overfitting"] is None


def test_rows_that_repeat_each_other_are_ties(rows):
    X = np.repeat(rows, 2, axis=0)
    diagnosis = Autoencoder(2, **FAST).fit(X).diagnose()
    assert diagnosis["share_tied"] == 1
    assert diagnosis["n_distinct_scores"] == 60


def test_without_rows_held_out_there_is_no_calibration(rows):
    diagnosis = Autoencoder(2, early_stopping=False, **FAST).fit(rows).diagnose()
    assert diagnosis["n_calibration"] == 0
    assert diagnosis["held_out_error"] is diagnosis["improved"] is None
    assert len(diagnosis.problems) == 2


def test_rows_left_out_are_told_where_an_estimator_says_so(rows):
    model = Autoencoder(2, **FAST).fit(rows)
    model.trimmed_share_ = 0.25
    diagnosis = model.diagnose()
    assert diagnosis["share_trimmed"] == 0.25
    assert "25.0% of the training rows are far from most, or left out" in str(diagnosis)


def test_of_what_detects_no_outliers_there_are_no_scores():
    assert score_facts(object()) == dict.fromkeys(SCORE_FACTS)


def test_of_too_few_rows_there_is_no_training(rows):
    diagnosis = Autoencoder(2, **FAST).fit(rows[:8]).diagnose()
    assert diagnosis["n_epochs"] == 0
    assert "There was no training: fewer than 10 distinct rows" in str(diagnosis)
