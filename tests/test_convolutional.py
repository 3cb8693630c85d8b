import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder, ConvolutionalNetwork
from sklearn_ae.metrics import reconstruction_r2

FAST = {"max_epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def images():
    """Digits as images, of shape (1797, 8, 8)."""
    return load_digits().images


@pytest.fixture(scope="module")
def fitted(images):
    return ConvolutionalAutoencoder(4, **FAST).fit(images[:300])


def flat(images):
    return images.reshape(len(images), -1)


def test_untrained_it_is_pca(images):
    X, X_test = images[:500], images[500:800]
    model = ConvolutionalAutoencoder(6, max_epochs=0, random_state=0).fit(X)
    pca = PCA(6).fit(flat(X))
    np.testing.assert_allclose(
        flat(model.reconstruct(X_test)),
        pca.inverse_transform(pca.transform(flat(X_test))),
        atol=1e-9,
    )
    np.testing.assert_allclose(model.transform(X_test), pca.transform(flat(X_test)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_rows", [40, 300])
def test_never_below_pca_on_few_images(images, n_rows, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    X, X_test = images[order[:n_rows]], images[order[n_rows : n_rows + 300]]
    model = ConvolutionalAutoencoder(4, max_epochs=15, random_state=seed).fit(X)
    pca = reconstruction_r2(PCA(4).fit(flat(X)), flat(X_test))
    # What held-out images prefer may be a little worse on others.
    assert model.score(X_test) > pca - 0.005


def test_training_improves_on_pca(images):
    model = ConvolutionalAutoencoder(4, max_epochs=15, random_state=0)
    model.fit(images[:1200])
    assert model.improved_on_pca_
    assert model.validation_r2_ > model.pca_validation_r2_ + 0.02
    pca = reconstruction_r2(PCA(4).fit(flat(images[:1200])), flat(images[1200:]))
    assert model.score(images[1200:]) > pca + 0.02


def test_it_is_the_autoencoder_with_this_network(images):
    X = images[:200]
    one = ConvolutionalAutoencoder(3, channels=(6,), n_blocks=1, **FAST).fit(X)
    network = ConvolutionalNetwork(channels=(6,), n_blocks=1)
    other = Autoencoder(3, network=network, **FAST).fit(X)
    assert_array_equal(one.transform(X), other.transform(X))
    assert_array_equal(one.score_samples(X), other.score_samples(X))


def test_the_network_given_is_left_as_it_is(images):
    network = ConvolutionalNetwork(channels=(6,))
    before = dict(vars(network))
    Autoencoder(3, network=network, **FAST).fit(images[:100])
    assert vars(network) == before


def test_images_given_as_rows_are_the_same_images(images, fitted):
    model = ConvolutionalAutoencoder(4, image_shape=(8, 8), **FAST)
    model.fit(flat(images[:300]))
    assert_array_equal(model.transform(flat(images)), fitted.transform(images))
    assert model.reconstruct(flat(images[:5])).shape == (5, 64)


def test_pickles_answer_alike(images, fitted):
    twin = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(twin.reconstruct(images[:20]), fitted.reconstruct(images[:20]))


def test_refits_are_bit_identical(images, fitted):
    again = ConvolutionalAutoencoder(4, **FAST).fit(images[:300])
    assert_array_equal(again.transform(images), fitted.transform(images))


def test_pipelines_and_searches(images):
    model = make_pipeline(
        MinMaxScaler(), ConvolutionalAutoencoder(3, image_shape=(8, 8), **FAST)
    )
    grid = {"convolutionalautoencoder__channels": [(4,), (4, 8)]}
    search = GridSearchCV(model, grid, cv=2).fit(flat(images[:120]))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_stream_of_images(images):
    model = ConvolutionalAutoencoder(4, random_state=0)
    for block in np.array_split(images[:600], 3):
        model.partial_fit(block)
    assert model.reconstruct(images[:5]).shape == (5, 8, 8)
    assert model.n_epochs_ == 3


def test_another_shape_cannot_go_on(images, fitted):
    message = r"X holds images of shape \(4, 8\), but ConvolutionalAutoencoder was "
    with pytest.raises(ValueError, match=message):
        fitted.transform(images[:5, :4])


def test_another_network_cannot_go_on(images):
    model = ConvolutionalAutoencoder(3, channels=(4,), warm_start=True, **FAST)
    model.fit(images[:60])
    with pytest.raises(ValueError, match=r"channels=\(8,\) differs from \(4,\)"):
        model.set_params(channels=(8,)).fit(images[:60])
