import sys

import matplotlib as mpl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from sklearn_ae import Autoencoder


@pytest.fixture(autouse=True)
def plt():
    """Draw on no screen, and leave no figure open."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture
def no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


@pytest.fixture(scope="session")
def X():
    return load_iris().data


@pytest.fixture(scope="session")
def y():
    return load_iris().target


@pytest.fixture(scope="session")
def pca(X):
    return PCA(2).fit(X)


@pytest.fixture(scope="session")
def forest(X):
    return IsolationForest(n_estimators=10, random_state=0).fit(X)


@pytest.fixture(scope="session")
def autoencoder(X):
    """One with a history and no held-out rows, fitted in no time."""
    return Autoencoder(2, max_epochs=2, early_stopping=False, random_state=0).fit(X)


@pytest.fixture(scope="session")
def distance(autoencoder, X):
    """The same, with scores that are all below zero."""
    return clone(autoencoder).set_params(outlier_score="mahalanobis").fit(X)


@pytest.fixture
def odd(X):
    """Three rows of iris, the first odd in its second column."""
    rows = X[:3].copy()
    rows[0, 1] += 6 * X[:, 1].std()
    return rows
