import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

from sklearn_ae.networks import DenseStep
from sklearn_ae.training import (
    Run,
    content_ranks,
    losses_of,
    make_net,
    make_plan,
    train,
)


class Counter(Callback):
    """Count epochs."""

    def __init__(self):
        self.count = 0

    def on_epoch_end(self, net, **kwargs):
        self.count += 1


class Seen(Callback):
    """Write down the held-out loss of every epoch whose end is heard."""

    losses = []

    def on_epoch_end(self, net, **kwargs):
        self.losses.append(net.history[-1, "valid_loss"])


class Order(Callback):
    """Append a name to a list that copies share."""

    heard = []

    def __init__(self, name):
        self.name = name

    def on_epoch_end(self, net, **kwargs):
        self.heard.append(self.name)


class StepWatcher(Callback):
    """Look at every step, and at whether autograd is left out of it."""

    without_autograd = []

    def on_batch_end(self, net, loss=None, **kwargs):
        assert loss.item() > 0
        self.without_autograd.append(torch.is_inference_mode_enabled())


class Unseen(Callback):
    """Note whether anything of a net is of no use to autograd afterwards."""

    tensors = []

    def on_train_end(self, net, **kwargs):
        self.tensors += net.module_.state_dict().values()
        for state in net.optimizer_.state.values():
            self.tensors += state.values()


@pytest.fixture
def run(table, make_rows, make_network, make_settings, loss):
    """Train on the table."""

    def run(
        hold_out=True,
        cross_fit=True,
        weight=None,
        callbacks=(),
        settings_callbacks=(),
        **changes,
    ):
        weight = np.ones(len(table)) if weight is None else weight
        plan = make_plan(
            content_ranks(table, 0),
            weight,
            hold_out=hold_out,
            validation_fraction=0.25,
            cross_fit=cross_fit,
        )
        settings = make_settings(callbacks=settings_callbacks, **changes)
        network = make_network((0,) * plan.n_models)
        return train(
            Run(network, make_rows(table), plan, weight, loss, settings), callbacks
        )

    return run


def held_out_loss(network, table, column_weight, forward):
    """The loss of a cross-fitted stack, computed row by row from its plan.

    A share of the held-out rows' variance about the mean row, which is zero here.
    """
    plan = make_plan(
        content_ranks(table, 0),
        np.ones(len(table)),
        hold_out=True,
        validation_fraction=0.25,
        cross_fit=True,
    )
    errors = np.empty(len(table))
    for model, rows in enumerate(plan.held_out):
        x = torch.tensor(table[rows])
        back = getattr(network, forward)(x).reconstruction[model].detach().numpy()
        errors[rows] = (back - table[rows]) ** 2 @ column_weight
    return errors.sum() / (table**2 @ column_weight).sum()


def test_the_kept_weights_have_the_kept_loss(run, table, column_weight):
    training = run(max_epochs=40, n_iter_no_change=40)
    assert training.improved.tolist() == [True]
    assert training.kept_epoch.shape == (1,)
    assert training.kept_epoch > 0
    for forward, loss in (
        ("forward", training.kept_loss),
        ("linear", training.start_loss),
    ):
        expected = held_out_loss(training.network, table, column_weight, forward)
        assert loss == pytest.approx(expected, rel=1e-10)
    losses = training.history[:, "valid_loss"]
    assert training.kept_loss == losses[training.kept_epoch[0] - 1] == min(losses)
    assert training.kept_loss < training.start_loss


def test_training_that_does_not_help_ends_at_pca(run, table, column_weight):
    training = run(max_epochs=6, learning_rate=0.5, n_iter_no_change=3)
    assert training.kept_epoch == 0
    assert training.improved.tolist() == [False]
    assert training.kept_loss == training.start_loss
    x = torch.tensor(table)
    torch.testing.assert_close(
        training.network(x).reconstruction, training.network.linear(x).reconstruction
    )


def test_patience_ends_training(run):
    training = run(max_epochs=50, learning_rate=0.5, n_iter_no_change=3)
    assert len(training.history) == training.kept_epoch + 3


def early_stopping(patience):
    """A stop of the user's after so many epochs, whatever their losses."""
    return EarlyStopping(
        "valid_loss", patience=patience, threshold=1e9, threshold_mode="abs", sink=len
    )


@pytest.mark.parametrize("first", ["user", "package"])
def test_a_users_early_stopping_and_ours_see_every_epoch(run, first):
    Seen.losses.clear()
    patience = {"user": (3, 50), "package": (50, 3)}[first]
    stopping, seen = early_stopping(patience[0]), Seen()
    training = run(
        max_epochs=30,
        n_iter_no_change=patience[1],
        # So small that every epoch is better, so large that none is.
        learning_rate=1e-3 if first == "user" else 0.5,
        settings_callbacks=(stopping, seen),
    )
    losses = training.history[:, "valid_loss"]
    assert Seen.losses == losses
    assert len(losses) == (4 if first == "user" else training.kept_epoch + 3)
    if first == "user":
        # Ours saw the epoch at which the user's stopped, which was the best.
        assert np.diff(losses).max() < 0
        assert training.kept_epoch in (0, 4)
        assert training.kept_loss in (losses[-1], training.start_loss)


def test_two_wishes_to_stop_are_one(run):
    training = run(
        max_epochs=30,
        n_iter_no_change=3,
        learning_rate=0.5,
        settings_callbacks=(early_stopping(2), early_stopping(2)),
    )
    assert len(training.history) == 3


def test_nothing_held_out_is_never_judged(run):
    training = run(hold_out=False, max_epochs=3)
    assert training.kept_epoch.tolist() == [3]
    assert training[3:] == (None, None, None, None)
    assert "valid_loss" not in training.history[-1]


