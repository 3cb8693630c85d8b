"""Each run of a stack ends where it ends alone."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.testing import assert_close

from sklearn_ae.networks import from_state, to_state
from sklearn_ae.training import (
    CLEAN,
    Corruptions,
    LazyRows,
    ReconstructionLoss,
    Run,
    Scaling,
    can_be_stacked,
    content_ranks,
    losses_of,
    make_corruption,
    make_plan,
    row_keys,
    stack_key,
    train,
    train_stacked,
)
from sklearn_ae.training import _stacked as module
from sklearn_ae.training._stacked import lane_key

CPU = torch.device("cpu")

# With these learning rates runs of one table go their own ways.
RATES = (0.02, 0.2, 0.5)


@pytest.fixture
def make_run(table, make_rows, make_network, make_settings, column_weight):
    """Make a run on a table; runs of the same rows share their source."""
    sources = {}

    def make(
        X=table,
        seed=0,
        hold_out=True,
        cross_fit=True,
        weight=None,
        columns=column_weight,
        corruption=None,
        amount=0.3,
        is_judged_clean=True,
        mean_row=None,
        split_seed=0,
        **changes,
    ):
        settings = make_settings(**changes)
        weight = np.ones(len(X)) if weight is None else weight
        group = content_ranks(X, split_seed)
        plan = make_plan(
            group,
            weight,
            hold_out=hold_out,
            validation_fraction=0.25,
            cross_fit=cross_fit,
        )
        key = X.tobytes(), settings.dtype
        source = sources.setdefault(key, make_rows(X, settings.dtype))
        corruptions, keys = CLEAN, None
        if corruption is not None:
            amount = np.broadcast_to(np.asarray(amount, float), X.shape[1:]).copy()
            made = make_corruption(corruption, amount, lazy(X), weight, n_channels=2)
            corruptions = Corruptions(
                made, None if is_judged_clean else made.at(amount)
            )
            keys = row_keys(X, settings.noise_seed)
        return Run(
            make_network((seed,) * plan.n_models),
            source,
            plan,
            weight,
            ReconstructionLoss(columns),
            settings,
            mean_row=mean_row,
            corruptions=corruptions,
            keys=keys,
        )

    def lazy(X):
        scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
        return LazyRows(X, scaling, torch.float64, CPU)

    return make


def copied(run):
    """Return a run whose training leaves this one's network as it is."""
    network = from_state(to_state(run.network)).train()
    return run._replace(network=network)


def assert_runs_end_as_alone(runs, rtol=1e-8, atol=1e-9):
    """Check a stack against its runs, one by one; return their trainings."""
    assert len({stack_key(run) for run in runs}) == 1
    assert all(can_be_stacked(run) for run in runs)
    alone = [train(copied(run)) for run in runs]
    together = train_stacked([copied(run) for run in runs])
    assert len(together) == len(alone)
    for ours, expected in zip(together, alone, strict=True):
        assert_same_training(ours, expected, rtol, atol)
    return together


def assert_same_training(ours, expected, rtol, atol):
    assert ours.kept_epoch.tolist() == expected.kept_epoch.tolist()
    assert len(ours.history) == len(expected.history)
    losses, known = losses_of(ours), losses_of(expected)
    assert losses.keys() == known.keys()
    for name, values in losses.items():
        np.testing.assert_allclose(values, known[name], rtol=rtol, atol=atol)
    for name in ("start_loss", "kept_loss"):
        if getattr(expected, name) is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_allclose(
                getattr(ours, name), getattr(expected, name), rtol=rtol, atol=atol
            )
    if expected.improved is None:
        assert ours.improved is None
    else:
        assert ours.improved.tolist() == expected.improved.tolist()
    own = ours.network.state_dict()
    assert own.keys() == expected.network.state_dict().keys()
    for name, tensor in expected.network.state_dict().items():
        assert_close(own[name], tensor, rtol=rtol, atol=atol)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("cross_fit", [True, False])
def test_runs_of_their_own_rates_end_as_alone(make_run, cross_fit, weight_decay):
    changes = {
        "cross_fit": cross_fit,
        "weight_decay": weight_decay,
        "max_epochs": 40,
        "n_iter_no_change": 4,
    }
    runs = [
        make_run(seed=seed, learning_rate=rate, **changes)
        for seed, rate in enumerate(RATES)
    ]
    trainings = assert_runs_end_as_alone(runs)
    assert len({len(training.history) for training in trainings}) > 1
    kept = [int(training.kept_epoch[0]) for training in trainings]
    assert len(set(kept)) > 1
    assert kept[0] > 0


@pytest.mark.parametrize("hold_out", [True, False])
def test_runs_of_their_own_decays_end_as_alone(make_run, hold_out):
    runs = [
        make_run(hold_out=hold_out, weight_decay=decay, max_epochs=6)
        for decay in (0.0, 0.5, 1.0)
    ]
    first, _, last = assert_runs_end_as_alone(runs)
    bias = "encoder_branch.output.weight"
    assert not torch.equal(
        first.network.state_dict()[bias], last.network.state_dict()[bias]
    )


