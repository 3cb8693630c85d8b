"""Log-likelihoods and samples."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sklearn_ae import VariationalAutoencoder
from sklearn_ae.training import Batch, _rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def curve(n_rows, seed=0):
    """Rows around a curved sheet, in columns of other units and means."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2, 2, size=(n_rows, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    return (X + 0.1 * rng.normal(size=X.shape)) * [1, 10, 0.1, 1] + [0, 5, 100, -3]


@pytest.fixture(scope="module")
def trained():
    """A model that is better than PCA."""
    model = VariationalAutoencoder(2, max_epochs=30, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(curve(400))


def binary(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 6)) * 2
    return (odds + rng.logistic(size=odds.shape) > 0).astype(float)


# -- log-likelihoods


def test_scores_repeat(trained):
    # Of draws that are fresh at every call, scores would differ between two calls.
    X = curve(50, seed=1)
    scores = trained.score_samples(X)
    assert scores.dtype == np.float64
    for _ in range(2):
        np.testing.assert_array_equal(trained.score_samples(X), scores)
    twin = pickle.loads(pickle.dumps(trained))
    np.testing.assert_array_equal(twin.score_samples(X), scores)


def test_scores_do_not_depend_on_the_rows_around(trained, monkeypatch):
    X = curve(50, seed=1)
    scores = trained.score_samples(X)
    singly = np.concatenate([trained.score_samples(row[None]) for row in X])
    np.testing.assert_allclose(singly, scores, rtol=1e-9)
    np.testing.assert_allclose(trained.score_samples(X[::-1])[::-1], scores, rtol=1e-9)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    np.testing.assert_allclose(trained.score_samples(X), scores, rtol=1e-9)


def test_global_random_states_are_left_alone(trained):
    before, state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained.score_samples(curve(20))
    trained.sample(20)
    assert torch.get_rng_state().equal(before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_score_is_the_mean_of_the_scores(trained):
    X, weight = curve(50, seed=1), np.random.default_rng(0).uniform(size=50)
    scores = trained.score_samples(X)
    assert trained.score(X) == pytest.approx(scores.mean())
    expected = np.average(scores, weights=weight)
    assert trained.score(X, sample_weight=weight) == pytest.approx(expected)
    assert isinstance(trained.score(X), float)


def test_scores_of_the_start_are_those_of_the_normal_law():
    X = curve(200)
    pca = PCA(2).fit(X)
    law = stats.multivariate_normal(pca.mean_, pca.get_covariance())
    model = VariationalAutoencoder(2, standardize=False, max_epochs=0).fit(X)
    far = X[:20] + 10 * X.std(axis=0)
    for rows in (X, far):
        np.testing.assert_allclose(model.score_samples(rows), law.logpdf(rows))


def test_units_of_densities_are_the_columns_or_the_rows():
    X = curve(200)
    params = {"max_epochs": 0, "random_state": 0}
    per_deviation = VariationalAutoencoder(4, **params).fit(X)
    per_unit = VariationalAutoencoder(4, standardize=False, **params).fit(X)
    # With components for every column the law is one and the same.
    shift = np.log(X.std(axis=0)).sum()
    np.testing.assert_allclose(
        per_unit.score_samples(X), per_deviation.score_samples(X) - shift, rtol=1e-6
    )


def test_training_raises_the_likelihood(trained):
    X = curve(300, seed=1)
    start = clone(trained).set_params(max_epochs=0).fit(curve(400))
    assert trained.improved_on_pca_
    assert trained.validation_elbo_ > trained.pca_validation_elbo_ + 0.1
    assert trained.score(X) > start.score(X) + 0.1


def test_the_density_integrates_to_one():
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=200)
    X = np.column_stack([t, t**2]) + 0.2 * rng.normal(size=(200, 2))
    model = VariationalAutoencoder(1, max_epochs=40, standardize=False, random_state=0)
    model.fit(X)
    axes = np.linspace(-6, 6, 81), np.linspace(-5, 10, 101)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = 0.15 * 0.15
    mass = np.exp(model.score_samples(grid)).sum() * cell
    # A bound from below, and near the density.
    assert 0.95 < mass < 1.02


@pytest.mark.parametrize("method", ["score_samples", "score", "sample"])
def test_a_score_needs_a_fit(method):
    model = VariationalAutoencoder()
    argument = 1 if method == "sample" else np.ones((3, 2))
    with pytest.raises(NotFittedError):
        getattr(model, method)(argument)


# -- samples


def test_samples_have_the_shape_asked_for(trained):
    assert trained.sample().shape == (1, 4)
    assert trained.sample(7).shape == (7, 4)
    assert np.isfinite(trained.sample(1000)).all()


