import pytest
import torch

from sklearn_ae.training import _step_losses
from sklearn_ae.training._step_losses import StepLosses


@pytest.mark.parametrize("n_steps", [1, 3, 4, 7])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_the_mean_is_that_of_all_rows(n_steps, shape, monkeypatch):
    monkeypatch.setattr(_step_losses, "STEPS_AT_ONCE", 3)
    values = torch.rand(n_steps, *shape, dtype=torch.float64)
    sizes = torch.arange(1, n_steps + 1)
    losses = StepLosses()
    for value, size in zip(values, sizes.tolist(), strict=True):
        losses.add(value, size)
    rows = values.repeat_interleave(sizes, dim=0)
    torch.testing.assert_close(losses.mean(), rows.mean(dim=0))


def test_no_more_than_some_are_kept_one_by_one(monkeypatch):
    monkeypatch.setattr(_step_losses, "STEPS_AT_ONCE", 3)
    losses = StepLosses()
    for _ in range(10):
        losses.add(torch.zeros(()), 1)
    assert len(losses._latest) == 1
