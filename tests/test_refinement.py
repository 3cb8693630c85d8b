"""Codes and centres trained together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs

from sklearn_ae import Autoencoder
from sklearn_ae._code_graph import start_clusters
from sklearn_ae._pretrained import with_network
from sklearn_ae._refinement import (
    LEAST_EPOCHS,
    STEPS,
    refine,
    refinement_recipe,
)
from sklearn_ae.training._net import AutoencoderNet


@pytest.fixture(scope="module")
def encoder():
    """An autoencoder of three blobs."""
    X, _ = make_blobs(90, n_features=6, random_state=0)
    encoder = Autoencoder(2, hidden_layer_sizes=(8,), max_epochs=4, random_state=0)
    return encoder.fit(X)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(90, n_features=6, random_state=0)[0]


def recipe_of(encoder, n_rows=90, max_epochs=20, learning_rate=0.01):
    return refinement_recipe(
        encoder, n_rows, max_epochs=max_epochs, learning_rate=learning_rate, seed=0
    )


def refined(encoder, X, recipe):
    start = start_clusters(encoder.transform(X), np.ones(90), 3, 5, 0)
    return refine(
        encoder,
        X,
        np.ones(90),
        start.labels,
        start.neighbors,
        recipe,
        share=1.0,
        tol=0.0,
    )


def test_epochs_follow_from_steps(encoder):
    def epochs(n_rows):
        return recipe_of(encoder, n_rows, "auto").settings.max_epochs

    assert epochs(90) == STEPS
    assert epochs(2560) == STEPS // 10
    assert epochs(10**6) == LEAST_EPOCHS


def test_settings_are_its_own(encoder):
    settings = recipe_of(encoder).settings
    assert settings.learning_rate == 0.01
    assert settings.weight_decay == 0
    assert settings.callbacks == ()


def test_the_encoder_is_not_touched(encoder, blobs):
    codes = encoder.transform(blobs)
    outcome = refined(encoder, blobs, recipe_of(encoder))
    assert_array_equal(encoder.transform(blobs), codes)
    trained = with_network(encoder, outcome.network, recipe_of(encoder).settings)
    assert_array_equal(encoder.transform(blobs), codes)
    assert not np.allclose(trained.transform(blobs), codes)


def test_it_starts_again_where_memory_is_too_small(encoder, blobs, monkeypatch):
    recipe = recipe_of(encoder, max_epochs=3)
    half = replace(recipe, settings=replace(recipe.settings, batch_size=45))
    expected = refined(encoder, blobs, half)

    def step(net, batch):
        if batch.inputs.shape[-2] > 50:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return train_step(net, batch)

    train_step = AutoencoderNet.train_step
    monkeypatch.setattr(AutoencoderNet, "train_step", step)
    with pytest.warns(UserWarning, match="starts again with batch_size=45"):
        outcome = refined(encoder, blobs, recipe)
    assert_array_equal(outcome.centers, expected.centers)


def test_without_an_epoch_nothing_changes(encoder, blobs):
    recipe = recipe_of(encoder, max_epochs=0)
    outcome = refined(encoder, blobs, recipe)
    trained = with_network(encoder, outcome.network, recipe.settings)
    assert_allclose(trained.transform(blobs), encoder.transform(blobs), atol=1e-12)
    start = start_clusters(encoder.transform(blobs), np.ones(90), 3, 5, 0)
    assert_allclose(outcome.centers, start.centers)
    assert len(outcome.losses) == 0


def test_a_copy_describes_itself_anew(encoder, blobs):
    outcome = refined(encoder, blobs, recipe_of(encoder))
    trained = with_network(encoder, outcome.network, recipe_of(encoder).settings)
    variance = trained.transform(blobs).var(axis=0, ddof=1)
    assert_allclose(trained.explained_variance_, variance)
    assert_array_equal(trained.history_["train_loss"], encoder.history_["train_loss"])
    scores = trained.score_samples(blobs)
    assert not np.allclose(scores, encoder.score_samples(blobs))
