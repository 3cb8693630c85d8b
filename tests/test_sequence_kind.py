import numpy as np
from numpy.testing import assert_allclose

from sklearn_ae._sequence_kind import SequenceKind


def test_steps_of_a_channel_share_a_unit():
    X = np.random.default_rng(0).normal(size=(500, 6)) * [1, 10, 2, 20, 3, 30] + 5
    scaling, variance = SequenceKind().fit_scaling(X, np.ones(500), (3, 2))
    assert_allclose(variance, X.var(axis=0))
    by_channel = np.sqrt(X.var(axis=0).reshape(3, 2).mean(axis=0))
    assert_allclose(scaling.std, np.tile(by_channel, 3))
    assert_allclose(scaling.mean, X.mean(axis=0))


def test_steps_are_neighbours():
    assert SequenceKind().grid_shape((7, 2)) == (7, 1, 2)
