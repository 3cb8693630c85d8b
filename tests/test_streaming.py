import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_ae import Autoencoder, _streaming
from sklearn_ae._streaming import (
    Reference,
    as_fitted,
    first_block_recipe,
    train_on_block,
)
from sklearn_ae.training import TrainingBatches, draw_seeds, make_source

FAST = {"random_state": 0, "learning_rate": 0.01}


@pytest.fixture
def few(monkeypatch):
    """Keep ten rows of a stream."""
    monkeypatch.setattr(_streaming, "REFERENCE_ROWS", 10)


@pytest.fixture
def streamed(blob):
    return Autoencoder(2, **FAST).partial_fit(blob)


def draw(n_rows, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, 3))


def stream(blocks, weights=None, seed=0):
    reference = Reference(3, seed)
    weights = weights or [np.ones(block.shape[0]) for block in blocks]
    for block, weight in zip(blocks, weights, strict=True):
        reference = reference.extended(block, weight)
    return reference


def recipe_of(estimator, X):
    return estimator._recipe(X, len(X), draw_seeds(0), torch.device("cpu"))


# -- the sample of the stream


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("cuts", [[], [50], [1, 2, 3], list(range(7, 100, 7))])
def test_the_sample_is_the_same_in_whatever_blocks_the_rows_come(cuts):
    X = draw(100)
    whole, cut = stream([X]), stream(np.split(X, cuts))
    np.testing.assert_array_equal(cut.rows, whole.rows)
    np.testing.assert_array_equal(cut.keys, whole.keys)
    assert cut.n_seen == 100
    np.testing.assert_allclose(cut.mean, X.mean(axis=0))


@pytest.mark.usefixtures("few")
def test_the_sample_is_the_same_in_whatever_order_the_rows_come():
    X = draw(100)
    one, other = stream([X]), stream([X[::-1]])
    np.testing.assert_array_equal(one.rows, other.rows)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("n_rows", [3, 10, 11, 500])
def test_the_sample_is_bounded_and_of_the_stream(n_rows):
    X = draw(n_rows)
    rows = stream(np.array_split(X, 3)).rows
    assert len(rows) == min(n_rows, 10)
    assert {tuple(row) for row in rows} <= {tuple(row) for row in X}
    assert len({tuple(row) for row in rows}) == len(rows)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "first",
    [
        1,
        pytest.param(
            0,
            marks=pytest.mark.xfail(
                reason="the key of a row of zeros is 0 for every seed", strict=True
            ),
        ),
    ],
)
def test_the_sample_is_uniform(first):
    # Row i holds i: over many seeds, all rows must be drawn equally often.
    position = np.arange(40.0) + first
    counts = np.zeros(41)
    for seed in range(400):
        sample = stream([position[:, None] * np.ones(3)], seed=seed).rows
        counts[sample[:, 0].astype(int)] += 1
    counts = counts[first:][:40]
    assert counts.mean() == 100
    assert np.abs(counts - 100).max() < 5 * np.sqrt(100 * 0.75)


@pytest.mark.usefixtures("few")
def test_weights_travel_with_their_rows():
    X = draw(50)
    reference = stream([X[:20], X[20:]], [X[:20, 0] ** 2, X[20:, 0] ** 2])
    np.testing.assert_allclose(reference.weight, reference.rows[:, 0] ** 2)
    expected = np.average(X, axis=0, weights=X[:, 0] ** 2)
    np.testing.assert_allclose(reference.mean, expected)


def test_an_extended_sample_is_another_one():
    first = stream([draw(5)])
    before = first.rows.copy()
    first.extended(draw(5, seed=1), np.ones(5))
    np.testing.assert_array_equal(first.rows, before)
    assert first.n_seen == 5


@pytest.mark.parametrize("wrap", [sparse.csr_array, np.asfortranarray])
def test_what_holds_the_rows_does_not_matter(wrap):
    X = draw(30)
    X[::3, 1] = 0
    one, other = stream([wrap(X)]), stream([X])
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_allclose(one.mean, other.mean)


# -- training on a block


def test_a_block_trains_a_copy(streamed, blob):
    net = streamed.net_
    before = {n: t.clone() for n, t in net.module_.state_dict().items()}
    trained = train_on_block(
        net, blob, np.ones(60), streamed._scaling, seed=0, callbacks=()
    )
    for name, tensor in net.module_.state_dict().items():
        assert tensor.equal(before[name])
    weight = trained.module_.decoder_branch.output.weight
    assert not weight.equal(before["decoder_branch.output.weight"])
    assert not trained.module_.training


@pytest.mark.xfail(reason="the copy shares the optimiser's moments", strict=True)
def test_a_block_leaves_the_moments_of_the_earlier_net(streamed, blob):
    def moments():
        states = streamed.net_.optimizer_.state_dict()["state"].values()
        return [tensor.clone() for state in states for tensor in state.values()]

    before = moments()
    train_on_block(
        streamed.net_, blob, np.ones(60), streamed._scaling, seed=0, callbacks=()
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
    fitted = as_fitted(
        streamed.net_,
        streamed._reference,
        streamed._scaling,
        recipe_of(streamed, blob),
    )
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


def test_the_first_block_sets_up_pca_and_nothing_else(blob):
    estimator = Autoencoder(2, **FAST)
    recipe = recipe_of(estimator, blob)
    first = first_block_recipe(recipe)
    assert not first.hold_out
    assert not first.cross_fit
    assert first.settings.max_epochs == 0
    assert recipe.hold_out
    assert recipe.settings.max_epochs > 0
