import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_ae import (
    Autoencoder,
    SequenceAutoencoder,
    SequenceNetwork,
    VariationalAutoencoder,
)

FAST = {"max_epochs": 2, "random_state": 0}
SMALL = {"cell_size": 4, "hidden_layer_sizes": (6,)}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def walks(n=30, n_steps=9, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_steps, n_channels)).cumsum(axis=1)


@pytest.mark.parametrize(
    ("cell", "n_steps", "n_layers"),
    [
        ("auto", 500, 1),
        ("convolution", 1, 1),
        ("convolution", 3, 1),
        ("convolution", 4, 2),
        ("convolution", 140, 7),
        ("convolution", 10_000, 8),
        ("gru", 500, 1),
        ("lstm", 500, 1),
        ("attention", 500, 2),
    ],
)
def test_auto_layers_reach_over_a_sequence(cell, n_steps, n_layers):
    branches = SequenceNetwork(cell=cell).branches((n_steps, 2), 100)
    assert branches["cell"]["n_layers"] == n_layers
    asked = SequenceNetwork(cell=cell, n_layers=3).branches((n_steps, 2), 100)
    assert asked["cell"]["n_layers"] == 3


@pytest.mark.parametrize(("n_steps", "n_threads"), [(140, 1), (511, 1), (512, 2)])
def test_long_sequences_take_two_threads(n_steps, n_threads):
    assert SequenceNetwork().n_threads(64, n_steps) == n_threads


def test_channels_have_one_unit_each():
    X = walks() * [1, 100]
    rows = X.reshape(30, -1)
    scaling, variance = SequenceNetwork().fit_scaling(rows, np.ones(30), (9, 2))
    assert_allclose(scaling.mean, rows.mean(axis=0))
    assert_allclose(scaling.std.reshape(9, 2), np.ones((9, 1)) * scaling.std[:2])
    assert_allclose(scaling.std[:2] ** 2, X.var(axis=0).mean(axis=0))
    assert_allclose(variance, rows.var(axis=0))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cell": "rnn"}, "The 'cell' parameter of SequenceNetwork must be a str"),
        ({"cell_size": 0}, "The 'cell_size' parameter of SequenceNetwork must be"),
        ({"n_places": 0}, "The 'n_places' parameter of SequenceNetwork must be"),
        (
            {"hidden_layer_sizes": (0,)},
            "hidden_layer_sizes=(0,) must be 'auto' or hold",
        ),
    ],
)
def test_what_is_out_of_range_is_named(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Autoencoder(2, network=SequenceNetwork(**params)).fit(walks())


def test_it_is_the_network_of_the_sequence_autoencoder():
    one = SequenceAutoencoder(2, **SMALL, **FAST).fit(walks())
    other = Autoencoder(2, network=SequenceNetwork(**SMALL), **FAST).fit(walks())
    assert_array_equal(one.transform(walks()), other.transform(walks()))
    assert_array_equal(one.score_samples(walks()), other.score_samples(walks()))


def test_samples_are_sequences():
    vae = VariationalAutoencoder(2, network=SequenceNetwork(**SMALL), **FAST)
    assert vae.fit(walks()).sample(3, random_state=0).shape == (3, 9, 2)


def test_a_search_reaches_its_parameters():
    search = GridSearchCV(
        Autoencoder(2, network=SequenceNetwork(**SMALL), **FAST),
        {"network__n_places": [2, 3]},
        cv=2,
    ).fit(walks())
    assert search.best_estimator_.network.n_places in (2, 3)


def test_a_fit_that_goes_on_keeps_its_cell():
    model = SequenceAutoencoder(2, **SMALL, **FAST).partial_fit(walks())
    with pytest.raises(ValueError, match="cell_size=5 differs from 4, with which"):
        clone(model).set_params(cell_size=4).partial_fit(walks()).set_params(
            cell_size=5
        ).partial_fit(walks())
