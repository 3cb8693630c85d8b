import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ae import Autoencoder, AutoencoderEnsemble, SequenceAutoencoder
from sklearn_ae._diagnosis import Diagnosis
from sklearn_ae._facts import SCORE_FACTS

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


def test_an_ensemble_reports_on_its_members(rows):
    ensemble = AutoencoderEnsemble(
        Autoencoder(9, **FAST), n_estimators=3, random_state=0
    )
    with pytest.raises(NotFittedError):
        ensemble.diagnose()
    diagnosis = ensemble.fit(rows).diagnose()
    assert len(diagnosis["members"]) == 3
    assert str(diagnosis["members"][1]) == str(ensemble.estimators_[1].diagnose())
    assert diagnosis["n_calibration"] == len(ensemble.training_scores_)
    assert diagnosis.problems == [
        "3 of 3 members: 4 of 9 components of the codes never vary. Lower n_components "
        "to 5."
    ]
    assert str(diagnosis).startswith("Diagnosis of AutoencoderEnsemble\n  ok  All 3")
