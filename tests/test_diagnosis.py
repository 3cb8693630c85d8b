import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae._diagnosis import SCORE_FACTS, Diagnosis, score_facts

from .estimators import ALL, FAST

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell of, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning",
    "ignore:All .* components of the codes:sklearn.exceptions.ConvergenceWarning",
)

FACTS = {
    "estimator",
    "start",
    "improved",
    "start_error",
    "held_out_error",
    "error_unit",
    "gain",
    "n_epochs",
    "best_epoch",
    "max_epochs",
    "is_cut_short",
    "training_error",
    "overfitting",
    "is_overfitted",
    "n_hidden_units",
    "n_dead_units",
    "n_components",
    "n_idle_components",
    "n_dead_atoms",
    "mean_active",
    "kl",
    "n_active",
    *SCORE_FACTS,
    "findings",
}

TEXTS = ["ab" * i + "c" for i in range(1, 25)]


@pytest.fixture(scope="module")
def rows():
    """Correlated rows between 0 and 1: shape (60, 5)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(
        size=(60, 5)
    )
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


@pytest.fixture(scope="module", params=[*ALL, "tokens", "stream"])
def fitted(request, rows):
    if request.param == "tokens":
        return SequenceAutoencoder(tokens="char", cell_size=8, **FAST).fit(TEXTS)
    if request.param == "stream":
        return Autoencoder(2, **FAST).partial_fit(rows).partial_fit(rows[:20])
    return clone(ALL[request.param]).fit(rows)


def test_a_diagnosis_has_all_facts_and_prints_as_a_report(fitted):
    diagnosis = fitted.diagnose()
    assert isinstance(diagnosis, dict)
    assert set(diagnosis) == FACTS
    lines = str(diagnosis).splitlines()
    assert lines[0] == f"Diagnosis of {type(fitted).__name__}"
    assert len(lines) == 1 + len(diagnosis["findings"])
    assert all(line.startswith(("  ok  ", "  !!  ")) for line in lines[1:])
    assert repr(diagnosis) == str(diagnosis)
    assert "None" not in str(diagnosis)
    assert "nan" not in str(diagnosis)


def test_facts_are_those_of_the_fitted_attributes(fitted):
    diagnosis = fitted.diagnose()
    assert diagnosis["n_epochs"] == fitted.n_epochs_
    assert diagnosis["best_epoch"] == fitted.best_epoch_
    assert diagnosis["n_components"] == fitted.n_components_
    assert diagnosis["offset"] == fitted.offset_
    assert diagnosis["n_scores"] == len(fitted.training_scores_)
    below = (fitted.training_scores_ < fitted.offset_).mean()
    assert diagnosis["share_flagged"] == pytest.approx(below)
    if hasattr(fitted, "improved_on_pca_") and fitted.improved_on_pca_ is not None:
        assert diagnosis["improved"] == fitted.improved_on_pca_


def test_a_diagnosis_repeats_and_changes_nothing(fitted):
    before = set(vars(fitted))
    one, other = fitted.diagnose(), fitted.diagnose()
    assert str(one) == str(other)
    assert one["training_error"] == other["training_error"]
    assert set(vars(fitted)) == before


def test_a_diagnosis_survives_a_pickle_as_does_its_estimator(fitted):
    diagnosis = fitted.diagnose()
    assert str(pickle.loads(pickle.dumps(fitted)).diagnose()) == str(diagnosis)
    restored = pickle.loads(pickle.dumps(diagnosis))
    assert isinstance(restored, Diagnosis)
    assert restored.problems == diagnosis.problems


def test_an_unfitted_estimator_says_so():
    with pytest.raises(NotFittedError):
        Autoencoder().diagnose()


# -- the facts, one by one


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
    assert "25.0% of the training rows were left out" in str(diagnosis)


def test_of_what_detects_no_outliers_there_are_no_scores():
    assert score_facts(object()) == dict.fromkeys(SCORE_FACTS)


def test_of_too_few_rows_there_is_no_training(rows):
    diagnosis = Autoencoder(2, **FAST).fit(rows[:8]).diagnose()
    assert diagnosis["n_epochs"] == 0
    assert "There was no training: fewer than 10 distinct rows" in str(diagnosis)
