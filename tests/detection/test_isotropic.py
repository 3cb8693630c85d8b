import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.ndimage import convolve1d
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder, SequenceAutoencoder
from sklearn_ae.detection import IsotropicScorer, MahalanobisScorer, NeighborScorer
from sklearn_ae.detection._isotropic import CONTRAST_SHARE, smooth

CPU = torch.device("cpu")

SHAPE = (2, 2, 1)


@pytest.fixture(scope="module")
def images():
    """Digits as images, of shape (1797, 8, 8)."""
    return load_digits().images


@pytest.fixture(scope="module")
def fitted(images):
    return ConvolutionalAutoencoder(5, max_epochs=2, random_state=0).fit(images[:500])


def test_the_score_is_the_distance_of_the_code_and_the_error(images, fitted):
    scorer = fitted._scorer
    assert isinstance(scorer, IsotropicScorer)
    X = images[500:600]
    kernel = [0.25, 0.5, 0.25]
    residual = fitted.reconstruct(X) - X
    for axis in (1, 2):
        residual = convolve1d(residual, kernel, axis, mode="constant")
    unit = fitted._scaling.std[0]
    errors = np.square(residual / unit).mean(axis=(1, 2))
    rows = fitted._scaling.standardize(X.reshape(100, -1), torch.float64, CPU)
    with torch.no_grad():
        codes = fitted.net_.module_.encode_raw(rows)[0].numpy()
    distance = 64 * errors / scorer.noise - scorer.codes.score(codes)
    contrasts = np.var(X / unit, axis=(1, 2)) / scorer.contrast
    assert_allclose(np.var(images[:500] / unit, axis=(1, 2)).mean(), scorer.contrast)
    expected = -distance / np.sqrt((contrasts + CONTRAST_SHARE) / (1 + CONTRAST_SHARE))
    assert_allclose(fitted.score_samples(X), expected)


def test_untrained_it_ranks_tables_as_probabilistic_pca(images):
    X, X_test = images[:800], images[800:]
    model = ConvolutionalAutoencoder(10, max_epochs=0, random_state=0).fit(X)
    network = model.net_.module_
    rows, test = (
        model._scaling.standardize(part.reshape(-1, 64), torch.float64, CPU)
        for part in (X, X_test)
    )
    scorer = IsotropicScorer()
    scorer.fit(*scorer.read(network, rows), np.ones(800), 800, 0.0)
    pca = PCA(10).fit(X.reshape(800, -1))
    expected = pca.score_samples(X_test.reshape(len(X_test), -1))
    scores = scorer.score_rows(network, None, test)
    assert np.corrcoef(scores, expected)[0, 1] > 0.98


def test_noise_keeps_what_hardly_varies_from_having_the_say():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(5000, 3)) * [10, 1, 0.1]
    scorer = MahalanobisScorer(noise=0.25).fit(codes, np.ones(5000), 5000)
    far = scorer.score(np.array([[0, 0, 1.0], [0, 1.0, 0]]))
    # The farthest tenth does not count, which makes variances some percent smaller.
    assert_allclose(-far, [1 / 0.26, 1 / 1.25], rtol=0.3)


def test_noise_is_as_large_among_the_pixels_as_among_the_codes(images):
    """A share of the largest variance along an axis, in the units of the rows."""
    X = images[:500]
    model = ConvolutionalAutoencoder(10, max_epochs=0, random_state=0).fit(X)
    scaling = model._scaling
    rows = scaling.standardize(X.reshape(500, -1), torch.float64, CPU)
    largest = PCA(10, whiten=False).fit(rows.numpy()).explained_variance_[0] * 499 / 500
    scorer = IsotropicScorer((8, 8, 1), 1, scaling.mean / scaling.std, 0.01)
    read = scorer.read(model.net_.module_, rows)
    with_noise = scorer.fit(*read, np.ones(500), 500, 0.0).noise
    without = IsotropicScorer().fit(*read, np.ones(500), 500, 0.0).noise
    assert_allclose(with_noise - without, 0.01 * largest, rtol=1e-3)


