import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA

from sklearn_ae import VariationalAutoencoder
from sklearn_ae.detection._likelihood import (
    CodePrior,
    LikelihoodScorer,
    even_normals,
    standard_normal,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

K = 2


def make_prior(n_normals=3, seed=0):
    rng = np.random.default_rng(seed)
    factors = np.tril(rng.normal(size=(n_normals, K, K)))
    diagonal = np.arange(K)
    factors[:, diagonal, diagonal] = rng.uniform(0.2, 1, size=(n_normals, K))
    weights = rng.uniform(0.1, 1, size=n_normals)
    return CodePrior(weights / weights.sum(), rng.normal(size=(n_normals, K)), factors)


def covariances(prior):
    return prior.factors @ np.swapaxes(prior.factors, 1, 2)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(300, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    return X + 0.1 * rng.normal(size=X.shape)


@pytest.fixture(scope="module")
def trained(rows):
    model = VariationalAutoencoder(
        K, max_epochs=30, early_stopping=False, random_state=0
    )
    return model.fit(rows)


def bounds(model, X, n_draws, prior=None):
    """The bound of each row, from so many draws."""
    return score(model, X, even_normals(n_draws, K), prior)


def score(model, X, noise, prior=None):
    """The bound of each row, from given draws."""
    scorer = LikelihoodScorer(noise, prior or CodePrior.standard(K))
    rows = torch.tensor((X - model._scaling.mean) / model._scaling.std)
    return scorer.score_rows(model.net_.module_, model.net_.criterion_, rows)


# -- the bound


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("n_draws", [1, 3, 64])
def test_at_the_start_the_bound_is_pcas_likelihood(rows, standardize, n_draws):
    model = VariationalAutoencoder(K, standardize=standardize, max_epochs=0).fit(rows)
    units = rows.std(axis=0) if standardize else 1
    pca = PCA(K).fit(rows / units)
    np.testing.assert_allclose(
        bounds(model, rows, n_draws), pca.score_samples(rows / units), rtol=1e-9
    )


def test_more_draws_raise_the_bound(trained, rows):
    # With one draw it is the evidence lower bound, in the mean over draws.
    noise = even_normals(256, K)
    means = []
    for n_draws in (1, 4, 16, 256):
        scores = [score(trained, rows, part) for part in noise.reshape(-1, n_draws, K)]
        means.append(np.mean(scores))
    assert means == sorted(means)
    assert means[-1] > means[0] + 0.02
    # And it settles: there is a likelihood that it does not exceed.
    assert means[-1] - means[-2] < means[1] - means[0]


def test_one_draw_is_the_importance_weight_by_hand(trained, rows):
    prior, X = make_prior(), rows[:5]
    network = trained.net_.module_
    standard = torch.tensor((X - trained._scaling.mean) / trained._scaling.std)
    noise = even_normals(1, K)[0]
    with torch.no_grad():
        mean, log_variance = (part[0].numpy() for part in network.posterior(standard))
        code = mean + np.exp(log_variance / 2) * noise
        output = network.decode_output(torch.tensor(code)[None])
    deviation = np.exp(output.noise[0].numpy() / 2)
    fit = stats.norm(output.reconstruction[0].numpy(), deviation)
    proposal = stats.norm(mean, np.exp(log_variance / 2)).logpdf(code).sum(axis=1)
    density = prior.bind(torch.tensor(code))(torch.tensor(code)).numpy()
    expected = fit.logpdf(standard.numpy()).sum(axis=1) + density - proposal
    np.testing.assert_allclose(bounds(trained, X, 1, prior), expected)


def test_the_bound_is_a_row_at_a_time(trained, rows):
    whole = bounds(trained, rows[:20], 8)
    singly = np.concatenate([bounds(trained, row[None], 8) for row in rows[:20]])
    np.testing.assert_allclose(singly, whole, rtol=1e-9)
    np.testing.assert_array_equal(bounds(trained, rows[:20], 8), whole)
    assert whole.dtype == np.float64


def test_a_row_far_out_has_a_finite_bound(trained, rows):
    far = rows[:3] + np.array([[1e3], [1e6], [1e9]])
    scores = bounds(trained, far, 64)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()


# -- where codes lie


@pytest.mark.parametrize("n_normals", [1, 3])
def test_the_density_is_scipys(n_normals):
    prior, codes = make_prior(n_normals), np.random.default_rng(1).normal(size=(50, K))
    ours = prior.bind(torch.tensor(codes))(torch.tensor(codes))
    expected = np.logaddexp.reduce(
        [
            np.log(weight) + stats.multivariate_normal(mean, covariance).logpdf(codes)
            for weight, mean, covariance in zip(
                prior.weights, prior.means, covariances(prior), strict=True
            )
        ]
    )
    np.testing.assert_allclose(ours, expected)


def test_the_standard_prior_is_the_standard_normal_law():
    codes = torch.tensor(np.random.default_rng(1).normal(size=(2, 50, K)))
    ours = CodePrior.standard(K).bind(codes)(codes)
    assert ours.shape == (2, 50)
    torch.testing.assert_close(ours, standard_normal(codes))
    expected = stats.multivariate_normal(np.zeros(K)).logpdf(codes.numpy())
    np.testing.assert_allclose(ours, expected)


def test_the_density_takes_the_codes_precision():
    codes = torch.zeros(5, K, dtype=torch.float32)
    assert make_prior().bind(codes)(codes).dtype == torch.float32


def test_drawn_codes_have_the_mixtures_moments():
    prior = make_prior()
    codes = prior.draw(100_000, np.random.default_rng(0))
    mean = prior.weights @ prior.means
    centered = prior.means - mean
    covariance = np.einsum("c,cij->ij", prior.weights, covariances(prior))
    covariance += (prior.weights * centered.T) @ centered
    np.testing.assert_allclose(codes.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(codes.T), covariance, atol=0.03)


def test_draws_are_of_each_normal_as_often_as_it_weighs():
    factors = np.tile(1e-6 * np.eye(1), (3, 1, 1))
    prior = CodePrior(np.array([0.2, 0.0, 0.8]), np.arange(3.0)[:, None], factors)
    codes = prior.draw(50_000, np.random.default_rng(0)).round().ravel()
    shares = [np.mean(codes == value) for value in range(3)]
    np.testing.assert_allclose(shares, prior.weights, atol=0.01)


def test_draws_repeat_by_seed():
    prior = make_prior()
    first, same, other = (
        prior.draw(20, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()
    assert prior.draw(1, np.random.RandomState(0)).shape == (1, K)


# -- draws that fill a normal law


@pytest.mark.parametrize("n_draws", [1, 2, 5, 64, 1000])
@pytest.mark.parametrize("width", [1, 3, 40])
def test_even_normals_are_finite_and_repeat(n_draws, width):
    noise = even_normals(n_draws, width)
    assert noise.shape == (n_draws, width)
    assert np.isfinite(noise).all()
    np.testing.assert_array_equal(noise, even_normals(n_draws, width))


def test_even_normals_have_the_moments_of_a_normal_law():
    noise = even_normals(1024, 3)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(np.cov(noise.T), np.eye(3), atol=0.02)
    # Nearer than independent draws come.
    assert stats.kstest(noise[:, 0], "norm").statistic < 0.01
