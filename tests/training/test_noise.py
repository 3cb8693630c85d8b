import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_ae.training import Chance
from sklearn_ae.training._loss import Batch
from sklearn_ae.training._noise import (
    NO_CHANCE,
    Noise,
    keyed_normal,
    keyed_uniform,
)

CPU = torch.device("cpu")
KEYS = np.random.default_rng(0).integers(0, 2**64, size=5000, dtype=np.uint64)


def batch_of(n=6, width=3):
    rows = torch.ones(n, width).double()
    return Batch(rows, rows)


# -- a private generator


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_draws_repeat_by_seed_and_never_within_one(kind):
    first, second, other = (
        [getattr(noise, kind)(20, 3) for _ in range(3)]
        for noise in (Noise(0, CPU), Noise(0, CPU), Noise(1, CPU))
    )
    assert all(map(torch.equal, first, second))
    assert not first[0].equal(first[1])
    assert not first[1].equal(first[2])
    assert not first[0].equal(other[0])


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_global_random_state_is_left_alone(kind):
    before = torch.get_rng_state()
    getattr(Noise(0, CPU), kind)(20, 3)
    assert torch.get_rng_state().equal(before)


def test_uniforms_are_inside_their_interval():
    draw = Noise(0, CPU).uniform(100_000, 3)
    assert draw.min() > 0
    assert draw.max() < 1
    # A zero among them would be minus infinity as a normal quantile.
    assert torch.isfinite(torch.special.ndtri(draw)).all()
    assert stats.kstest(draw.numpy().ravel()[:20_000], "uniform").pvalue > 1e-3


def test_normals_are_normal():
    draw = Noise(0, CPU).normal(20_000, 1).numpy().ravel()
    assert stats.kstest(draw, "norm").pvalue > 1e-3


# -- decided by keys


@pytest.mark.parametrize("make", [keyed_uniform, keyed_normal])
def test_keyed_draws_follow_from_their_key_alone(make):
    whole = make(KEYS, 4)
    assert whole.shape == (5000, 4)
    np.testing.assert_array_equal(make(KEYS[7:9], 4), whole[7:9])
    np.testing.assert_array_equal(make(KEYS[::-1], 4), whole[::-1])
    np.testing.assert_array_equal(make(KEYS.reshape(50, 100), 4)[3, 5], whole[305])


@pytest.mark.parametrize("make", [keyed_uniform, keyed_normal])
def test_more_columns_leave_the_first_as_they_are(make):
    np.testing.assert_array_equal(make(KEYS, 7)[:, :3], make(KEYS, 3))


def test_keyed_uniforms_are_uniform_and_unrelated():
    draw = keyed_uniform(KEYS, 3)
    assert draw.min() > 0
    assert draw.max() < 1
    for column in draw.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    correlation = np.corrcoef(draw.T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(KEYS))


def test_keys_that_follow_each_other_have_unrelated_draws():
    draw = keyed_uniform(np.arange(5000, dtype=np.uint64), 2)
    assert stats.kstest(draw[:, 0], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draw[1:, 0], draw[:-1, 0])[0, 1]) < 5 / np.sqrt(5000)
    assert len(np.unique(draw)) == draw.size


def test_keyed_normals_are_normal_and_finite():
    draw = keyed_normal(KEYS, 2)
    assert np.isfinite(draw).all()
    assert stats.kstest(draw.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(stats.norm.cdf(draw), keyed_uniform(KEYS, 2))


@pytest.mark.parametrize("key", [0, 2**64 - 1])
def test_the_least_and_the_largest_key_have_finite_draws(key):
    assert np.isfinite(keyed_normal(np.array([key], dtype=np.uint64), 100)).all()


# -- what is random


def test_no_chance_is_false_and_leaves_a_batch_alone():
    batch = batch_of()
    assert not NO_CHANCE
    assert NO_CHANCE.applied(batch, None, None) is batch


def test_corruption_changes_the_inputs_and_never_the_target():
    chance = Chance(corrupt=lambda rows, uniform: rows + uniform)
    assert chance
    batch = batch_of()
    after = chance.applied(batch, lambda width: torch.full((6, width), 0.5), None)
    assert after.target is batch.target
    assert after.noise is None
    torch.testing.assert_close(after.inputs, batch.inputs + 0.5)


def test_noise_has_the_width_asked_for_and_the_rows_precision():
    chance = Chance(noise_width=2)
    assert chance
    batch = batch_of()
    after = chance.applied(batch, None, lambda width: torch.zeros(6, width))
    assert after.inputs is batch.inputs
    assert after.noise.shape == (6, 2)
    assert after.noise.dtype == torch.float64


def test_chance_is_what_the_network_and_the_corruption_ask_for(
    make_network, make_settings
):
    settings = make_settings(noise_seed=5)
    chance = Chance.of(make_network(), None, settings)
    assert not chance
    assert chance.seed == 5
