import signal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Take SIGINT as Python does: a shell may start the tests with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def untrained(monkeypatch):
    """No autoencoder may be fitted."""

    def fit(*args, **kwargs):
        raise AssertionError("trained")

    monkeypatch.setattr(Autoencoder, "fit", fit)


@pytest.fixture(scope="session")
def digits():
    """Digits, standardised: shape (1797, 64)."""
    return StandardScaler().fit_transform(load_digits().data)


@pytest.fixture(scope="session")
def cancer():
    """Breast cancer, standardised: shape (569, 30)."""
    return StandardScaler().fit_transform(load_breast_cancer().data)


@pytest.fixture
def blob():
    """A small table of 60 rows with correlated columns, shape (60, 5)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(
        size=(60, 5)
    )


@pytest.fixture
def few(table):
    """Few enough rows to be cross-fitted, shape (100, 5)."""
    return table[:100]


@pytest.fixture
def table():
    """Rows of which a tenth is held out, shape (1100, 5)."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(1100, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1]), t[:, 0] * t[:, 1]])
    return X + 0.1 * rng.normal(size=X.shape)
