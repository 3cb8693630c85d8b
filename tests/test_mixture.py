"""Mixtures of normals by expectation maximisation."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from sklearn_ae._mixture import fit_mixture


@pytest.fixture
def clusters():
    """Two clusters of unlike shape, of 300 and 100 points: shape (400, 2)."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(300, 2)) @ np.array([[1.0, 0.8], [0.0, 0.3]])
    other = rng.normal(size=(100, 2)) * 0.5 + [6.0, -4.0]
    return torch.tensor(np.vstack([one, other]))


def test_finds_clusters_and_their_shapes(clusters):
    prior = fit_mixture(clusters, 2, seed=0)
    order = np.argsort(prior.means[:, 0])
    np.testing.assert_allclose(prior.weights[order], [0.75, 0.25], atol=1e-3)
    np.testing.assert_allclose(prior.means[order], [[0, 0], [6, -4]], atol=0.2)
    first = prior.factors[order[0]] @ prior.factors[order[0]].T
    np.testing.assert_allclose(first, np.cov(clusters[:300].T), atol=0.05)


def test_one_normal_is_that_of_the_codes(clusters):
    prior = fit_mixture(clusters, 1, seed=0)
    covariance = np.cov(clusters.numpy().T, bias=True) + 1e-3 * np.eye(2)
    np.testing.assert_allclose(prior.means[0], clusters.mean(dim=0))
    np.testing.assert_allclose(prior.factors[0] @ prior.factors[0].T, covariance)


def test_more_normals_describe_codes_better(clusters):
    def density(n_normals):
        prior = fit_mixture(clusters, n_normals, seed=0)
        parts = [
            np.log(weight) + multivariate_normal(mean, f @ f.T).logpdf(clusters)
            for weight, mean, f in zip(
                prior.weights, prior.means, prior.factors, strict=True
            )
        ]
        return logsumexp(parts, axis=0).mean()

    assert density(2) > density(1) + 0.5


@pytest.mark.parametrize("seed", range(5))
def test_starts_at_codes_apart(seed):
    codes = torch.tensor(np.repeat([[0.0], [1.0], [9.0]], [50, 49, 1], axis=0))
    prior = fit_mixture(codes, 3, seed=seed)
    assert np.isfinite(prior.factors).all()
    assert prior.weights.sum() == pytest.approx(1)


def test_repeats(clusters):
    one, other = (fit_mixture(clusters, 4, seed=3) for _ in range(2))
    for name in ("weights", "means", "factors"):
        np.testing.assert_array_equal(vars(one)[name], vars(other)[name])
