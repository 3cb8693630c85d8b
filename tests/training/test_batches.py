from itertools import combinations

import numpy as np
import pytest
import torch

from sklearn_ae.training import (
    KINDS,
    Chance,
    LazyRows,
    Scaling,
    TrainingBatches,
    _batches,
    _rows,
    content_ranks,
    make_corruption,
    make_plan,
    row_keys,
)
from sklearn_ae.training._batches import HeldOutBatches, ReadBatches

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


@pytest.mark.parametrize("batch_size", [10, 100])
def test_batches_know_their_places(make_batches, batch_size):
    weight = np.ones((1, N_ROWS))
    weight[0, 3:7] = 0
    for batch in make_batches(weight, batch_size):
        assert batch.index.tolist() == batch.target[:, 0].long().tolist()


@pytest.fixture
def of_lengths(make_rows):
    """Make batches of rows that hold their position, and have lengths."""
    lengths = torch.randint(10, 90, (900,), generator=torch.Generator().manual_seed(0))
    X = np.arange(900.0)[:, None]

    def make(seed=0):
        return TrainingBatches(
            make_rows(X),
            np.ones((1, 900)),
            batch_size=20,
            seed=seed,
            lengths=lengths,
            **PLACED,
        )

    return make, lengths


def test_rows_meet_others_of_about_their_length(of_lengths):
    make, lengths = of_lengths
    batches = make()
    for _ in range(2):
        parts = [batch.target[:, 0].long() for batch in batches]
        assert sorted(torch.cat(parts).tolist()) == list(range(900))
        assert len(parts) == len(batches)
        steps = sum(len(part) * int(lengths[part].max()) for part in parts)
        assert steps < 1.2 * lengths.sum()  # 1.6 in any order


def test_rows_of_lengths_of_their_own_meet_others_in_every_epoch(make_rows):
    lengths = torch.arange(10, 85)
    batches = TrainingBatches(
        make_rows(np.arange(75.0)[:, None]),
        np.ones((1, 75)),
        batch_size=10,
        seed=0,
        lengths=lengths,
        **PLACED,
    )
    seen, with_steps_of_their_own = [], set()
    for _ in range(10):
        parts = [frozenset(batch.target[:, 0].long().tolist()) for batch in batches]
        seen += parts
        with_steps_of_their_own |= min(parts, key=len)
    assert len(set(seen)) > 70
    assert len(with_steps_of_their_own) > 30


def test_the_short_do_not_come_before_the_long(of_lengths):
    make, lengths = of_lengths
    means = [lengths[batch.target[:, 0].long()].double().mean() for batch in make()]
    turns = np.diff(means) < 0
    assert 0.25 < turns.mean() < 0.75


def test_order_by_length_differs_by_epoch_and_repeats_by_seed(of_lengths):
    first, second, other = (of_lengths[0](seed) for seed in (0, 0, 1))
    epochs = [epoch(first), epoch(first)]
    assert epochs[0] != epochs[1]
    assert epochs == [epoch(second), epoch(second)]
    assert epochs[0] != epoch(other)


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
        assert batch.element_weight is None
    # Rows that only fill up count for nothing where means are taken over rows.
    weight = torch.cat([batch.row_weight for batch in batches], dim=1)
    assert weight.bool().equal(held_out.counts)


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


# -- what is random about the rows


def swap_uniforms(rows, uniform):
    """A corruption that shows the draws it was given."""
    return uniform.to(rows)


SHOWN = Chance(corrupt=swap_uniforms, noise_width=2, seed=3)


@pytest.fixture
def make_random(make_rows):
    """Make batches of rows that hold their own position, with draws that show."""

    def make(X=None, batch_size=10, chance=SHOWN, weight=None):
        X = np.arange(float(N_ROWS))[:, None] if X is None else X
        weight = np.ones((1, len(X))) if weight is None else weight
        return TrainingBatches(
            make_rows(X),
            weight,
            batch_size=batch_size,
            seed=0,
            chance=chance,
            group=content_ranks(X, 0),
            **PLACED,
        )

    return make


