import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_ae import Autoencoder
from sklearn_ae._fitting import Start
from sklearn_ae._streaming import (
    as_fitted,
    first_block_recipe,
    train_on_block,
)
from sklearn_ae.training import TrainingBatches, draw_seeds, make_source

FAST = {"random_state": 0, "learning_rate": 0.01}


@pytest.fixture
def streamed(blob):
    return Autoencoder(2, **FAST).partial_fit(blob)


def start_of(estimator):
    return Start(estimator.net_.module_, estimator._scaling, estimator._code_unit)


def recipe_of(estimator):
    estimator.n_features_in_ = 5  # as reading rows leaves it
    return estimator._recipe(1000, 5, 1000, draw_seeds(0), torch.device("cpu"))


def test_a_block_trains_a_copy(streamed, blob):
    net = streamed.net_
    before = {n: t.clone() for n, t in net.module_.state_dict().items()}
    trained = train_on_block(
        net, blob, np.ones(60), streamed._scaling, None, recipe_of(streamed).settings
    )
    for name, tensor in net.module_.state_dict().items():
        assert tensor.equal(before[name])
    weight = trained.module_.decoder_branch.output.weight
    assert not weight.equal(before["decoder_branch.output.weight"])
    assert not trained.module_.training


def test_a_block_leaves_the_moments_of_the_earlier_net(streamed, blob):
    def moments():
        states = streamed.net_.optimizer_.state_dict()["state"].values()
        return [tensor.clone() for state in states for tensor in state.values()]

    before = moments()
    train_on_block(
        streamed.net_,
        blob,
        np.ones(60),
        streamed._scaling,
        None,
        recipe_of(streamed).settings,
    )
    assert before
    assert all(map(torch.equal, moments(), before))


def test_a_block_is_passed_over_once(streamed, blob, monkeypatch):
    seen = []
    epoch = TrainingBatches.__iter__

    def spy(self):
        for batch in epoch(self):
            seen.append(len(batch.target))
            yield batch

    monkeypatch.setattr(TrainingBatches, "__iter__", spy)
    streamed.partial_fit(np.vstack([blob] * 3))
    assert sum(seen) == 180
    assert max(seen) <= streamed.net_.batch_size


def test_later_blocks_lower_the_loss_and_never_turn_the_codes(blob):
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(256, 1))
    X = np.hstack([t, t**2, np.sin(2 * t)]) + 0.01 * rng.normal(size=(256, 3))
    estimator = Autoencoder(1, **FAST).partial_fit(X)
    first = estimator.transform(X)
    for _ in range(60):
        estimator.partial_fit(X)
    losses = estimator.history_["train_loss"]
    assert len(losses) == 61
    assert losses[-1] < 0.9 * losses[0]
    module = estimator.net_.module_
    assert np.corrcoef(first[:, 0], estimator.transform(X)[:, 0])[0, 1] > 0.9
    assert module.code_map.numel() == 1


def test_the_moments_go_on_over_blocks(streamed, blob):
    def n_steps():
        return max(
            int(state["step"])
            for state in streamed.net_.optimizer_.state_dict()["state"].values()
        )

    first = n_steps()
    streamed.partial_fit(blob)
    assert n_steps() == 2 * first > 0


def test_a_stream_is_scored_by_its_sample(streamed, blob):
    streamed.partial_fit(blob + 0.1)
    fitted = as_fitted(streamed)
    assert fitted.network is fitted.stack is streamed.net_.module_
    assert len(fitted.weight) == 120
    assert len(fitted.plan.held_out_rows) == 0
    source = make_source(
        streamed._reference.rows,
        streamed._scaling,
        torch.float64,
        torch.device("cpu"),
    )
    ((_, rows),) = fitted.blocks()
    assert rows.equal(source.rows)
    np.testing.assert_allclose(fitted.mean, np.vstack([blob, blob + 0.1]).mean(axis=0))


def test_variances_of_a_stream_are_those_of_its_codes(streamed, blob):
    streamed.partial_fit(3 * blob)
    fitted = as_fitted(streamed)
    codes = streamed.transform(np.vstack([blob, 3 * blob]))
    np.testing.assert_allclose(streamed.explained_variance_, codes.var(axis=0, ddof=1))
    total = np.vstack([blob, 3 * blob]).var(axis=0).sum()
    assert fitted.metric.total == pytest.approx(total)


def test_later_blocks_never_change_the_units_of_the_codes(streamed, blob):
    scaling, unit = streamed._scaling, streamed._code_unit
    streamed.partial_fit(100 * blob)
    assert streamed._scaling is scaling
    assert streamed._code_unit == unit


def test_the_first_block_sets_up_pca_and_nothing_else(blob):
    estimator = Autoencoder(2, **FAST)
    recipe = recipe_of(estimator)
    first = first_block_recipe(recipe)
    assert not first.hold_out
    assert not first.cross_fit
    assert first.settings.max_epochs == 0
    assert recipe.hold_out
    assert recipe.settings.max_epochs > 0


def test_callbacks_hear_of_each_block_once(blob):
    heard = []

    class Listener(Callback):
        def on_train_begin(self, net, **kwargs):
            heard.append("begin")

        def on_epoch_end(self, net, **kwargs):
            heard.append("epoch")

        def on_train_end(self, net, **kwargs):
            heard.append("end")

    estimator = Autoencoder(2, callbacks=[Listener()], **FAST)
    for _ in range(2):
        estimator.partial_fit(blob)
    assert heard == ["begin", "epoch", "end"] * 2


def test_blocks_are_not_all_read_in_the_same_order(blob, monkeypatch):
    seen = []
    epoch = TrainingBatches.__iter__

    def spy(self):
        for batch in epoch(self):
            seen.append(batch.target.clone())
            yield batch

    monkeypatch.setattr(TrainingBatches, "__iter__", spy)
    estimator = Autoencoder(2, batch_size=20, **FAST)
    for _ in range(2):
        estimator.partial_fit(blob)
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert len(first) == len(second) == 60
    assert not first.equal(second)
    assert first.sort(dim=0).values.equal(second.sort(dim=0).values)


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 0.5), ("weight_decay", 0.25)]
)
def test_a_block_is_trained_as_asked_for_now(streamed, blob, name, value):
    streamed.set_params(**{name: value}).partial_fit(blob)
    net = streamed.net_
    (group,) = net.optimizer_.param_groups
    assert {"learning_rate": net.lr, "weight_decay": group["weight_decay"]}[
        name
    ] == value


@pytest.mark.parametrize("size", [5, 60, 1500])
def test_the_first_block_does_not_settle_what_is_auto(size):
    X = np.random.default_rng(0).normal(size=(size, 4))
    estimator = Autoencoder(2, random_state=0).partial_fit(X)
    assert estimator.batch_size_ == 256
    assert estimator.net_.lr == pytest.approx(0.005)
    branches = estimator.net_.module_.arguments["branches"]
    assert branches["hidden_layer_sizes"] == (128, 64)


def test_a_block_after_a_fit_adds_to_its_rows(blob):
    estimator = Autoencoder(2, max_epochs=4, **FAST).fit(blob)
    estimator.partial_fit(blob[:10] + 1)
    assert estimator._reference.n_seen == 70
    rows = np.vstack([blob, blob[:10] + 1])
    np.testing.assert_allclose(estimator.mean_, rows.mean(axis=0))
    assert estimator.training_scores_.shape == (70,)
    np.testing.assert_allclose(
        np.sort(estimator.training_scores_), np.sort(estimator.score_samples(rows))
    )
