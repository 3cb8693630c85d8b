"""Kinds of networks, and the choice between them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, clone

from sklearn_ae import Autoencoder, ConvolutionalNetwork, SparseAutoencoder
from sklearn_ae._defaults import BATCH_SIZE, SCHEDULE
from sklearn_ae._inputs import TableLayout
from sklearn_ae._network import DENSE, NetworkKind, check_layer_sizes, layer_sizes
from sklearn_ae.training import MAX_FOLDS, fit_scaling

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def test_the_usual_answers_are_those_of_dense_networks(blob):
    assert type(DENSE.layout) is TableLayout
    assert DENSE.max_folds == MAX_FOLDS
    assert DENSE.check() is None
    assert DENSE.check_shape((5,)) is None
    assert DENSE.branches((5,), 100, False) is None
    assert DENSE.batch_size(10) == 10
    assert DENSE.batch_size(10**6) == BATCH_SIZE
    assert DENSE.schedule(SCHEDULE, 10) is SCHEDULE
    assert DENSE.beta2(is_corrupted=False) == DENSE.beta2(is_corrupted=True) == 0.999
    assert DENSE.learning_rate(10**4, is_corrupted=True) == 0.005
    assert DENSE.weight_decay == 0
    assert DENSE.grid_shape((5,)) is None
    assert DENSE.n_threads(1, 1) == 1
    scaling, variance = DENSE.fit_scaling(blob, np.ones(60), (5,))
    expected, expected_variance = fit_scaling(blob, np.ones(60))
    assert_allclose(scaling.mean, expected.mean)
    assert_allclose(scaling.std, expected.std)
    assert_allclose(variance, expected_variance)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(8, (8,)), ((), ()), ([8, 4], (8, 4)), (np.array([8, 4]), (8, 4))],
)
def test_layer_sizes(sizes, expected):
    assert check_layer_sizes(sizes) is None
    assert layer_sizes(sizes) == expected
    assert all(type(size) is int for size in layer_sizes(sizes))


@pytest.mark.parametrize("sizes", [(0,), (8, -1), (4.5,), ("a",), [None]])
def test_what_are_no_layer_sizes(sizes):
    with pytest.raises(ValueError, match=r"hold positive integers, one per hidden"):
        check_layer_sizes(sizes)


@pytest.mark.parametrize("kind", [Autoencoder, SparseAutoencoder])
def test_dense_is_the_default(kind):
    assert kind().network == "dense"
    assert kind()._network_kind is DENSE


def test_a_kind_given_is_the_kind_asked():
    network = ConvolutionalNetwork(channels=(4,))
    model = Autoencoder(network=network)
    assert model._network_kind is network
    assert model.get_params()["network__channels"] == (4,)
    model.set_params(network__channels=(8,))
    assert network.channels == (8,)
    copy = clone(model)
    assert copy.network is not network
    assert copy.network.channels == (8,)


class Halved(NetworkKind, BaseEstimator):
    """Dense networks of a kind of one's own: two folds, a batch size, a check."""

    max_folds = 2

    def __init__(self, is_right=True):
        self.is_right = is_right

    def check(self):
        if not self.is_right:
            raise ValueError("is_right=False must be True. Set it.")

    def check_shape(self, row_shape):
        if row_shape == (2,):
            raise ValueError("two columns are too few")

    def batch_size(self, n_rows):
        return 7

    def schedule(self, usual, n_batches):
        return usual._replace(small_steps=9, min_epochs=1)


def test_an_estimator_asks_its_kind_of_network(blob):
    model = Autoencoder(2, network=Halved(), random_state=0).fit(blob)
    assert model.batch_size_ == 7
    assert model.max_epochs_ == 1
    assert len(model.net_.module_.encoder_branch.hidden) == 2
    with pytest.raises(ValueError, match=r"two columns are too few"):
        Autoencoder(1, network=Halved()).fit(blob[:, :2])
    with pytest.raises(ValueError, match=r"is_right=False must be True"):
        Autoencoder(2, network=Halved(is_right=False)).fit(blob)


def test_what_the_user_gives_comes_before_what_the_kind_answers(blob):
    model = Autoencoder(2, network=Halved(), batch_size=9, max_epochs=2).fit(blob)
    assert model.batch_size_ == 9
    assert model.max_epochs_ == 2


@pytest.mark.parametrize("network", ["convolutional", None, NetworkKind])
def test_what_is_no_kind_of_network(network, blob):
    with pytest.raises(ValueError, match=r"The 'network' parameter of Autoencoder"):
        Autoencoder(network=network).fit(blob)
