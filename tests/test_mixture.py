import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_ae._mixture import RIDGE, fit_mixture


def draw(n_codes=2000, seed=0):
    """Codes of two normals of unequal weight, and which of them each is of."""
    rng = np.random.default_rng(seed)
    second = rng.uniform(size=n_codes) < 0.25
    codes = rng.normal(size=(n_codes, 2)) * [0.5, 0.2]
    codes[second] += [3.0, -2.0]
    return torch.from_numpy(codes), second


def log_density(mixture, codes):
    covariances = mixture.factors @ np.swapaxes(mixture.factors, 1, 2)
    return np.logaddexp.reduce(
        [
            np.log(weight) + stats.multivariate_normal(mean, covariance).logpdf(codes)
            for weight, mean, covariance in zip(
                mixture.weights, mixture.means, covariances, strict=True
            )
        ]
    )


def test_one_normal_is_the_codes_mean_and_covariance():
    codes, _ = draw()
    mixture = fit_mixture(codes, 1, 0)
    np.testing.assert_allclose(mixture.weights, [1])
    np.testing.assert_allclose(mixture.means[0], codes.mean(dim=0))
    covariance = mixture.factors[0] @ mixture.factors[0].T
    expected = np.cov(codes.numpy().T, bias=True) + RIDGE * np.eye(2)
    np.testing.assert_allclose(covariance, expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clusters_far_apart_are_found(seed):
    codes, second = draw()
    mixture = fit_mixture(codes, 2, seed)
    order = np.argsort(mixture.means[:, 0])
    np.testing.assert_allclose(
        mixture.weights[order], [1 - second.mean(), second.mean()], atol=0.01
    )
    np.testing.assert_allclose(mixture.means[order], [[0, 0], [3, -2]], atol=0.1)
    covariances = mixture.factors @ np.swapaxes(mixture.factors, 1, 2)
    for covariance in covariances:
        np.testing.assert_allclose(covariance, np.diag([0.25, 0.04]), atol=0.05)


@pytest.mark.parametrize("n_normals", [2, 4, 8])
def test_more_normals_describe_the_codes_no_worse(n_normals):
    codes, _ = draw()
    one, more = fit_mixture(codes, 1, 0), fit_mixture(codes, n_normals, 0)
    assert more.weights.shape == (n_normals,)
    assert more.weights.sum() == pytest.approx(1)
    gain = log_density(more, codes) - log_density(one, codes)
    assert gain.mean() > 0.5


def test_factors_are_lower_triangular_with_a_positive_diagonal():
    factors = fit_mixture(draw()[0], 4, 0).factors
    assert not np.triu(factors, 1).any()
    assert (np.diagonal(factors, axis1=1, axis2=2) > 0).all()


def test_it_repeats_by_seed():
    codes, _ = draw()
    first, same = (fit_mixture(codes, 4, 0) for _ in range(2))
    for name, part in vars(first).items():
        np.testing.assert_array_equal(part, getattr(same, name))


@pytest.mark.parametrize("n_distinct", [1, 3])
def test_fewer_distinct_codes_than_normals(n_distinct):
    codes = draw(n_distinct)[0].repeat(50, 1)
    mixture = fit_mixture(codes, 4, 0)
    for part in vars(mixture).values():
        assert np.isfinite(part).all()
    assert np.isfinite(log_density(mixture, codes)).all()
