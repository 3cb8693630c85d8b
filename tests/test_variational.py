"""What the variational autoencoder promises beyond what all estimators do."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from sklearn_ae import VariationalAutoencoder
from sklearn_ae.training import _noise

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

FAST = {"max_epochs": 5, "random_state": 0}


def test_likelier_than_pca_on_digits(digits):
    model = VariationalAutoencoder(5, max_epochs=10, random_state=0).fit(digits)
    assert model.improved_on_pca_
    assert model.validation_elbo_ > model.pca_validation_elbo_ + 5


def test_likelier_than_pca_on_breast_cancer(cancer):
    train, test = cancer[::2], cancer[1::2]
    model = VariationalAutoencoder(5, max_epochs=40, random_state=0).fit(train)
    assert model.improved_on_pca_
    assert model.validation_elbo_ > model.pca_validation_elbo_ + 1
    assert model.score(test) > PCA(5).fit(train).score(test) + 1


def test_nothing_but_noise_stays_probabilistic_pca():
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = VariationalAutoencoder(2, max_epochs=30, standardize=False, random_state=0)
    model.fit(X)
    assert model.improved_on_pca_ is False
    assert model.validation_elbo_ == model.pca_validation_elbo_
    assert model.score(X) == pytest.approx(PCA(2).fit(X).score(X))


def test_nothing_is_said_where_nothing_is_held_out(blob):
    model = VariationalAutoencoder(2, early_stopping=False, **FAST).fit(blob)
    assert model.improved_on_pca_ is None
    assert model.validation_elbo_ is model.pca_validation_elbo_ is None
    model.partial_fit(blob)
    assert model.validation_elbo_ is None


def test_the_training_loss_is_minus_the_bound(blob):
    model = VariationalAutoencoder(2, standardize=False, **FAST).fit(blob)
    # The first epoch is judged at the start: PCA's likelihood, but for the draws.
    start = PCA(2).fit(blob).score(blob)
    assert model.history_["train_loss"][0] == pytest.approx(-start, abs=0.5)


def test_codes_are_the_means_of_their_distributions(blob):
    model = VariationalAutoencoder(2, **FAST).fit(blob)
    assert_array_equal(model.transform(blob), model.transform(blob))
    assert_allclose(
        model.reconstruct(blob), model.inverse_transform(model.transform(blob))
    )


def test_codes_lie_near_a_standard_normal_law(digits):
    model = VariationalAutoencoder(5, max_epochs=10, random_state=0).fit(digits)
    codes = model.transform(digits)
    assert_allclose(codes.mean(axis=0), 0, atol=0.8)
    spread = codes.std(axis=0)
    # With the noise around them they fill the prior.
    assert (spread < 1.6).all()
    assert (spread > 0.3).all()


def test_detects_malignant_rows(cancer):
    malignant = load_breast_cancer().target == 0
    benign = cancer[~malignant]
    model = VariationalAutoencoder(5, max_epochs=20, random_state=0).fit(benign[::2])
    rows = np.vstack([benign[1::2], cancer[malignant]])
    truth = np.r_[np.zeros(len(benign[1::2])), np.ones(malignant.sum())]
    assert roc_auc_score(truth, -model.score_samples(rows)) > 0.9


def test_beta_has_an_effect(blob):
    one, other = (
        VariationalAutoencoder(2, beta=beta, early_stopping=False, **FAST).fit(blob)
        for beta in (1.0, 5.0)
    )
    assert not np.allclose(one.transform(blob), other.transform(blob))


def test_warm_up_leaves_the_divergence_out_at_first(blob):
    losses = [
        VariationalAutoencoder(2, kl_warmup=kl_warmup, early_stopping=False, **FAST)
        .fit(blob)
        .history_["train_loss"]
        for kl_warmup in (0, 3)
    ]
    assert losses[1][0] < losses[0][0] - 0.5


def test_warm_up_leaves_the_whole_divergence_behind(blob):
    model = VariationalAutoencoder(2, kl_warmup=100, **FAST).fit(blob)
    assert model.net_.criterion_.penalty_share == 1


@pytest.mark.parametrize("noise", ["heteroscedastic", "per_feature", "shared"])
@pytest.mark.parametrize("standardize", [False, True])
def test_weights_are_repeated_rows_whatever_the_noise(blob, noise, standardize):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    estimator = VariationalAutoencoder(
        2, noise=noise, standardize=standardize, batch_size=200, **FAST
    )
    weighted = clone(estimator).fit(blob, sample_weight=counts)
    repeated = clone(estimator).fit(blob.repeat(counts, axis=0))
    assert_allclose(
        weighted.score_samples(blob), repeated.score_samples(blob), rtol=1e-6
    )
    assert_allclose(weighted.noise_variance_, repeated.noise_variance_, rtol=1e-6)
    assert weighted.validation_elbo_ == pytest.approx(repeated.validation_elbo_)


def test_noise_of_raw_units_is_learned_at_once(blob):
    # Columns whose noise is twelve orders of magnitude apart.
    scale = np.array([1e-6, 1e-3, 1, 1e3, 1e6])
    model = VariationalAutoencoder(
        2, standardize=False, max_epochs=40, early_stopping=False, random_state=0
    ).fit(blob * scale)
    residuals = np.square(blob * scale - model.reconstruct(blob * scale)).mean(axis=0)
    # Of the columns that PCA does not see, all is noise.
    assert_allclose(model.noise_variance_[:2] / residuals[:2], 1, atol=0.9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", 0),
        ("beta", -1.0),
        ("likelihood", "poisson"),
        ("noise", "zero"),
        ("prior", "flat"),
        ("kl_warmup", -1),
        ("kl_warmup", 0.5),
        ("free_bits", -0.1),
        ("n_importance_samples", 0),
    ],
)
def test_parameters_out_of_range(blob, name, value):
    message = f"The '{name}' parameter of VariationalAutoencoder must be"
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(**{name: value}).fit(blob)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("likelihood", "gaussian", "bernoulli"),
        ("noise", "heteroscedastic", "shared"),
    ],
)
def test_the_distribution_cannot_change_where_training_goes_on(name, before, after):
    X = np.random.default_rng(0).integers(0, 2, size=(60, 4)).astype(float)
    model = VariationalAutoencoder(2, warm_start=True, **FAST).fit(X)
    message = f"{name}={after!r} differs from {before!r}"
    with pytest.raises(ValueError, match=message):
        model.set_params(**{name: after}).fit(X)


def test_fits_are_bit_identical(blob):
    one, other = (VariationalAutoencoder(2, **FAST).fit(blob) for _ in range(2))
    assert_array_equal(one.score_samples(blob), other.score_samples(blob))
    assert_array_equal(one.kl_, other.kl_)
    third = VariationalAutoencoder(2, **{**FAST, "random_state": 1}).fit(blob)
    assert not np.array_equal(third.score_samples(blob), one.score_samples(blob))


def test_draws_differ_between_epochs(blob, monkeypatch):
    """The noise of training is never the same twice."""
    drawn = []
    normal = _noise.Noise.normal

    def spy(self, *args):
        drawn.append(normal(self, *args))
        return drawn[-1]

    monkeypatch.setattr(_noise.Noise, "normal", spy)
    VariationalAutoencoder(2, **FAST).fit(blob)
    assert len(drawn) == 5
    assert len({tuple(draw.flatten().tolist()) for draw in drawn}) == 5


def test_divergence_is_an_error(blob):
    model = VariationalAutoencoder(2, learning_rate=1e30, early_stopping=False, **FAST)
    with pytest.raises(ValueError, match="Training diverged"):
        model.fit(blob)


def test_a_flag_that_is_set_in_one_row_does_not_undo_the_fit():
    # The model that has not seen the row thinks that the column never varies.
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(300, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    X += 0.05 * rng.normal(size=X.shape)
    model = VariationalAutoencoder(2, max_epochs=20, random_state=0)
    assert clone(model).fit(X).improved_on_pca_
    flag = (np.arange(300) == 7).astype(float)
    assert clone(model).fit(np.column_stack([X, flag])).improved_on_pca_


def test_beta_may_change_where_training_goes_on(blob):
    model = VariationalAutoencoder(2, warm_start=True, **FAST).fit(blob)
    assert model.set_params(beta=50.0).fit(blob).net_.module_.bottleneck.beta == 50
    model.set_params(beta=3.0).partial_fit(blob)
    assert model.net_.module_.bottleneck.beta == 3


@pytest.mark.parametrize("n_rows", [257, 513])
def test_a_batch_without_rows_of_a_fold_does_no_harm(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 6))
    assert np.isfinite(VariationalAutoencoder(2, **FAST).fit(X).score(X))


def test_fewer_rows_than_components(blob):
    X = np.random.default_rng(0).normal(size=(15, 50))
    assert VariationalAutoencoder(30, **FAST).fit(X).n_components_ == 30


def test_rows_outside_of_the_coin_are_refused():
    X = np.random.default_rng(0).integers(0, 2, size=(60, 5)).astype(float)
    model = VariationalAutoencoder(2, likelihood="bernoulli", **FAST).fit(X)
    with pytest.raises(ValueError, match=r"between 0 and 1, and X has values from 0 t"):
        model.score_samples(100 * X)


def test_no_warning_of_a_collapse_where_codes_are_in_use(blob):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*have collapsed")
        assert VariationalAutoencoder(2, **FAST).fit(blob).n_active_ == 2
