import pytest
import torch
from torch.testing import assert_close

from sklearn_ae.training import Batch, _lanes
from sklearn_ae.training._lanes import LanedHeldOut, LanedTraining, joined_batch


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Lane:
    """Batches that are there already."""

    def __init__(self, batches, counts=None):
        self.batches, self.counts, self.n_passes = batches, counts, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.n_passes += 1
        return iter(self.batches)


def clean(values, weight=None):
    return Batch(values, values, weight)


def test_rows_of_a_lane_are_those_of_all_its_models():
    one, other = rows(6, 4), rows(2, 6, 4, seed=1)
    batch = joined_batch([clean(one), clean(other)], [3, 2])
    assert batch.inputs.shape == (5, 6, 4)
    assert batch.target is batch.inputs
    assert batch.row_weight is None
    for model in range(3):
        assert_close(batch.inputs[model], one)
    assert_close(batch.inputs[3:], other)


@pytest.mark.parametrize("order", [1, -1])
def test_targets_are_clean_whichever_lane_is_corrupted(order):
    one, other, corrupted = (rows(6, 4, seed=seed) for seed in range(3))
    lanes = [(clean(one), one, one), (Batch(corrupted, other), corrupted, other)]
    lanes = lanes[::order]
    batch = joined_batch([lane[0] for lane in lanes], [1, 1])
    for model, (_, inputs, target) in enumerate(lanes):
        assert_close(batch.inputs[model], inputs)
        assert_close(batch.target[model], target)


@pytest.mark.parametrize("order", [1, -1])
def test_rows_without_weights_weigh_one(order):
    weight = rows(2, 6).abs()
    lanes = [(clean(rows(6, 4)), 3), (clean(rows(6, 4), weight), 2)][::order]
    batch = joined_batch(*zip(*lanes, strict=True))
    own = slice(3, None) if order == 1 else slice(None, 2)
    assert batch.row_weight.shape == (5, 6)
    assert_close(batch.row_weight[own], weight)
    assert batch.row_weight.sum() == pytest.approx(float(weight.sum()) + 18)


def test_batches_come_in_turn():
    lanes = [
        Lane([clean(rows(6, 4, seed=seed)) for seed in pair])
        for pair in ((0, 1), (2, 3))
    ]
    laned = LanedTraining(lanes, [1, 2])
    assert len(laned) == 2
    for place, batch in enumerate(laned):
        assert_close(batch.inputs[0], lanes[0].batches[place].inputs)
        assert_close(batch.inputs[2], lanes[1].batches[place].inputs)
    list(laned)
    assert [lane.n_passes for lane in lanes] == [2, 2]


def test_lanes_of_different_lengths_are_refused():
    lanes = [Lane([clean(rows(6, 4))]), Lane([clean(rows(6, 4))] * 2)]
    with pytest.raises(ValueError, match="zip"):
        list(LanedTraining(lanes, [1, 1]))


@pytest.fixture
def held_out():
    """Two lanes of three models of six rows of four columns, and both in one."""
    counts = [torch.ones(1, 6, dtype=torch.bool), torch.zeros(2, 6, dtype=torch.bool)]
    lanes = [Lane([clean(rows(6, 4))], own) for own in counts]
    return lanes, LanedHeldOut(lanes, [1, 2])


def test_held_out_batches_are_joined_once(held_out):
    lanes, laned = held_out
    assert laned.counts.sum(dim=1).tolist() == [6, 0, 0]
    first, again = list(laned), list(laned)
    assert first[0] is again[0]
    assert [lane.n_passes for lane in lanes] == [1, 1]


@pytest.mark.parametrize(("cells", "n_passes"), [(71, 2), (72, 1)])
def test_many_held_out_rows_are_joined_each_time(
    held_out, cells, n_passes, monkeypatch
):
    monkeypatch.setattr(_lanes, "KEPT_CELLS", cells)
    lanes, laned = held_out
    first, again = list(laned), list(laned)
    assert [lane.n_passes for lane in lanes] == [n_passes] * 2
    assert_close(first[0].inputs, again[0].inputs)