def test_contrast_brings_error(images, fitted):
    """Of two images as far from their reconstructions the fainter one is odder."""
    scorer = fitted._scorer
    faint, mean, strong = scorer.amplitude(scorer.contrast * np.array([0, 1, 4.0]))
    assert 0 < faint < mean < strong
    assert_allclose(mean, 1)


def test_smoothing_is_scipys_channel_by_channel():
    images = np.random.default_rng(0).normal(size=(3, 5, 1, 2))
    expected = images
    for axis in (1, 2):
        expected = convolve1d(expected, [0.25, 0.5, 0.25], axis, mode="constant")
    assert_allclose(smooth(torch.from_numpy(images)).numpy(), expected)


def test_a_spoiled_image_is_odd(images, fitted):
    X = images[600:700].copy()
    clean = fitted.score_samples(X)
    X[:, ::2, ::2] = 16
    assert (fitted.score_samples(X) < clean).all()


@pytest.fixture
def waves():
    """Sequences of two channels, of one length."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.linspace(0, 6, 50) * rng.uniform(1, 2, size=(100, 1)))
    return waves[:, :, np.newaxis] * [1, 10]


def test_contrast_of_sequences_is_the_variance_within_channels(waves):
    model = SequenceAutoencoder(2, max_epochs=0, random_state=0).fit(waves)
    variances = waves.var(axis=1) / model._scaling.std[:2] ** 2
    assert_allclose(model._scorer.contrast, np.mean(variances))


def test_sequences_of_several_lengths_are_not_divided(waves):
    """The short would be odd for being short."""
    X = [wave[: 20 + i % 30] for i, wave in enumerate(waves)]
    model = SequenceAutoencoder(2, max_epochs=0, random_state=0).fit(X)
    assert model._scorer.n_channels is None
    assert model._scorer.contrast == 1


def test_a_nearly_constant_sequence_is_odder_for_it(waves, monkeypatch):
    """Its error is small, but there was hardly anything to get wrong."""
    model = SequenceAutoencoder(2, max_epochs=0, random_state=0).fit(waves)
    silent = waves[:1] / 20
    variance = np.mean(silent.var(axis=1) / model._scaling.std[:2] ** 2)
    amplitude = model._scorer.amplitude(variance)
    assert amplitude < 0.4
    scores = model.score_samples(silent)
    monkeypatch.setattr(IsotropicScorer, "amplitude", lambda self, x: np.ones_like(x))
    assert_allclose(model.score_samples(silent), amplitude * scores)


def test_tables_keep_their_own_score(images):
    X = images[:200].reshape(200, -1)
    model = Autoencoder(3, max_epochs=0, random_state=0).fit(X)
    assert isinstance(model._scorer, NeighborScorer)
    model.set_params(outlier_score="mahalanobis").fit(X)
    assert isinstance(model._scorer, MahalanobisScorer)


def test_far_rows_of_the_training_set_do_not_count():
    rng = np.random.default_rng(0)
    codes, errors, weight = (
        rng.normal(size=(200, 3)),
        rng.gamma(4, size=200),
        np.ones(200),
    )
    errors[:10] = 1e6
    scorer = IsotropicScorer().fit(codes, errors, *[weight] * 4, 200, 0.0)
    assert scorer.noise < 5


def test_a_weight_of_two_is_a_row_given_twice():
    rng = np.random.default_rng(0)
    codes, errors = rng.normal(size=(50, 3)), rng.gamma(4, size=50)
    weight = rng.integers(1, 4, size=50).astype(float)
    one = IsotropicScorer(SHAPE).fit(codes, *[errors] * 4, weight, 50, 0.0)
    index = np.repeat(np.arange(50), weight.astype(int))
    codes, errors, weight = codes[index], errors[index], np.ones(len(index))
    two = IsotropicScorer(SHAPE).fit(codes, *[errors] * 4, weight, 50, 0.0)
    assert_allclose(one.noise, two.noise)
    assert_allclose(one.contrast, two.contrast)
    assert_allclose(one.codes.score(codes), two.codes.score(codes))


def test_images_without_any_error_have_scores():
    codes = np.random.default_rng(0).normal(size=(30, 2))
    scorer = IsotropicScorer().fit(codes, *np.zeros((4, 30)), np.ones(30), 30, 0.0)
    assert scorer.noise > 0
