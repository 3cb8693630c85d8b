import numpy as np
import pytest
from sklearn.base import clone

from sklearn_ae import VariationalAutoencoder

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

FAST = {"max_epochs": 3, "random_state": 0}


def clusters(n_rows=300, distance=8.0, seed=0):
    """Two clusters of rows, far apart along all columns."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, size=n_rows) * 2 - 1
    return distance / 2 * side[:, None] + rng.normal(size=(n_rows, 4))


def test_codes_in_two_clusters_have_a_prior_of_more_than_one_normal():
    X = clusters()
    model = VariationalAutoencoder(1, **FAST).fit(X)
    assert model.n_prior_normals_ > 1
    plain = clone(model).set_params(prior="normal").fit(X)
    assert plain.n_prior_normals_ == 1
    new = clusters(seed=1)
    assert model.score(new) > plain.score(new)


def test_samples_of_a_mixture_fall_where_rows_are():
    X = clusters()
    model = VariationalAutoencoder(1, **FAST).fit(X)
    plain = clone(model).set_params(prior="normal").fit(X)

    def share_between(model):
        return np.mean(np.abs(model.sample(2000).mean(axis=1)) < 2)

    assert np.mean(np.abs(X.mean(axis=1)) < 2) < 0.02
    assert share_between(model) < 0.1 < share_between(plain)


def test_normal_codes_have_the_standard_prior():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 4)) + rng.normal(size=(300, 4))
    model = VariationalAutoencoder(2, **FAST).fit(X)
    assert model.n_prior_normals_ == 1


@pytest.mark.parametrize(
    "params",
    [{"early_stopping": False}, {"max_epochs": 0}, {"prior": "normal"}],
    ids=["nothing held out", "untrained", "as asked"],
)
def test_where_nothing_tells_the_prior_is_the_standard_one(params):
    model = VariationalAutoencoder(1, **{**FAST, **params}).fit(clusters())
    assert model.n_prior_normals_ == 1
    prior = model._scorer.prior
    np.testing.assert_array_equal(prior.means, np.zeros((1, 1)))
    np.testing.assert_array_equal(prior.factors, np.ones((1, 1, 1)))


def test_few_rows_have_few_normals():
    model = VariationalAutoencoder(1, **FAST).fit(clusters(39))
    assert model.n_prior_normals_ == 1
    assert VariationalAutoencoder(1, **FAST).fit(clusters(79)).n_prior_normals_ <= 2


def test_a_weight_is_a_number_of_repetitions():
    X, counts = clusters(120), np.random.default_rng(1).integers(1, 4, size=120)
    weighted = VariationalAutoencoder(1, **FAST).fit(X, sample_weight=counts)
    repeated = VariationalAutoencoder(1, batch_size=1000, **FAST)
    repeated.fit(X.repeat(counts, axis=0))
    assert weighted.n_prior_normals_ == repeated.n_prior_normals_ > 1
    ours, theirs = weighted._scorer.prior, repeated._scorer.prior
    for name in ("weights", "means", "factors"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-4, atol=1e-6
        )
    np.testing.assert_allclose(
        weighted.score_samples(X), repeated.score_samples(X), rtol=1e-4
    )


def test_the_prior_does_not_follow_the_order_of_the_rows():
    X, order = clusters(120), np.random.default_rng(1).permutation(120)
    one, other = (VariationalAutoencoder(1, **FAST).fit(rows) for rows in (X, X[order]))
    assert one.n_prior_normals_ == other.n_prior_normals_
    np.testing.assert_allclose(one.score_samples(X), other.score_samples(X), rtol=1e-5)


def test_the_prior_repeats_and_leaves_global_random_states_alone():
    X, before = clusters(120), np.random.get_state()[1].copy()  # noqa: NPY002
    one, other = (VariationalAutoencoder(1, **FAST).fit(X) for _ in range(2))
    np.testing.assert_array_equal(one._scorer.prior.means, other._scorer.prior.means)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
