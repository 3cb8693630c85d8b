"""What parameters amount to: precision and device, in every estimator."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ae import _base
from sklearn_ae._network import DENSE
from sklearn_ae.training import _runtime

from .estimators import ESTIMATORS


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    return clone(request.param).set_params(n_components=2)


@pytest.mark.parametrize("n_rows", [60, 1500], ids=["small", "large"])
@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("float32", torch.float32),
        ("float64", torch.float64),
        ("bfloat16", torch.float32),
        ("tf32", torch.float32),
    ],
)
def test_precision_is_that_of_training(
    estimator, n_rows, precision, dtype, monkeypatch
):
    seen, X = [], np.random.default_rng(0).normal(size=(n_rows, 4))

    def stop(run, callbacks):
        seen.append((run.settings.dtype, run.settings.products))
        raise KeyError(precision)

    monkeypatch.setattr(_base, "train", stop)
    with pytest.raises(KeyError):
        estimator.set_params(precision=precision).fit(X)
    products = precision if precision in ("tf32", "bfloat16") else "full"
    assert seen == [(dtype, products)]


def device_of(estimator, X, method, monkeypatch):
    """Return the device that a fit would train on, with a GPU that there is not."""
    seen = []

    def stop(n_rows, n_features, n_distinct, seeds, device):
        seen.append(device.type)
        raise KeyError(device)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(estimator, "_recipe", stop)
    with pytest.raises(KeyError):
        getattr(estimator, method)(X)
    return seen[0]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("batch_size", [16, 10**6])
def test_auto_takes_a_gpu_for_large_steps(
    estimator, blob, method, batch_size, monkeypatch
):
    estimator.set_params(batch_size=batch_size)
    is_small = estimator._network_kind is DENSE and batch_size == 16
    monkeypatch.setattr(_runtime, "FLOPS_FOR_GPU", 2**25)  # the networks are wide
    device = device_of(estimator, blob, method, monkeypatch)
    assert device == ("cpu" if is_small else "cuda")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_gpu_that_is_asked_for_is_taken(estimator, blob, method, monkeypatch):
    estimator.set_params(device="cuda")
    assert device_of(estimator, blob, method, monkeypatch) == "cuda"


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_device_is_refused_before_rows_are_read(estimator, method):
    with pytest.raises(ValueError, match=r"^device='gpu' is not a device"):
        getattr(estimator.set_params(device="gpu"), method)("no rows")
