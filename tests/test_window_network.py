"""The dense network for windows: units by channel, one length, steps alike."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder, SparseAutoencoder, WindowNetwork
from sklearn_ae._window_network import NOISE_SHARE


@pytest.fixture
def windows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 12, 2)).cumsum(axis=1) * [1.0, 100.0]


def test_untrained_is_pca_of_windows(windows):
    model = Autoencoder(5, network=WindowNetwork(), max_epochs=0).fit(windows)
    rows = windows.reshape(300, -1)
    pca = PCA(5, svd_solver="full").fit(rows)
    rebuilt = pca.inverse_transform(pca.transform(rows)).reshape(windows.shape)
    assert_allclose(model.reconstruct(windows), rebuilt, atol=1e-6 * rows.std())


def test_layers_are_the_networks(windows):
    network = WindowNetwork(hidden_layer_sizes=(9,), activation="tanh")
    model = Autoencoder(2, network=network, max_epochs=1, random_state=0).fit(windows)
    branches = model.net_.module_.arguments["branches"]
    assert branches == {
        "kind": "dense",
        "hidden_layer_sizes": (9,),
        "activation": "tanh",
    }


def test_scores_know_no_units_of_channels(windows):
    model = Autoencoder(
        5, network=WindowNetwork(), max_epochs=0, standardize=True, random_state=0
    )
    scores = model.fit(windows).score_samples(windows)
    scaled = windows * [1000.0, 0.01]
    assert_allclose(model.fit(scaled).score_samples(scaled), scores, rtol=1e-6)


def test_scores_count_channels_in_the_units_they_come_in(windows):
    model = Autoencoder(5, network=WindowNetwork(), max_epochs=0, random_state=0)
    scores = model.fit(windows).score_samples(windows)
    errors = np.square(model.reconstruct(windows) - windows).sum(axis=(1, 2))
    errors /= np.square(model._scaling.std).mean()
    rows = windows.reshape(300, -1)
    rows = model._scaling.standardize(rows, torch.float64, torch.device("cpu"))
    codes = model.net_.module_.encode_raw(rows)[0].detach().numpy()
    of_codes = model._scorer.codes.score(codes)
    assert_allclose(scores, of_codes - errors / model._scorer.noise, rtol=1e-6)
    for factor in (1000, 1e-8):
        other = model.fit(factor * windows).score_samples(factor * windows)
        assert_allclose(other, scores, rtol=1e-6)


def test_scores_count_noise(windows):
    model = Autoencoder(5, network=WindowNetwork(), max_epochs=0).fit(windows)
    assert model._scorer.noise_share == NOISE_SHARE
    assert model._scorer.codes.noise > 0


def test_windows_are_of_one_length(windows):
    model = Autoencoder(2, network=WindowNetwork())
    with pytest.raises(ValueError, match="sequences of several lengths"):
        model.fit([windows[0], windows[1][:5]])


def test_other_estimators_take_it(windows):
    model = SparseAutoencoder(8, network=WindowNetwork(), max_epochs=1, random_state=0)
    assert model.fit(windows).reconstruct(windows).shape == windows.shape
