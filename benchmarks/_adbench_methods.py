"""Outlier detectors behind one question: scores of rows, higher where they are odder.

A method is a function of a seed that returns a function of training and test rows, of
which the second is timed: what is imported first does not count. Where the test rows
are None, the training rows are scored. All have their defaults, but for the seed, the
device and progress bars.
"""

import importlib
import warnings
from contextlib import contextmanager, nullcontext
from functools import cache, partial

import numpy as np
import torch
from _peers import pyod_missing
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from sklearn_ae import OutlierAutoencoder

OURS = "ours"

# Share of the variance that the components of PCA keep.
PCA_SHARE = 0.9

# Rows and columns of the table on which each process tries its methods once.
TRIAL_SHAPE = (64, 4)


def scores_of(detector, train, test):
    """Return the scores of a detector with scikit-learn's ``score_samples``."""
    detector.fit(train)
    return -detector.score_samples(train if test is None else test)


def ours(seed, **parameters):
    """Return our detector; parameters are moved by the part ``--spread``."""
    return partial(scores_of, OutlierAutoencoder(random_state=seed, **parameters))


def neighbour_distances(k, train, test):
    """Return distances to the k-th training row, or to the √n-th for None.

    A training row is not its own neighbour.
    """
    k = int(np.sqrt(len(train))) if k is None else k
    search = NearestNeighbors(n_neighbors=min(k, len(train) - 1)).fit(train)
    return search.kneighbors(test)[0][:, -1]


def outlier_factors(train, test):
    """Return local outlier factors."""
    detector = LocalOutlierFactor(novelty=test is not None).fit(train)
    if test is None:
        return -detector.negative_outlier_factor_
    return -detector.score_samples(test)


def principal_residuals(train, test):
    """Return squared errors of PCA's reconstructions."""
    pca = PCA(PCA_SHARE, svd_solver="full").fit(train)
    rows = train if test is None else test
    return np.square(rows - pca.inverse_transform(pca.transform(rows))).sum(axis=1)


def pyod(module, name, seed, **parameters):
    """Return a detector of PyOD's."""
    detector = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    if seed is not None:
        parameters["random_state"] = seed
    return partial(_pyod_scores, detector(**parameters))


def pyod_network(module, name, seed):
    """Return a network of PyOD's, which would take any GPU there is."""
    return pyod(module, name, seed, device=torch.device("cpu"), verbose=0)


def _pyod_scores(detector, train, test):
    detector.fit(train)
    # These are PyOD's scores of training rows; asked for again, some would differ.
    return (
        detector.decision_scores_ if test is None else detector.decision_function(test)
    )


# Columns from which a method would take hours for a table: its search for the least
# determinant inverts hundreds of covariances.
MOST_COLUMNS = {"EllipticEnvelope": 1000, "PyOD-MCD": 1000}

METHODS = {
    OURS: ours,
    "IsolationForest": lambda seed: partial(
        scores_of, IsolationForest(random_state=seed)
    ),
    "kNN-5": lambda seed: partial(neighbour_distances, 5),
    "kNN-sqrt": lambda seed: partial(neighbour_distances, None),
    "LOF": lambda seed: outlier_factors,
    "OneClassSVM": lambda seed: partial(scores_of, OneClassSVM()),
    "EllipticEnvelope": lambda seed: partial(
        scores_of, EllipticEnvelope(random_state=seed)
    ),
    "PCA": lambda seed: principal_residuals,
    "PyOD-ECOD": lambda seed: pyod("ecod", "ECOD", None),
    "PyOD-MCD": lambda seed: pyod("mcd", "MCD", seed),
    "PyOD-AutoEncoder": partial(pyod_network, "auto_encoder", "AutoEncoder"),
    "PyOD-VAE": partial(pyod_network, "vae", "VAE"),
}


def available_methods():
    """Return the names of the methods whose packages are installed."""
    missing = pyod_missing()
    return [name for name in METHODS if not (missing and name.startswith("PyOD"))]


def silence(name):
    """Return a context in which rivals, and they alone, do not warn."""
    return nullcontext() if name.startswith(OURS) else _silent()


@contextmanager
def _silent():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@cache
def try_once(name, make):
    """Fit a method to a few rows, so that a process pays for its first call here."""
    rows = np.random.default_rng(0).standard_normal(TRIAL_SHAPE)
    with silence(name):
        make(0)(rows, None)
