import signal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Take SIGINT as Python does: a shell may start the tests with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
