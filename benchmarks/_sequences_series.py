"""Long series: a score for every step, beside other detectors of the same windows."""

import _report
import numpy as np
from _sequences_data import NO_LONG_SERIES, load_nab, load_smap
from _timing import seconds_of
from _variants import Part, judge, note, section
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

from sklearn_ae import SeriesDetector

# Steps around an anomaly, at most, that VUS forgives.
VUS_WINDOW = 100

# Neighbours of the nearest-neighbour detectors; None takes the square root of windows.
NEIGHBOURS = {"kNN, k = 5": 5, "kNN, k = √n": None}

HEADER = ("detector", "AUC-PR", "VUS-PR", "s")


class PrincipalResidual(BaseEstimator):
    """Reconstruction error of PCA, each number in units of its usual error."""

    def fit(self, X, y=None):
        self.pca_ = PCA(0.9, svd_solver="full").fit(X)
        variance = np.square(self._residual(X)).mean(axis=0)
        self.variance_ = variance + 1e-6 * max(variance.mean(), 1e-12)
        return self

    def _residual(self, X):
        return X - self.pca_.inverse_transform(self.pca_.transform(X))

    def score_samples(self, X):
        return -(np.square(self._residual(X)) / self.variance_).mean(axis=1)


class Neighbours(BaseEstimator):
    """Distance to the k-th nearest training window."""

    def __init__(self, k):
        self.k = k

    def fit(self, X, y=None):
        k = int(np.sqrt(len(X))) if self.k is None else min(self.k, len(X))
        self.neighbours_ = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X)
        return self

    def score_samples(self, X):
        return -self.neighbours_.kneighbors(X)[0][:, -1]


def run_nab(options):
    """Fit to each series without its labels, and score every step of it."""
    how = "Fitted to each series, anomalies and all, and scored on it."
    return _run("NAB", load_nab(options), options, how)


def run_smap(options):
    """Fit to the training part of each channel, and score the test part."""
    how = "Fitted to the training part of each, and scored on the test part."
    return _run("SMAP", load_smap(options), options, how)


def _run(name, series, options, how):
    if series is None:
        return Part([], [NO_LONG_SERIES])
    series = series[:2] if options.quick else series
    results, rows = {}, []
    for label, train, test, truth in series:
        window = None
        for model, detect in _detectors(options).items():
            seconds, (scores, window) = seconds_of(
                lambda d=detect, w=window, a=train, b=test: d(a, b, w)
            )
            values = (average_precision_score(truth, scores), vus(truth, scores))
            results.setdefault(model, []).append((*values, seconds))
        pair = " ".join(f"{values[-1][0]:.3f}" for values in results.values())
        note(label, len(test), train.shape[1], window, pair)
        shown = [f"{values[-1][0]:.3f}" for values in results.values()]
        rows.append((label, len(test), window, *shown))
    means = {model: np.mean(values, axis=0) for model, values in results.items()}
    bounds = []
    for position, measure in enumerate(("AUC-PR", "VUS-PR")):
        best = max(values[position] for m, values in means.items() if m != "ours")
        gain = means["ours"][position] - best
        judge(bounds, _report.at_least(f"{measure} above the best other's", gain, 0))
    table = [
        (model, *(f"{value:.3f}" for value in values[:2]), f"{values[2]:.1f}")
        for model, values in means.items()
    ]
    text = (
        f"{len(series)} series of {name}. {how} Means over the series; no point "
        "adjustment. Ours is `SeriesDetector()` with its defaults. PCA, "
        "IsolationForest and kNN are in its place: on the same windows, averaged over "
        "the windows that hold a step in the same way. LSTMAD is PyOD's, with its "
        f"defaults. VUS-PR forgives up to {VUS_WINDOW} steps. Seconds of a fit and the "
        "scores."
    )
    header = ("series", "steps", "window", *means)
    each = "AUC-PR of each series."
    return Part(
        bounds,
        [section(name, text, HEADER, table), section("Each", each, header, rows)],
    )


def vus(truth, scores):
    """Return the volume under the surface of precision and recall."""
    from vus.utils.metrics import metricor

    # Of ranks: scores of any range are told apart alike.
    ranks = rankdata(scores)
    return metricor().RangeAUC_volume_opt(truth, ranks, VUS_WINDOW, 250)[-1]


def _detectors(options):
    """Return functions of training and test steps and the window, by name."""

    def windows_of(estimator=None):
        def detect(train, test, window):
            given = "auto" if window is None else window
            detector = SeriesDetector(estimator, window=given, random_state=0)
            scores = -detector.fit(train).score_samples(test)
            return scores, detector.window_

        return detect

    def lstm(train, test, window):
        return lstm_scores(train, test, options), window

    detectors = {"ours": windows_of()}
    detectors["PCA, whitened residuals"] = windows_of(PrincipalResidual())
    detectors["IsolationForest"] = windows_of(IsolationForest(random_state=0))
    for name, k in NEIGHBOURS.items():
        detectors[name] = windows_of(Neighbours(k))
    detectors["LSTMAD"] = lstm
    return detectors


def lstm_scores(train, test, options):
    """Return the scores of PyOD's LSTMAD, of standardised steps."""
    import torch
    from pyod.models.ts_lstm import LSTMAD

    torch.manual_seed(0)
    scale = np.where(train.std(axis=0) > 0, train.std(axis=0), 1.0)
    train, test = ((part - train.mean(axis=0)) / scale for part in (train, test))
    model = LSTMAD(**({"epochs": 1} if options.quick else {})).fit(train)
    return model.decision_function(test)