@pytest.mark.parametrize("hold_out", [True, False])
@pytest.mark.parametrize("cross_fit", [True, False])
@pytest.mark.parametrize("batch_size", [32, 200])
def test_runs_of_their_own_rows_end_as_alone(
    make_run, table, hold_out, cross_fit, batch_size
):
    tables = [table, table[::-1] * 0.5, np.roll(table, 1, axis=1)]
    runs = [
        make_run(X, hold_out=hold_out, cross_fit=cross_fit, batch_size=batch_size)
        for X in tables
    ]
    assert len({lane_key(run) for run in runs}) == 3
    assert_runs_end_as_alone(runs)


def test_runs_of_their_own_orders_end_as_alone(make_run):
    runs = [make_run(batch_seed=seed, hold_out=False) for seed in (0, 1, 0)]
    one, other, again = assert_runs_end_as_alone(runs)
    assert one.history[:, "train_loss"] == pytest.approx(again.history[:, "train_loss"])
    assert one.history[:, "train_loss"] != pytest.approx(other.history[:, "train_loss"])


def test_runs_of_their_own_splits_end_as_alone(make_run):
    assert_runs_end_as_alone([make_run(split_seed=seed) for seed in (0, 1)])


def test_folds_of_different_sizes_stand_side_by_side(make_run, table):
    # Rows given twice fall on one side: folds of as many distinct rows differ in size.
    twice = np.concatenate([table[:72], table[:24]])
    plans = [make_run(X).plan for X in (table, twice)]
    widths = [[len(rows) for rows in plan.held_out] for plan in plans]
    assert max(widths[0]) != max(widths[1])
    assert_runs_end_as_alone([make_run(X, max_epochs=8) for X in (table, twice)])


def test_weights_of_rows_and_columns_are_each_runs_own(make_run, table):
    rng = np.random.default_rng(0)
    columns = np.array([0.7, 0.1, 0.1, 0.1])
    runs = [
        make_run(),
        make_run(weight=rng.uniform(0.5, 2, size=len(table))),
        make_run(columns=columns),
        make_run(columns=columns, weight=rng.uniform(0.5, 2, size=len(table))),
    ]
    assert_runs_end_as_alone(runs)


@pytest.mark.parametrize("hold_out", [True, False])
def test_weighted_rows_beside_rows_that_are_not(make_run, table, hold_out):
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(table))
    runs = [
        make_run(weight=own, hold_out=hold_out, cross_fit=False)
        for own in (None, weight)
    ]
    assert_runs_end_as_alone(runs)


KINDS = ("gaussian", "masking", "salt_and_pepper", "step_masking", "swap")


