import numpy as np
import pytest
import torch

from sklearn_ae.training import TrainingBatches, _rows, content_ranks, make_plan
from sklearn_ae.training._batches import HeldOutBatches

PLACED = {"dtype": torch.float64, "device": torch.device("cpu")}
N_ROWS = 25


@pytest.fixture
def make_batches(make_rows):
    """Make batches of rows that hold their own position."""

    def make(weight=None, batch_size=10, seed=0):
        X = np.arange(float(N_ROWS))[:, None]
        weight = np.ones((1, N_ROWS)) if weight is None else weight
        return TrainingBatches(
            make_rows(X), weight, batch_size=batch_size, seed=seed, **PLACED
        )

    return make


@pytest.fixture
def judged(make_rows):
    """Rows that hold their own position, and their cross-fitting plan."""
    X = np.arange(float(N_ROWS))[:, None]
    plan = make_plan(
        content_ranks(X, 0),
        np.ones(N_ROWS),
        hold_out=True,
        validation_fraction=0.25,
        cross_fit=True,
    )
    return make_rows(X), plan


def epoch(batches):
    return torch.cat([batch.target[:, 0] for batch in batches]).long().tolist()


@pytest.mark.parametrize("batch_size", [1, 10, 12, 24, 25, 100])
def test_every_row_comes_once_per_epoch(make_batches, batch_size):
    batches = make_batches(batch_size=batch_size)
    for _ in range(3):
        assert sorted(epoch(batches)) == list(range(N_ROWS))


@pytest.mark.parametrize("batch_size", [1, 10, 12, 24, 25, 100])
def test_length_is_the_number_of_batches(make_batches, batch_size):
    batches = make_batches(batch_size=batch_size)
    sizes = [len(batch.target) for batch in batches]
    assert len(sizes) == len(batches)
    assert max(sizes) <= batch_size


def test_order_differs_by_epoch_and_repeats_by_seed(make_batches):
    first, second, other = (make_batches(seed=seed) for seed in (0, 0, 1))
    epochs = [epoch(first) for _ in range(3)]
    assert [epoch(second) for _ in range(3)] == epochs
    assert len({tuple(order) for order in epochs}) == 3
    assert epoch(other) != epochs[0]


def test_a_whole_batch_keeps_its_order(make_batches):
    batches = make_batches(batch_size=N_ROWS)
    assert epoch(batches) == epoch(batches) == list(range(N_ROWS))


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
def test_global_random_state_is_left_alone(make_batches, batch_size):
    before = torch.get_rng_state()
    epoch(make_batches(batch_size=batch_size))
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
def test_weights_travel_with_their_rows(make_batches, batch_size):
    weight = np.vstack([np.arange(1.0, N_ROWS + 1), np.arange(N_ROWS, 0.0, -1)])
    for batch in make_batches(weight, batch_size=batch_size):
        position = batch.target[:, 0].long()
        expected = torch.tensor(weight / weight.mean(axis=1, keepdims=True))
        torch.testing.assert_close(batch.row_weight, expected[:, position])


def test_rows_that_no_model_sees_are_left_out(make_batches):
    weight = np.ones((2, N_ROWS))
    weight[:, 3] = 0
    weight[0, 4] = 0
    assert set(range(N_ROWS)) - set(epoch(make_batches(weight))) == {3}


def test_each_models_weights_have_mean_one(make_batches):
    weight = np.random.default_rng(0).integers(0, 3, size=(3, N_ROWS)) * 5.0
    weights = torch.cat([b.row_weight for b in make_batches(weight)], dim=1)
    torch.testing.assert_close(weights.mean(dim=1), torch.ones(3).double())


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
@pytest.mark.parametrize("value", [1.0, 0.3, 7.0])
def test_equal_weights_are_left_out(make_batches, batch_size, value):
    for batch in make_batches(np.full((2, N_ROWS), value), batch_size=batch_size):
        assert batch.row_weight is None or batch.row_weight.allclose(
            torch.ones(1).double()
        )
    for batch in make_batches(batch_size=batch_size):
        assert batch.row_weight is None


def test_the_network_must_return_what_it_reads(make_batches):
    for batch in make_batches():
        assert batch.inputs is batch.target
        assert batch.element_weight is None


@pytest.mark.parametrize("at_once", [1, 8, 10_000])
def test_each_model_is_judged_by_its_own_rows(judged, at_once, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", at_once)
    source, plan = judged
    held_out = HeldOutBatches(source, plan, device=PLACED["device"])
    batches = list(held_out)
    target = torch.cat([batch.target for batch in batches], dim=1)[..., 0]
    assert target.shape == held_out.counts.shape
    for model, rows in enumerate(plan.held_out):
        assert target[model][held_out.counts[model]].tolist() == rows.tolist()
    assert held_out.counts.dtype == torch.bool
    for batch in batches:
        assert batch.inputs is batch.target
        assert batch.row_weight is batch.element_weight is None


def test_held_out_rows_come_in_the_order_of_the_plan(judged):
    source, plan = judged
    batches = HeldOutBatches(source, plan, device=PLACED["device"])
    target = torch.cat([batch.target for batch in batches], dim=1)[..., 0]
    assert target[batches.counts].tolist() == plan.held_out_rows.tolist()


@pytest.mark.parametrize("at_once", [1, 8, 16, 10_000])
def test_length_is_the_number_of_judging_batches(judged, at_once, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", at_once)
    batches = HeldOutBatches(*judged, device=PLACED["device"])
    assert len(batches) == len(list(batches))


def test_rows_at_once_are_bounded_over_all_models(judged, monkeypatch):
    source, plan = judged
    for cells in (1, 8, 16, 10_000):
        monkeypatch.setattr(_rows, "BLOCK_BYTES", 8 * cells)
        for batch in HeldOutBatches(source, plan, device=PLACED["device"]):
            assert batch.inputs.numel() <= max(cells, plan.n_models)
