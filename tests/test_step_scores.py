"""What is odd about a step: the shares of the channels in the scores of windows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neighbors import LocalOutlierFactor

from sklearn_ae import SeriesDetector
from sklearn_ae._step_scores import MOVE

from .test_series_detector import FOREST, make_series


@pytest.fixture(scope="module")
def X():
    return make_series(odd=[700, 1100])


@pytest.fixture(scope="module")
def is_odd():
    labels = np.zeros(1500, int)
    labels[700:725] = labels[1100:1125] = 1
    return labels


@pytest.fixture(scope="module")
def fitted(X):
    return SeriesDetector(random_state=0).fit(X)


def test_explanation_names_the_channel(X, is_odd, fitted):
    shares = fitted.explain(X)
    assert shares.shape == X.shape
    assert_allclose(shares.sum(axis=1), 1)
    assert np.all(shares >= 0)
    assert shares[is_odd == 1, 1].mean() > 0.65
    assert 0.4 < shares[:550, 1].mean() < 0.6


@pytest.mark.parametrize("estimator", [FOREST, LocalOutlierFactor(novelty=True)])
def test_any_detector_explains(X, is_odd, estimator):
    detector = SeriesDetector(estimator, window=25).fit(X)
    shares = detector.explain(X)
    assert_allclose(shares.sum(axis=1), 1)


def test_parts_sum_up_to_a_distance():
    """Of a squared distance from the mean, whatever its metric."""
    X = make_series(400)
    detector = SeriesDetector(window=20, random_state=0).fit(X)
    scorer = detector.estimator_._scorer
    windows = np.random.default_rng(0).normal(size=(5, 20, 2))
    scores = detector.estimator_.score_samples(windows)
    parts = detector._window_parts(windows)[:, 0].sum(axis=1)
    # The bulk's centre is not exactly at the channels' means.
    assert np.all(np.abs(scorer.codes.center) < 1)
    assert_allclose(parts / (4 * MOVE), -scores, rtol=0.05)
