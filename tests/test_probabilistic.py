import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA

from sklearn_ae import VariationalAutoencoder
from sklearn_ae._anchor import Problem
from sklearn_ae._fitting import make_metric
from sklearn_ae._probabilistic import probabilistic_anchor
from sklearn_ae.training import make_source


def draw(n_rows, n_features, seed=0):
    """Rows with a spectrum that falls, in columns of other units and means."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)) @ rng.normal(size=(n_features,) * 2)
    return X * 10.0 ** rng.uniform(-2, 2, n_features) + 10 * rng.normal(size=n_features)


TABLES = {
    "tall": draw(80, 6),
    "square": draw(12, 11),
    "wide": draw(8, 20),
    "equal variances": np.random.default_rng(0).normal(size=(200, 4)),
}


def with_constant_column():
    X = draw(80, 6)
    X[:, 1] = 3.3
    return X


def of_rank_three(noise=0.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 6))
    return X + noise * rng.normal(size=X.shape)


def in_units(X, standardize):
    std = X.std(axis=0) if standardize else np.ones(X.shape[1])
    return (X - X.mean(axis=0)) / np.where(std > 1e-9, std, 1)


def untrained(X, k, standardize, weight=None, **params):
    model = VariationalAutoencoder(
        k, standardize=standardize, max_epochs=0, random_state=0, **params
    )
    return model.fit(X, sample_weight=weight)


def anchor_of(X, k, standardize=False, weights=None):
    """The anchor of each model, and the metric of its units."""
    scaling, metric, _ = make_metric(X, np.ones(len(X)), standardize)
    source = make_source(X, scaling, torch.float64, torch.device("cpu"))
    weights = np.ones((1, len(X))) if weights is None else weights
    problem = Problem(source, torch.tensor(weights), scaling, metric, k, 0)
    return probabilistic_anchor(problem), source.rows, metric


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("table", TABLES)
def test_untrained_scores_are_pcas(table, k, standardize):
    X = TABLES[table]
    if k >= min(X.shape):
        pytest.skip("no variance is left")
    rows = in_units(X, standardize)
    pca = PCA(k, svd_solver="full").fit(rows)
    model = untrained(X, k, standardize)
    np.testing.assert_allclose(
        model.score_samples(X), pca.score_samples(rows), rtol=1e-6, atol=1e-6
    )
    assert model.score(X) == pytest.approx(pca.score(rows))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [6, 9])
def test_with_components_for_every_column_it_is_the_normal_law(k, standardize):
    X = TABLES["tall"]
    rows = in_units(X, standardize)
    law = stats.multivariate_normal(rows.mean(axis=0), np.cov(rows.T))
    scores = untrained(X, k, standardize).score_samples(X)
    np.testing.assert_allclose(scores, law.logpdf(rows), rtol=1e-6)


@pytest.mark.parametrize("standardize", [False, True])
def test_a_constant_column_counts_as_pca_counts_it(standardize):
    X = with_constant_column()
    rows = in_units(X, standardize)
    pca = PCA(2, svd_solver="full").fit(rows)
    assert untrained(X, 2, standardize).score(X) == pytest.approx(pca.score(rows))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [3, 5, 6, 9])
@pytest.mark.parametrize("X", [of_rank_three(), with_constant_column()])
def test_rows_without_noise_have_a_finite_density(X, k, standardize):
    scores = untrained(X, k, standardize).score_samples(X)
    assert np.isfinite(scores).all()
    # Far above that of rows with noise, as it should be.
    noisy = X + 0.1 * np.random.default_rng(1).normal(size=X.shape)
    if k > 4:
        assert scores.mean() > untrained(noisy, k, standardize).score(noisy)


def test_rows_of_almost_full_rank_are_pcas():
    X = of_rank_three(noise=1e-3)
    pca = PCA(3, svd_solver="full").fit(X)
    assert untrained(X, 3, False).score(X) == pytest.approx(pca.score(X))


def test_a_table_that_does_not_vary_has_an_anchor():
    anchor, _, _ = anchor_of(np.full((6, 3), 0.1), 2)
    for part in anchor:
        assert part is None or torch.isfinite(part).all()


@pytest.mark.parametrize("standardize", [False, True])
def test_a_weight_is_a_number_of_repetitions(standardize):
    X, counts = draw(60, 5), np.random.default_rng(1).integers(0, 4, size=60)
    weighted = untrained(X, 2, standardize, counts)
    repeated = untrained(np.repeat(X, counts, axis=0), 2, standardize)
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X))


@pytest.mark.parametrize("n_draws", [1, 2, 7, 64])
def test_the_bound_is_exact_for_any_number_of_draws(n_draws):
    X = TABLES["tall"]
    pca = PCA(2, svd_solver="full").fit(X)
    model = untrained(X, 2, False, n_importance_samples=n_draws)
    np.testing.assert_allclose(model.score_samples(X), pca.score_samples(X), rtol=1e-7)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_encoder_is_the_posterior_of_the_decoder(standardize):
    X = TABLES["tall"]
    anchor, rows, metric = anchor_of(X, 3, standardize)
    decoder, noise = anchor.decoder[0], anchor.noise_variance[0]
    precision = torch.eye(3).double() + (decoder / noise) @ decoder.T
    covariance = torch.linalg.inv(precision)
    torch.testing.assert_close(covariance, torch.diag(anchor.code_variance[0]))
    expected = ((rows - anchor.mean[0]) / noise) @ decoder.T @ covariance
    ours = (rows - anchor.mean[0]) @ anchor.encoder[0]
    torch.testing.assert_close(ours, expected)
    # The noise is one for all columns, in the units of errors.
    level = noise * metric.unit**2
    torch.testing.assert_close(level, level[:1].expand(6))


def test_codes_and_their_noise_fill_the_prior():
    # The mean over rows of mean and variance of the codes' distribution.
    X = TABLES["tall"]
    anchor, rows, _ = anchor_of(X, 3)
    codes = (rows - anchor.mean[0]) @ anchor.encoder[0]
    total = codes.var(dim=0) + anchor.code_variance[0]
    torch.testing.assert_close(total, torch.ones(3).double())


def test_every_model_has_the_anchor_of_its_own_rows():
    X = TABLES["tall"]
    weights = np.ones((3, len(X)))
    weights[0, :40] = weights[1, 40:] = 0
    anchor, _, _ = anchor_of(X, 2, weights=weights)
    scaling, metric, _ = make_metric(X, np.ones(len(X)), False)
    for model, weight in enumerate(weights):
        pca = PCA(2, svd_solver="full").fit(X[weight > 0])
        noise = anchor.noise_variance[model] * metric.unit**2
        np.testing.assert_allclose(noise, pca.noise_variance_)
        mean = anchor.mean[model].numpy() * scaling.std + scaling.mean
        np.testing.assert_allclose(mean, pca.mean_)


def test_components_beyond_the_rank_are_the_prior():
    anchor, _, _ = anchor_of(of_rank_three(), 5)
    torch.testing.assert_close(anchor.code_variance[0, 3:], torch.ones(2).double())
    assert (anchor.code_variance[0, :3] < 1e-6).all()
    assert torch.isfinite(anchor.encoder).all()
    # Training may put them to use: their inputs are not cut off.
    assert (anchor.spread == 1).all()
