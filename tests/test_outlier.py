"""What the preset for outliers promises beyond what all estimators do."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score

from sklearn_ae import (
    Autoencoder,
    ConvolutionalNetwork,
    OutlierAutoencoder,
    SequenceNetwork,
    _facts,
)
from sklearn_ae.detection import NeighborScorer

FAST = {"max_epochs": 4, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def test_it_is_the_autoencoder_with_other_defaults(blob):
    ours = OutlierAutoencoder(2, **FAST).fit(blob)
    changed = {
        name: value
        for name, value in OutlierAutoencoder().get_params().items()
        if value != Autoencoder().get_params()[name]
    }
    assert changed == {
        "standardize": True,
        "hidden_layer_sizes": (64, 32),
        "learning_rate": 0.01,
        "n_iter_no_change": 10,
        "corruption": "auto",
        "corruption_rate": 0.1,
    }
    # Of the same number of folds it is the same fit.
    params = {**ours.get_params(), "validation_fraction": 0.5}
    ours = OutlierAutoencoder(**params).fit(blob)
    same = Autoencoder(**{**params, "corruption": "swap"}).fit(blob)
    assert_array_equal(ours.transform(blob), same.transform(blob))
    assert_array_equal(ours.score_samples(blob), same.score_samples(blob))


@pytest.mark.parametrize(
    ("n_rows", "n_epochs", "plain"),
    # A small table is one batch; 1100 rows are 5.
    [(100, 200, 600), (1100, 80, 300)],
)
def test_steps_are_fewer(n_rows, n_epochs, plain, table):
    params = {"hidden_layer_sizes": (), "random_state": 0, "n_iter_no_change": 1}
    ours = OutlierAutoencoder(1, **params).fit(table[:n_rows])
    assert ours.max_epochs_ == n_epochs
    assert Autoencoder(1, **params).fit(table[:n_rows]).max_epochs_ == plain


@pytest.mark.parametrize(
    "network", [ConvolutionalNetwork(image_shape=(5, 1)), SequenceNetwork()]
)
def test_images_and_sequences_are_not_corrupted(network, blob):
    params = {"network": network, "validation_fraction": 0.5, **FAST}
    ours = OutlierAutoencoder(2, **params).fit(blob)
    params |= {"corruption": None}
    same = OutlierAutoencoder(2, **params).fit(blob)
    assert_array_equal(ours.transform(blob), same.transform(blob))


def test_sequences_may_have_several_lengths(blob):
    sequences = [row[: 3 + i % 3, None] for i, row in enumerate(blob)]
    ours = OutlierAutoencoder(2, network=SequenceNetwork(cell_size=4), **FAST)
    assert ours.fit(sequences).score_samples(sequences).shape == (60,)


@pytest.mark.parametrize("corruption", ["all", 0.1])
def test_corruption_has_a_name(corruption, blob):
    with pytest.raises(ValueError, match="The 'corruption' parameter of OutlierAuto"):
        OutlierAutoencoder(corruption=corruption).fit(blob)


def test_there_are_three_folds_at_most(blob):
    plain, ours = (
        kind(2, **FAST)._open(blob, None).recipe.max_folds
        for kind in (Autoencoder, OutlierAutoencoder)
    )
    assert ours == 3 < plain


def test_outliers_are_found_as_well_as_by_a_forest(cancer):
    benign = load_breast_cancer().target
    normal = cancer[benign == 1]
    detectors = OutlierAutoencoder(random_state=0), IsolationForest(random_state=0)
    ours, forest = (
        roc_auc_score(benign, each.fit(normal[::2]).score_samples(cancer))
        for each in detectors
    )
    assert ours > 0.95
    assert ours > forest - 0.02


def test_scores_are_distances_to_neighbours_whatever_the_units(blob):
    unit = np.array([1, 1e3, 1e-4, 7, 1])
    one, other = (OutlierAutoencoder(2, **FAST).fit(X) for X in (blob, unit * blob))
    assert isinstance(one._scorer, NeighborScorer)
    assert_allclose(
        one.score_samples(blob), other.score_samples(unit * blob), atol=1e-5
    )


def test_it_goes_where_forests_go(blob):
    X = np.vstack([blob, 5 + blob[:3] * 5])
    detector = OutlierAutoencoder(contamination=3 / 63, random_state=0)
    assert_array_equal(np.flatnonzero(detector.fit_predict(X) == -1), [60, 61, 62])


@pytest.mark.filterwarnings("error:.*was still improving")
def test_epochs_that_end_early_on_purpose_are_none_that_ran_out(monkeypatch):
    schedule = OutlierAutoencoder._schedule._replace(steps=1, min_epochs=4)
    monkeypatch.setattr(OutlierAutoencoder, "_schedule", schedule)
    monkeypatch.setattr(_facts, "STILL_IMPROVING", 0.0)
    X = load_digits().data[:1200]
    by_default = OutlierAutoencoder(8, random_state=0).fit(X)
    assert by_default.max_epochs_ == 4
    assert by_default.diagnose()["is_cut_short"]
    with pytest.warns(ConvergenceWarning, match="max_epochs=4 ran out"):
        clone(by_default).set_params(max_epochs=4).fit(X)
