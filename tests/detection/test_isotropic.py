import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder
from sklearn_ae.detection import IsotropicScorer, MahalanobisScorer

CPU = torch.device("cpu")


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
    errors = np.square(fitted.reconstruct(X) - X).mean(axis=(1, 2))
    errors /= fitted._scaling.std[0] ** 2
    rows = fitted._scaling.standardize(X.reshape(100, -1), torch.float64, CPU)
    with torch.no_grad():
        codes = fitted.net_.module_.encode_raw(rows)[0].numpy()
    expected = scorer.codes.score(codes) - 64 * errors / scorer.noise
    assert_allclose(fitted.score_samples(X), expected)


def test_untrained_it_ranks_as_probabilistic_pca(images):
    X, X_test = images[:800], images[800:]
    model = ConvolutionalAutoencoder(10, max_epochs=0, random_state=0).fit(X)
    pca = PCA(10).fit(X.reshape(len(X), -1))
    expected = pca.score_samples(X_test.reshape(len(X_test), -1))
    assert np.corrcoef(model.score_samples(X_test), expected)[0, 1] > 0.98


def test_a_spoiled_image_is_odd(images, fitted):
    X = images[600:700].copy()
    clean = fitted.score_samples(X)
    X[:, ::2, ::2] = 16
    assert (fitted.score_samples(X) < clean).all()


def test_tables_keep_their_own_score(images):
    X = images[:200].reshape(200, -1)
    model = Autoencoder(3, max_epochs=0, random_state=0).fit(X)
    assert isinstance(model._scorer, MahalanobisScorer)


def test_far_rows_of_the_training_set_do_not_count():
    rng = np.random.default_rng(0)
    codes, errors, weight = (
        rng.normal(size=(200, 3)),
        rng.gamma(4, size=200),
        np.ones(200),
    )
    errors[:10] = 1e6
    scorer = IsotropicScorer().fit(codes, errors, weight, 200, 0.0)
    assert scorer.noise < 5


def test_a_weight_of_two_is_a_row_given_twice():
    rng = np.random.default_rng(0)
    codes, errors = rng.normal(size=(50, 3)), rng.gamma(4, size=50)
    weight = rng.integers(1, 4, size=50).astype(float)
    one = IsotropicScorer().fit(codes, errors, weight, 50, 0.0)
    index = np.repeat(np.arange(50), weight.astype(int))
    two = IsotropicScorer().fit(
        codes[index], errors[index], np.ones(len(index)), 50, 0.0
    )
    assert_allclose(one.noise, two.noise)


def test_images_without_any_error_have_scores():
    codes = np.random.default_rng(0).normal(size=(30, 2))
    scorer = IsotropicScorer().fit(codes, np.zeros(30), np.ones(30), 30, 0.0)
    assert scorer.noise > 0