def draws(batches):
    """All draws of an epoch, in the order of the batches."""
    drawn = list(batches)
    inputs = torch.cat([batch.inputs for batch in drawn], dim=-2)
    return inputs, torch.cat([batch.noise for batch in drawn], dim=-2)


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
def test_the_draws_are_fresh_every_epoch_and_every_batch(make_random, batch_size):
    batches = make_random(batch_size=batch_size)
    epochs = [draws(batches) for _ in range(3)]
    for part in (0, 1):
        values = torch.cat([epoch[part].flatten() for epoch in epochs])
        assert len(values.unique()) == len(values)


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
def test_the_draws_repeat_by_seed(make_random, batch_size):
    first, same, other = (
        make_random(batch_size=batch_size, chance=SHOWN._replace(seed=seed))
        for seed in (3, 3, 4)
    )
    for _ in range(2):
        for ours, again, others in zip(*map(draws, (first, same, other)), strict=True):
            assert ours.equal(again)
            assert not ours.equal(others)


@pytest.mark.parametrize("batch_size", [10, N_ROWS])
def test_the_target_stays_clean(make_random, batch_size):
    batches = make_random(batch_size=batch_size)
    for _ in range(2):
        assert sorted(epoch(batches)) == list(range(N_ROWS))


@pytest.mark.parametrize("batch_size", [24, 96])
@pytest.mark.parametrize("kind", KINDS)
def test_every_corruption_reaches_the_network_and_not_the_target(
    make_random, table, kind, batch_size
):
    scaling = Scaling(np.zeros(4), np.ones(4))
    source = LazyRows(table, scaling, *PLACED.values())
    corruption = make_corruption(kind, np.full(4, 0.3), source, np.ones(len(table)))
    chance = Chance(corruption.bind(*PLACED.values()))
    batches, patterns = make_random(table, batch_size, chance), []
    for _ in range(2):
        target = []
        for batch in batches:
            assert (batch.inputs != batch.target).any(dim=0).all()
            assert batch.noise is None
            added = batch.inputs - batch.target
            patterns.append(added if kind == "gaussian" else added != 0)
            target.append(batch.target)
        clean = np.sort(torch.cat(target).numpy(), axis=0)
        np.testing.assert_array_equal(clean, np.sort(table, axis=0))
    # No pattern comes twice: of a constant one the network would learn the gaps.
    for one, other in combinations(patterns, 2):
        assert not one.equal(other)


def test_equal_rows_of_a_whole_batch_have_equal_draws(make_random):
    X = np.repeat(np.arange(5.0), 5)[:, None]
    inputs, noise = draws(make_random(X, batch_size=N_ROWS))
    for part in (inputs, noise):
        by_row = part.reshape(5, 5, -1)
        assert by_row.equal(by_row[:, :1].expand_as(by_row))
        assert len(by_row[:, 0, 0].unique()) == 5


def test_a_row_given_twice_does_not_move_the_draws_of_others(make_random):
    X = np.arange(float(N_ROWS))[:, None]
    once = draws(make_random(X, batch_size=100))
    twice = draws(make_random(np.vstack([X, X]), batch_size=100))
    for ours, expected in zip(twice, once, strict=True):
        assert ours.equal(expected.repeat(2, 1))


def test_the_draws_of_a_whole_batch_follow_contents_and_not_positions(make_random):
    X, order = (
        np.arange(float(N_ROWS))[:, None],
        np.random.default_rng(0).permutation(25),
    )
    plain, permuted = (draws(make_random(rows, 100)) for rows in (X, X[order]))
    for ours, expected in zip(permuted, plain, strict=True):
        assert ours.equal(expected[order])


def test_rows_that_are_left_out_do_not_move_the_draws_of_others(make_random):
    X = np.arange(float(N_ROWS))[:, None]
    weight = np.ones((1, N_ROWS))
    weight[0, 7] = 0
    whole = draws(make_random(X, 100))
    inputs, noise = draws(make_random(X, 100, weight=weight))
    keep = weight[0] > 0
    assert inputs.equal(whole[0][keep])
    assert noise.equal(whole[1][keep])


