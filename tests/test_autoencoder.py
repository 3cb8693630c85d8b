"""What the plain autoencoder promises beyond what all estimators do."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from sklearn_ae import Autoencoder


def test_much_better_than_pca_on_digits(digits):
    train, test = digits[::2], digits[1::2]
    model = Autoencoder(2, random_state=0).fit(train)
    assert model.improved_on_pca_
    assert model.score(test) > PCA(2).fit(train).explained_variance_ratio_.sum() + 0.1
    assert model.validation_r2_ > model.pca_validation_r2_


@pytest.mark.parametrize("value", [0, 0.6, "some", -0.1])
def test_contamination_out_of_range(blob, value):
    with pytest.raises(ValueError, match="'contamination' parameter of Autoencoder"):
        Autoencoder(contamination=value).fit(blob)


@pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5])
def test_contamination_is_exact(digits, share):
    X = np.unique(digits, axis=0)[:1000]
    model = Autoencoder(5, contamination=share, max_epochs=3, random_state=0).fit(X)
    assert (model.predict(X) == -1).sum() == round(share * 1000)


def test_auto_threshold_keeps_the_false_alarm_rate_on_held_out_rows(digits):
    model = Autoencoder(5, random_state=0).fit(digits)
    below = (model.training_scores_ < model.offset_).mean()
    assert 0.02 < below <= 0.05


def test_training_scores_are_in_the_rows_order_when_cross_fitted(blob):
    X = blob.copy()
    X[17] += 100
    model = Autoencoder(2, max_epochs=3, random_state=0).fit(X)
    assert model.training_scores_.shape == (60,)
    assert model.training_scores_.argmin() == 17


def test_two_rows_have_no_outlier():
    X = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert_array_equal(Autoencoder(1).fit_predict(X), [1, 1])


def test_ties_are_not_split():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0], [9.0, 0.0]], [60, 36, 4], axis=0)
    labels = Autoencoder(1, contamination=0.04, random_state=0).fit_predict(X)
    assert len(set(labels[:60])) == len(set(labels[60:96])) == 1
    assert_array_equal(labels[96:], -1)


def test_detects_malignant_rows(cancer):
    malignant = load_breast_cancer().target == 0
    benign = cancer[~malignant]
    model = Autoencoder(random_state=0).fit(benign[::2])
    rows = np.vstack([benign[1::2], cancer[malignant]])
    truth = np.r_[np.zeros(len(benign[1::2])), np.ones(malignant.sum())]
    assert roc_auc_score(truth, -model.score_samples(rows)) > 0.93


def test_decision_is_score_less_offset(blob):
    model = Autoencoder(2, max_epochs=2, random_state=0).fit(blob)
    assert_array_equal(
        model.decision_function(blob), model.score_samples(blob) - model.offset_
    )
    assert_array_equal(
        model.predict(blob), np.where(model.decision_function(blob) < 0, -1, 1)
    )