def test_samples_repeat_by_seed(trained):
    first, same, other = (trained.sample(9, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()
    np.testing.assert_array_equal(trained.sample(9), trained.sample(9, random_state=0))
    rng = np.random.RandomState(3)
    assert (trained.sample(9, rng) != trained.sample(9, rng)).all()


def test_samples_do_not_depend_on_the_precision_of_what_is_asked(trained):
    np.testing.assert_array_equal(
        trained.sample(5, 0), pickle.loads(pickle.dumps(trained)).sample(5, 0)
    )


@pytest.mark.parametrize("n_samples", [0, -3, 2.5])
def test_the_number_of_samples_must_be_positive(trained, n_samples):
    message = (
        f"n_samples={n_samples} must be an integer of at least 1: it is the number of "
        "rows to draw."
    )
    with pytest.raises(ValueError, match=message):
        trained.sample(n_samples)


def test_samples_of_the_start_have_mean_and_covariance_of_the_law():
    X = curve(400)
    model = VariationalAutoencoder(2, max_epochs=0, random_state=0).fit(X)
    rows = (model.sample(40_000) - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.03)
    pca = PCA(2).fit((X - X.mean(axis=0)) / X.std(axis=0))
    covariance = np.cov(rows.T)
    np.testing.assert_allclose(covariance, pca.get_covariance(), atol=0.05)


def test_samples_have_mean_and_covariance_of_the_rows(trained):
    X = curve(400)
    rows = (trained.sample(20_000) - X.mean(axis=0)) / X.std(axis=0)
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(np.cov(rows.T), np.cov(standard.T), atol=0.3)


def test_samples_are_as_likely_as_rows(trained):
    scores = trained.score_samples(trained.sample(2000))
    own = trained.score(curve(400, seed=1))
    assert scores.mean() == pytest.approx(own, abs=0.5)


def test_samples_are_new_rows(trained):
    rows = trained.sample(200)
    assert len(np.unique(rows, axis=0)) == 200
    assert not np.isin(rows[:, 0], curve(400)[:, 0]).any()


def test_a_constant_column_has_the_noise_of_the_start():
    X = np.column_stack([curve(100), np.full(100, 7.0)])
    model = VariationalAutoencoder(2, max_epochs=0, random_state=0).fit(X)
    start = model.noise_variance_[-1]
    model.set_params(max_epochs=10, early_stopping=False).fit(X)
    assert model.noise_variance_[-1] == pytest.approx(start)
    column = model.sample(20_000)[:, -1]
    assert column.mean() == pytest.approx(7, abs=0.02)
    assert column.var() == pytest.approx(start, rel=0.05)


# -- a decoder of coins


def test_a_coin_is_bounded_by_certainty():
    X = binary(300)
    model = VariationalAutoencoder(
        2, likelihood="bernoulli", max_epochs=20, random_state=0
    ).fit(X)
    assert model.noise_variance_ is None
    # No table of zeros and ones is likelier than certain; and codes tell more than
    # the columns' means.
    scores = model.score_samples(binary(300, seed=1))
    assert (scores < 0).all()
    p = X.mean(axis=0)
    alone = (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(axis=1).mean()
    assert model.score(X) > alone
    back = model.reconstruct(X)
    assert (back > 0).all()
    assert (back < 1).all()
    assert set(np.unique(model.sample(200).round(9))) == {0, 1}
    np.testing.assert_allclose(model.sample(20_000).mean(axis=0), p, atol=0.1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "Input X contains NaN in column 2"),
        (np.inf, "Input X contains infinity in column 2"),
        (2.0, "likelihood='bernoulli' takes values between 0 and 1"),
    ],
)
def test_scores_of_coins_say_what_is_wrong(value, message):
    X = binary(60)
    model = VariationalAutoencoder(
        2, likelihood="bernoulli", max_epochs=1, random_state=0
    ).fit(X)
    X[3, 2] = value
    with pytest.raises(ValueError, match=f"^{message}"):
        model.score_samples(X)


def test_the_mass_of_all_rows_of_zeros_and_ones_is_one():
    X = binary(200)
    model = VariationalAutoencoder(
        2, likelihood="bernoulli", max_epochs=15, random_state=0
    ).fit(X)
    every = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(float)
    mass = np.exp(model.score_samples(every)).sum()
    assert 0.97 < mass < 1.01


# -- what is said of codes and noise


def test_the_information_is_of_each_component(trained):
    assert trained.kl_.shape == (2,)
    assert (trained.kl_ > 0).all()
    assert trained.n_active_ == 2


def test_the_information_is_the_mean_divergence_of_the_rows(blob):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    params = {"max_epochs": 4, "random_state": 0}
    model = VariationalAutoencoder(3, **params).fit(blob, sample_weight=counts)
    network = model.net_.module_
    rows = torch.tensor((blob - model._scaling.mean) / model._scaling.std)
    divergences = network.divergences(rows)[0].numpy()
    expected = np.average(divergences, axis=0, weights=counts)
    np.testing.assert_allclose(model.kl_, expected)


def test_beta_lowers_the_information():
    X = curve(200)
    information = [
        VariationalAutoencoder(
            2, beta=beta, max_epochs=30, early_stopping=False, random_state=0
        )
        .fit(X)
        .kl_.sum()
        for beta in (0.3, 1.0, 4.0)
    ]
    assert information[0] > information[1] + 0.3
    assert information[1] > information[2] + 0.3


def test_collapsed_codes_are_warned_of():
    model = VariationalAutoencoder(
        2,
        beta=1e4,
        learning_rate=0.03,
        max_epochs=150,
        early_stopping=False,
        random_state=0,
    )
    message = (
        "All 2 components of the codes of VariationalAutoencoder have collapsed: they "
        "say nothing of the rows. Lower beta, which is 10000, or raise free_bits."
    )
    with pytest.warns(ConvergenceWarning, match=message):
        model.fit(curve(100))
    assert model.n_active_ == 0


def test_free_bits_keep_codes_from_collapsing():
    X = curve(100)
    model = VariationalAutoencoder(
        2, beta=30.0, max_epochs=30, early_stopping=False, random_state=0
    )
    plain = model.fit(X).kl_.sum()
    assert model.set_params(free_bits=2.0).fit(X).kl_.sum() > plain


@pytest.mark.parametrize("noise", ["heteroscedastic", "per_feature", "shared"])
def test_the_noise_is_that_of_the_residuals_in_the_rows_units(noise):
    X = curve(400)
    model = VariationalAutoencoder(
        2, noise=noise, max_epochs=30, early_stopping=False, random_state=0
    ).fit(X)
    assert model.noise_variance_.shape == (4,)
    residuals = np.square(X - model.reconstruct(X)).mean(axis=0)
    ratio = model.noise_variance_ / residuals
    if noise == "shared":
        # One factor for all columns, of the noise of the start.
        start = clone(model).set_params(max_epochs=0).fit(X).noise_variance_
        factors = model.noise_variance_ / start
        np.testing.assert_allclose(factors, factors[0])
    else:
        # Codes are drawn in training, which adds to the residuals.
        assert (ratio > 0.1).all()
        assert (ratio < 5).all()


def test_noise_is_measured_in_squared_units():
    X = curve(200)
    params = {"max_epochs": 0, "random_state": 0}
    variance = VariationalAutoencoder(2, **params).fit(X).noise_variance_
    scaled = VariationalAutoencoder(2, **params).fit(X * 8).noise_variance_
    np.testing.assert_allclose(scaled, 64 * variance)


# -- both terms of the bound


def test_the_bound_sums_over_columns_and_over_the_code(trained):
    """In nats: an error averaged over columns would weigh the divergence too much."""
    X = curve(40, seed=1)
    net = trained.net_
    network, loss = net.module_, net.criterion_
    rows = torch.tensor((X - trained._scaling.mean) / trained._scaling.std)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(40, 2, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        errors = loss.row_errors(network(rows, noise), Batch(rows, rows))[0].numpy()
        mean, log_variance = (part[0].numpy() for part in network.posterior(rows))
        code = mean + np.exp(log_variance / 2) * noise.numpy()
        answer = network.decode_output(torch.tensor(code)[None])
    law = stats.norm(
        answer.reconstruction[0].numpy(), np.exp(answer.noise[0].numpy() / 2)
    )
    fit = law.logpdf(rows.numpy()).sum(axis=1)
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    np.testing.assert_allclose(errors, divergence - fit)


def test_more_columns_tell_more_of_the_code():
    # Columns that say the same again sharpen codes; by a mean error they would not.
    information = []
    for copies in (1, 5):
        X = np.tile(curve(200), (1, copies))
        X += 0.3 * X.std(axis=0) * np.random.default_rng(0).normal(size=X.shape)
        model = VariationalAutoencoder(
            2, max_epochs=20, early_stopping=False, random_state=0
        )
        information.append(model.fit(X).kl_.sum())
    assert information[1] > 3 * information[0]


# -- rows that are left out


@pytest.mark.parametrize("prior", ["mixture", "normal"])
def test_the_likelihood_may_leave_rows_out(prior):
    X = curve(120)
    X[:12, 1] += 100
    params = {"prior": prior, "max_epochs": 2, "random_state": 0}
    model = VariationalAutoencoder(2, trim=0.1, **params).fit(X)
    assert model.trimmed_share_ == pytest.approx(0.1)
    assert model.training_scores_.shape == (108,)
    # Nothing of an earlier fit decides what is left out.
    earlier = VariationalAutoencoder(2, trim=0.1, **params).fit(curve(120, seed=1))
    again = earlier.fit(X)
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


def test_the_likelihood_learns_from_all_rows_by_default():
    X = curve(120)
    auto, none = (
        VariationalAutoencoder(2, trim=trim, max_epochs=2, random_state=0).fit(X)
        for trim in ("auto", 0.0)
    )
    assert auto.trimmed_share_ == none.trimmed_share_ == 0
    np.testing.assert_array_equal(auto.score_samples(X), none.score_samples(X))