@pytest.fixture
def make_judged(make_rows):
    """Make held-out batches of rows that hold their own position."""

    def make(X=None, chance=SHOWN, seed=0):
        X = np.arange(float(N_ROWS))[:, None] if X is None else X
        plan = make_plan(
            content_ranks(X, 0),
            np.ones(len(X)),
            hold_out=True,
            validation_fraction=0.25,
            cross_fit=True,
        )
        return HeldOutBatches(
            make_rows(X),
            plan,
            device=PLACED["device"],
            chance=chance,
            keys=row_keys(X, seed),
        )

    return make


def judged_draws(batches):
    """Inputs and draws of the held-out rows that count, by the rows' position."""
    drawn = list(batches)
    position = torch.cat([batch.target for batch in drawn], dim=-2)[..., 0]
    order = position[batches.counts].argsort()
    inputs = torch.cat([batch.inputs for batch in drawn], dim=-2)
    noise = torch.cat([batch.noise for batch in drawn], dim=-2)
    return inputs[batches.counts][order], noise[:, batches.counts][:, order]


@pytest.mark.parametrize("kept", [True, False])
def test_the_draws_of_held_out_rows_are_the_same_every_epoch(
    make_judged, kept, monkeypatch
):
    if not kept:
        monkeypatch.setattr(_batches, "KEPT_CELLS", 0)
    batches = make_judged()
    first = judged_draws(batches)
    for _ in range(2):
        assert all(map(torch.equal, judged_draws(batches), first))
    assert (batches._kept is not None) == kept
    others = judged_draws(make_judged(seed=1))
    assert not any(map(torch.equal, others, first))


def test_the_draws_of_held_out_rows_follow_contents_and_not_positions(make_judged):
    X = np.arange(float(N_ROWS))[:, None]
    order = np.random.default_rng(0).permutation(N_ROWS)
    plain, permuted = (judged_draws(make_judged(rows)) for rows in (X, X[order]))
    assert all(map(torch.equal, plain, permuted))


def test_the_draws_of_held_out_rows_do_not_depend_on_blocks(make_judged, monkeypatch):
    whole = judged_draws(make_judged())
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 2)
    batches = make_judged()
    assert len(batches) > 1
    assert all(map(torch.equal, judged_draws(batches), whole))


def test_held_out_rows_have_pairs_of_opposite_draws(make_judged):
    _, noise = judged_draws(make_judged())
    half = len(noise) // 2
    assert half == _batches.MANY_PAIRS
    assert noise[half:].equal(-noise[:half])
    assert len(noise[:half].unique()) == noise[:half].numel()


def test_of_many_held_out_rows_one_pair_will_do(make_judged, monkeypatch):
    monkeypatch.setattr(_batches, "MANY_ROWS", 1)
    assert len(judged_draws(make_judged())[1]) == 2


def test_held_out_targets_stay_clean(make_judged):
    batches = make_judged()
    for batch in batches:
        assert not batch.inputs.equal(batch.target)
        assert (batch.target == batch.target.round()).all()


def test_without_chance_nothing_is_kept(judged):
    batches = HeldOutBatches(*judged, device=PLACED["device"])
    list(batches)
    assert batches._kept is None


def test_batches_of_what_is_made_of_rows(make_batches):
    def read(rows):
        return torch.stack([rows, 2 * rows])

    weight = np.arange(1.0, 1 + 2 * N_ROWS).reshape(2, -1)
    plain = make_batches(weight=weight)
    ours = ReadBatches(make_batches(weight=weight), read)
    assert len(ours) == len(plain)
    for one, other in zip(ours, plain, strict=True):
        assert one.inputs is one.target
        assert one.target.equal(read(other.target))
        assert one.row_weight.equal(other.row_weight)


def test_batches_of_what_is_made_of_corrupted_rows(make_rows):
    rows = make_rows(np.arange(float(N_ROWS))[:, None])

    def make():
        return TrainingBatches(
            rows,
            np.ones((1, N_ROWS)),
            batch_size=10,
            seed=0,
            chance=Chance(corrupt=lambda rows, uniform: rows + uniform),
            group=np.arange(N_ROWS),
            **PLACED,
        )

    for ours, plain in zip(
        ReadBatches(make(), lambda rows: 2 * rows[None]), make(), strict=True
    ):
        assert ours.inputs.equal(2 * plain.inputs[None])
        assert ours.target.equal(2 * plain.target[None])
        assert not ours.inputs.equal(ours.target)