def test_no_epochs_leave_the_start(run, make_network):
    training = run(max_epochs=0)
    assert training.kept_epoch == 0
    assert training.improved.tolist() == [False]
    assert len(training.history) == 0
    start = make_network((0,) * training.network.n_models)
    for ours, expected in zip(
        training.network.parameters(), start.parameters(), strict=True
    ):
        assert ours.equal(expected)


def test_a_run_repeats_to_the_last_bit(run):
    one, other = (run(max_epochs=4, n_iter_no_change=9) for _ in range(2))
    for ours, expected in zip(
        one.network.parameters(), other.network.parameters(), strict=True
    ):
        assert ours.equal(expected)


def test_steps_nobody_looks_at_run_without_autograd(run, monkeypatch):
    seen, call = [], DenseStep.__call__

    def spy(step, *args):
        seen.append(torch.is_inference_mode_enabled())
        return call(step, *args)

    monkeypatch.setattr(DenseStep, "__call__", spy)
    alone = run(max_epochs=2, callbacks=[Unseen()])
    assert set(seen) == {True}
    assert Unseen.tensors
    assert not any(tensor.is_inference() for tensor in Unseen.tensors)
    watched = run(max_epochs=2, callbacks=[StepWatcher()])
    assert set(StepWatcher.without_autograd) == {False}
    assert losses_of(alone)["train_loss"].tolist() == pytest.approx(
        losses_of(watched)["train_loss"].tolist(), rel=1e-12
    )
    for ours, expected in zip(
        alone.network.parameters(), watched.network.parameters(), strict=True
    ):
        assert ours.equal(expected)


def test_the_seed_of_the_batches_decides_their_order(run):
    first, again, other = (
        run(hold_out=False, batch_seed=seed).history[:, "train_loss"]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_the_learning_rate_falls_over_the_run(run):
    rates = []

    class Rates(Callback):
        def on_epoch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    run(hold_out=False, max_epochs=4, callbacks=[Rates()])
    last_steps = np.array([2, 5, 8, 11])  # 96 rows in batches of 32
    np.testing.assert_allclose(rates, 0.005 * (1 + np.cos(np.pi * last_steps / 12)))


def test_weights_of_rows_count_in_the_held_out_loss(run, table, column_weight):
    weight = np.random.default_rng(0).uniform(0.1, 5, size=len(table))
    # The linear path of the fixture keeps the first two columns and drops the others.
    errors = table[:, 2:] ** 2 @ column_weight[2:]
    variance = weight @ (table**2 @ column_weight)
    training = run(weight=weight, max_epochs=0)
    assert training.start_loss == pytest.approx(weight @ errors / variance)


def test_losses_are_shares_of_the_held_out_rows_own_variance(run, table, column_weight):
    plan = make_plan(
        content_ranks(table, 0),
        np.ones(len(table)),
        hold_out=True,
        validation_fraction=0.25,
        cross_fit=False,
    )
    rows = table[plan.held_out_rows]
    training = run(cross_fit=False, max_epochs=30, n_iter_no_change=30)
    assert training.kept_epoch > 0
    with torch.no_grad():
        x = torch.tensor(rows)
        kept = training.network(x).reconstruction[0].numpy()
        linear = training.network.linear(x).reconstruction[0].numpy()
    variance = (rows**2 @ column_weight).sum()
    for back, loss in ((kept, training.kept_loss), (linear, training.start_loss)):
        expected = ((rows - back) ** 2 @ column_weight).sum() / variance
        assert loss == pytest.approx(expected, rel=1e-10)


def test_users_callbacks_hear_of_epochs_after_the_packages_own(
    table, make_rows, make_network, make_settings, loss
):
    Order.heard.clear()
    user = Order("user")
    plan = make_plan(
        content_ranks(table, 0),
        np.ones(len(table)),
        hold_out=False,
        validation_fraction=0.25,
        cross_fit=True,
    )
    settings = make_settings(max_epochs=1, callbacks=(user,))
    weight = np.ones(len(table))
    run = Run(make_network(), make_rows(table), plan, weight, loss, settings)
    train(run, [Order("own")])
    assert Order.heard == ["own", "user"]


def test_a_users_callback_is_trained_with_as_a_copy(make_network, make_settings, loss):
    counter = Counter()
    net = make_net(make_network(), loss, make_settings(callbacks=(counter,)))
    used = [cb for _, cb in net.callbacks_ if isinstance(cb, Counter)]
    assert len(used) == 1
    assert used[0] is not counter


def test_a_net_holds_the_settings(make_network, make_settings, loss):
    settings = make_settings(
        learning_rate=0.5, weight_decay=0.25, batch_size=7, beta2=0.5
    )
    net = make_net(make_network(), loss, settings)
    (group,) = net.optimizer_.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.25)
    assert group["betas"] == (0.9, 0.5)
    assert net.batch_size == 7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_net_runs_in_the_dtype_of_the_settings(
    make_network, make_settings, loss, dtype
):
    net = make_net(make_network(), loss, make_settings(dtype=dtype))
    tensors = [*net.module_.state_dict().values(), net.criterion_.column_weight]
    assert {tensor.dtype for tensor in tensors} == {dtype}


@pytest.mark.parametrize("hold_out", [True, False])
@pytest.mark.parametrize("max_epochs", [0, 3])
def test_losses_have_one_value_per_epoch(run, hold_out, max_epochs):
    training = run(hold_out=hold_out, max_epochs=max_epochs, n_iter_no_change=9)
    losses = losses_of(training)
    names = {"train_loss", "valid_loss"} if hold_out else {"train_loss"}
    assert set(losses) == names
    for name, values in losses.items():
        assert values.shape == (max_epochs,)
        assert values.tolist() == [row[name] for row in training.history]
