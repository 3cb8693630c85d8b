import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA

from sklearn_ae import ConvolutionalAutoencoder
from sklearn_ae._stationary import ShrunkCovariance, StationaryCovariance

SHAPES = [(3, 4, 2), (5, 1, 3), (1, 6, 1), (4, 4, 1)]


def draw(shape, n_images=6, seed=0):
    """Smooth images about a mean that is not the same everywhere."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_images, *shape))
    return gaussian_filter(noise, (0, 1, 1, 0)) + rng.normal(size=shape)


def centered(images, weight=None):
    rows = torch.tensor(images.reshape(len(images), -1))
    weight = torch.ones(len(rows)) if weight is None else torch.tensor(weight)
    shares = weight.double() / weight.sum()
    return (rows - shares @ rows) * shares.sqrt().unsqueeze(1), shares


def shrunk(images, weight=None):
    n_rows = len(images) if weight is None else np.sum(weight)
    return ShrunkCovariance(*centered(images, weight), n_rows, images.shape[1:])


def laid_out(covariance):
    return (covariance @ torch.eye(covariance.rank, dtype=torch.float64)).numpy()


def by_offset(covariance, shape):
    """The definition: means over all pairs of varying pixels with the same offset."""
    pixels = list(np.ndindex(*shape))
    varies = covariance.diagonal() > 0
    groups, answer = {}, np.zeros_like(covariance)
    for i, (y, x, c) in enumerate(pixels):
        for j, (v, u, d) in enumerate(pixels):
            if varies[i] and varies[j]:
                groups.setdefault((v - y, u - x, c, d), []).append((i, j))
    for pairs in groups.values():
        index = tuple(np.transpose(pairs))
        answer[index] = covariance[index].mean()
    return answer


@pytest.mark.parametrize("shape", SHAPES)
def test_stationary_covariance_is_the_mean_over_pairs_of_an_offset(shape):
    images = draw(shape)
    images[:, 0, 0, 0] = 1.5
    rows, _ = centered(images)
    rows[:, 0] = 0  # free of rounding errors, as fitted scalings leave it
    ours = StationaryCovariance(rows, shape)
    expected = by_offset((rows.T @ rows).numpy(), shape)
    eye = torch.eye(rows.shape[1], dtype=torch.float64)
    assert_allclose(ours @ eye, expected, atol=1e-12)
    assert ours.square == pytest.approx((expected**2).sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_weight_is_that_of_ledoit_and_wolf(shape):
    images = draw(shape)
    rows, _ = centered(images)
    single, S = rows.numpy() * np.sqrt(len(images)), (rows.T @ rows).numpy()
    T = by_offset(S, shape)
    errors = [np.sum((np.outer(x, x) - S) ** 2) for x in single]
    amount = np.mean(errors) / (len(images) - 1) / np.sum((S - T) ** 2)
    ours = shrunk(images)
    assert ours.amount == pytest.approx(min(1, amount))
    assert_allclose(laid_out(ours), (1 - ours.amount) * S + ours.amount * T, atol=1e-12)
    assert ours.total == pytest.approx(np.trace(S))
    assert np.trace(laid_out(ours)) == pytest.approx(np.trace(S))


def test_images_in_blocks_are_images_at_once(monkeypatch):
    whole = laid_out(shrunk(draw((3, 4, 2))))
    monkeypatch.setattr("sklearn_ae._stationary.BLOCK_CELLS", 1)
    assert_allclose(laid_out(shrunk(draw((3, 4, 2)))), whole, atol=1e-14)


def test_weight_of_two_is_an_image_given_twice():
    images, counts = draw((4, 4, 1)), np.array([1, 2, 1, 1, 3, 1])
    twice = shrunk(np.repeat(images, counts, axis=0))
    assert shrunk(images, counts).amount == pytest.approx(twice.amount)
    assert_allclose(laid_out(shrunk(images, counts)), laid_out(twice), atol=1e-12)


def test_images_that_are_alike_are_left_alone():
    assert shrunk(np.ones((5, 3, 3, 1))).amount == 0


@pytest.mark.parametrize("k", [2, 8, 24])
@pytest.mark.parametrize("seed", range(3))
def test_new_images_are_nearer_than_with_pca(k, seed):
    images = draw((10, 10, 1), 230, seed)
    train, test = images[:30], images[30:]
    ours = ConvolutionalAutoencoder(k, max_epochs=0, random_state=0).fit(train)
    pca = PCA(k).fit(train.reshape(30, -1))
    flat = test.reshape(200, -1)
    pca_error = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    assert np.mean((ours.reconstruct(test) - test) ** 2) < pca_error


def test_more_images_than_pixels_have_pca():
    images = draw((4, 4, 1), 40)
    ours = ConvolutionalAutoencoder(5, max_epochs=0, random_state=0).fit(images)
    codes = PCA(5).fit_transform(images.reshape(40, -1))
    assert_allclose(ours.transform(images), codes, atol=1e-8)


def test_rows_that_are_no_images_have_pca():
    rows = draw((30, 1, 1), 20).reshape(20, -1)
    ours = ConvolutionalAutoencoder(5, max_epochs=0, random_state=0).fit(rows)
    assert_allclose(ours.transform(rows), PCA(5).fit_transform(rows), atol=1e-8)


def test_codes_are_settled_where_training_images_do_not_vary():
    images, counts = draw((5, 5, 1), 9), np.array([1, 2, 3, 1, 2, 1, 1, 4, 1])
    models = [
        ConvolutionalAutoencoder(12, max_epochs=0, random_state=0).fit(X, **weights)
        for X, weights in [
            (np.repeat(images, counts, axis=0), {}),
            (images, {"sample_weight": counts}),
        ]
    ]
    one, other = (model.transform(draw((5, 5, 1), 20, seed=1)) for model in models)
    assert_allclose(one, other, atol=1e-8)
    assert (models[0].explained_variance_[8:] < 1e-12).all()
    assert one[:, 8:].std() > 0.01
