"""What the denoising autoencoder promises beyond what all estimators do."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder, DenoisingAutoencoder
from sklearn_ae.training import KINDS as ALL_KINDS
from sklearn_ae.training import _net

# Rows of a table have no steps.
KINDS = sorted(set(ALL_KINDS) - {"step_masking"})

FAST = {"max_epochs": 4, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def error(X, back):
    return np.square(X - back).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_denoises_new_rows_better_than_the_best_linear_denoiser(kind, digits):
    train, test = digits[:1400], digits[1400:]
    params = {"corruption": kind, "corruption_rate": 0.2, "noise_scale": 0.5}
    start, model = (
        DenoisingAutoencoder(30, max_epochs=n, random_state=0, **params).fit(train)
        for n in (0, 8)
    )
    assert model.improved_on_linear_
    assert model.score(test) > start.score(test) + 0.01


def test_denoises_better_than_an_autoencoder_that_has_seen_no_noise(digits):
    train, test = digits[:1400], digits[1400:]
    params = {"max_epochs": 20, "random_state": 0}
    denoiser = DenoisingAutoencoder(30, corruption_rate=0.2, **params).fit(train)
    plain = Autoencoder(30, **params).fit(train)
    noisy = denoiser.corrupt(test)
    ours = error(test, denoiser.reconstruct(noisy))
    assert ours < 0.9 * error(test, plain.reconstruct(noisy))


@pytest.mark.parametrize("kind", KINDS)
def test_without_corruption_the_start_is_pca(blob, kind):
    model = DenoisingAutoencoder(
        2,
        corruption=kind,
        evaluation_rate=0.0,
        corruption_rate=0.0,
        noise_scale=0.0,
        max_epochs=0,
    ).fit(blob)
    pca = PCA(2).fit(blob)
    assert_allclose(model.transform(blob), pca.transform(blob), atol=1e-9)
    assert model.score(blob) == pytest.approx(pca.explained_variance_ratio_.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_beats_pca_on_corrupted_rows(cancer, kind):
    model = DenoisingAutoencoder(10, corruption=kind, max_epochs=0).fit(cancer)
    pca = PCA(10).fit(cancer)
    noisy = model.corrupt(cancer)
    theirs = error(cancer, pca.inverse_transform(pca.transform(noisy)))
    assert error(cancer, model.reconstruct(noisy)) < theirs


@pytest.mark.parametrize("batch_size", [20, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_the_network_reads_corrupted_rows_and_must_return_clean_ones(
    blob, kind, batch_size, monkeypatch
):
    """Of every kind, in every step, never the same way twice."""
    train_step, seen = _net.AutoencoderNet.train_step_single, []

    def spy(self, batch, **params):
        seen.append(batch)
        return train_step(self, batch, **params)

    monkeypatch.setattr(_net.AutoencoderNet, "train_step_single", spy)
    model = DenoisingAutoencoder(
        2,
        corruption=kind,
        corruption_rate=0.3,
        noise_scale=0.3,
        early_stopping=False,
        batch_size=batch_size,
        **FAST,
    ).fit(blob)
    assert len(seen) == 4 * 60 // batch_size
    clean = (blob - model._scaling.mean) / model._scaling.std
    patterns = set()
    for batch in seen:
        changed = batch.inputs != batch.target
        assert changed.any(dim=0).all()
        patterns.add(tuple((batch.inputs - batch.target).flatten().tolist()))
        for row in batch.target.numpy():
            assert np.isclose(row, clean, atol=1e-6).all(axis=1).any()
    assert len(patterns) == len(seen)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(blob, kind):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    params = {"corruption": kind, "corruption_rate": 0.2, "noise_scale": 0.5}
    params |= {"batch_size": 200, "early_stopping": False, **FAST}
    weighted = DenoisingAutoencoder(2, **params).fit(blob, sample_weight=counts)
    repeated = DenoisingAutoencoder(2, **params).fit(blob.repeat(counts, axis=0))
    assert_allclose(weighted.transform(blob), repeated.transform(blob), rtol=1e-6)
    assert weighted.score(blob) == pytest.approx(repeated.score(blob))


def test_codes_may_be_as_many_as_columns(blob):
    model = DenoisingAutoencoder(**FAST).fit(blob)
    assert model.n_components_ == 5
    assert model.transform(blob).shape == (60, 5)
    assert DenoisingAutoencoder(9, **FAST).fit(blob).transform(blob).shape == (60, 9)


def test_a_share_of_variance_is_that_of_the_clean_rows(cancer):
    model = DenoisingAutoencoder(0.8, max_epochs=0).fit(cancer)
    assert model.n_components_ == PCA(0.8).fit(cancer).n_components_


@pytest.mark.parametrize("kind", KINDS)
def test_constant_columns_come_back(blob, kind):
    X = np.column_stack([np.full(60, 7.0), blob, blob[:, 0]])
    model = DenoisingAutoencoder(3, corruption=kind, **FAST).fit(X)
    assert_allclose(model.reconstruct(X)[:, 0], 7, atol=1e-9)
    assert np.isfinite(model.score(X))


def test_outliers_are_found(blob):
    X = blob.copy()
    X[17] += 100
    model = DenoisingAutoencoder(2, **FAST).fit(X)
    assert model.training_scores_.argmin() == 17