@pytest.mark.parametrize("batch_size", [32, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_amounts_of_corruption_are_each_runs_own(make_run, kind, batch_size):
    runs = [
        make_run(corruption=kind, amount=amount, batch_size=batch_size, seed=seed)
        for seed, amount in enumerate([0.1, 0.4, (0.0, 0.1, 0.5, 0.9)])
    ]
    assert len({lane_key(run) for run in runs}) == 1
    assert_runs_end_as_alone(runs)


@pytest.mark.parametrize("order", [1, -1])
def test_kinds_of_corruption_stand_side_by_side(make_run, order):
    kinds = [None, *KINDS][::order]
    assert_runs_end_as_alone([make_run(corruption=kind) for kind in kinds])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("cross_fit", [True, False])
def test_rows_that_judge_may_be_corrupted(make_run, cross_fit, order):
    runs = [
        make_run(
            corruption="masking",
            amount=amount,
            is_judged_clean=is_judged_clean,
            cross_fit=cross_fit,
        )
        for amount, is_judged_clean in [(0.2, True), (0.2, False), (0.5, False)][
            ::order
        ]
    ]
    assert_runs_end_as_alone(runs)


def test_runs_in_float32_end_as_alone(make_run, table):
    runs = [
        make_run(X, dtype=torch.float32, learning_rate=rate)
        for X in (table, table[::-1] * 0.5)
        for rate in (0.01, 0.001)
    ]
    assert_runs_end_as_alone(runs, rtol=1e-3, atol=1e-4)


def test_results_come_in_the_order_of_the_runs(make_run, table):
    # Of two lanes in turn, which a stack puts side by side.
    other = table[::-1] * 0.5
    runs = [
        make_run(X, seed=seed, learning_rate=rate)
        for seed, rate in enumerate([0.01, 0.02, 0.03])
        for X in (table, other)
    ]
    assert_runs_end_as_alone(runs)


def test_a_run_about_another_mean_row_is_judged_by_its_own(make_run):
    rows = [np.array([1.0, 0, 0, 0]), np.array([0, 0, 0, 2.0]), np.zeros(4), None]
    runs = [make_run(mean_row=row) for row in rows]
    keys = [stack_key(run) for run in runs]
    assert keys[2] == keys[3]
    assert len(set(keys)) == 3
    assert_runs_end_as_alone(runs[2:])


def test_a_gain_in_doubt_leaves_the_history_as_alone(make_run):
    noise = np.random.default_rng(1).normal(size=(96, 4))
    runs = [
        make_run(noise, learning_rate=rate, max_epochs=30, n_iter_no_change=4)
        for rate in (1e-4, 1e-3, 0.1)
    ]
    trainings = assert_runs_end_as_alone(runs)
    # Losses fell for a while, and the start was put back.
    assert trainings[0].kept_epoch == 0
    assert len(trainings[0].history) > 4


@pytest.mark.parametrize("hold_out", [True, False])
def test_no_epochs_leave_the_start(make_run, hold_out):
    runs = [make_run(max_epochs=0, seed=seed, hold_out=hold_out) for seed in (0, 1)]
    for training in assert_runs_end_as_alone(runs):
        assert training.kept_epoch.tolist() == [0]
        assert len(training.history) == 0


def test_a_stack_of_one_is_the_run_alone(make_run):
    run = make_run()
    (training,) = train_stacked([copied(run)])
    assert_same_training(training, train(copied(run)), rtol=0, atol=0)


def test_runs_keep_their_networks(make_run):
    runs = [make_run(seed=seed) for seed in (0, 1)]
    before = [to_state(run.network)["arrays"] for run in runs]
    train_stacked(runs)
    for run, arrays in zip(runs, before, strict=True):
        for name, array in to_state(run.network)["arrays"].items():
            np.testing.assert_array_equal(array, arrays[name])


def test_a_run_that_has_stopped_cannot_stop_the_others(make_run, monkeypatch):
    class Diverge(Callback):
        """Let run 1 diverge once it is out of patience."""

        epochs = 0

        def on_epoch_end(self, net, **kwargs):
            keep_best = dict(net.callbacks_)["KeepBest"]
            if not keep_best.active[1]:
                self.epochs += 1
                last = net.module_.decoder_branch.output.bias
                with torch.no_grad():
                    last[torch.from_numpy(keep_best.teams == 1)] = 1e30

    diverge, run_net = Diverge(), module.run_net
    monkeypatch.setattr(
        module, "run_net", lambda *args: run_net(*args, callbacks=[diverge])
    )
    runs = [
        # At a learning rate of nearly zero no epoch improves.
        make_run(learning_rate=rate, max_epochs=12, n_iter_no_change=3)
        for rate in (0.02, 1e-30)
    ]
    alone = train(copied(runs[0]))
    ours, stopped = train_stacked(runs)
    assert diverge.epochs > 1
    assert len(ours.history) == len(alone.history) > 3
    assert ours.kept_epoch == alone.kept_epoch
    assert ours.kept_loss == pytest.approx(alone.kept_loss)
    assert stopped.kept_epoch == 0
    assert np.isfinite(stopped.kept_loss).all()


@pytest.mark.parametrize("hold_out", [True, False])
@pytest.mark.parametrize("batch_size", [32, 200])
def test_one_that_diverges_is_noticed_among_many(
    make_run, monkeypatch, hold_out, batch_size
):
    limit = "sklearn_ae.training._net.DIVERGED"
    changes = {"hold_out": hold_out, "cross_fit": False, "batch_size": batch_size}
    runs = [
        make_run(learning_rate=rate, max_epochs=6, **changes)
        for rate in (*([1e-3] * 30), 3.0)
    ]
    monkeypatch.setattr(limit, np.inf)
    losses = losses_of(train(copied(runs[-1])))
    worst = losses["valid_loss" if hold_out else "train_loss"].max()
    monkeypatch.setattr(limit, worst / 2)
    for diverging in ([runs[-1]], runs):
        with pytest.raises(ValueError, match="Training diverged"):
            train_stacked([copied(run) for run in diverging])


def test_what_stacks_cannot_hold_is_told_apart(make_run, table):
    runs = [
        make_run(),
        make_run(max_epochs=6),
        make_run(batch_size=7),
        make_run(n_iter_no_change=6),
        make_run(dtype=torch.float32),
        make_run(beta2=0.9),
        make_run(table[:90]),
        make_run(hold_out=False),
        make_run(cross_fit=False),
    ]
    assert len({stack_key(run) for run in runs}) == len(runs)


def test_what_each_run_has_of_its_own_is_not(make_run, table):
    runs = [
        make_run(),
        make_run(table[::-1].copy()),
        make_run(learning_rate=0.5, weight_decay=0.5),
        make_run(batch_seed=1, noise_seed=1),
        make_run(columns=np.array([1.0, 0, 0, 0])),
        make_run(corruption="swap"),
    ]
    assert len({stack_key(run) for run in runs}) == 1


def test_what_cannot_be_stacked(make_run):
    assert can_be_stacked(make_run())
    assert not can_be_stacked(make_run(callbacks=(Callback(),)))
    assert not can_be_stacked(make_run(learning_rate=(0.1,) * 5))

    class OtherLoss(ReconstructionLoss):
        pass

    run = make_run()
    assert not can_be_stacked(run._replace(loss=OtherLoss(np.ones(4))))
