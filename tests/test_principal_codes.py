import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_ae._principal_codes import PrincipalCodesMixin, count_rows, unbiased

from .estimators import ESTIMATORS

PRINCIPAL = {
    name: estimator
    for name, estimator in ESTIMATORS.items()
    if isinstance(estimator, PrincipalCodesMixin)
}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize(
    ("weight", "n_rows"),
    [
        (np.ones(7), 7),
        (np.full(7, 3.0), 21),
        (np.array([1.0, 2.0, 4.0]), 7),
        (np.full(7, 0.1), 7),
        (np.full(7, 1e12), 7),
        (np.array([0.5, 0.5, 1e-12]), 2),
    ],
)
def test_whole_weights_count_rows_and_others_their_evidence(weight, n_rows):
    assert count_rows(weight) == pytest.approx(n_rows)


def test_weights_that_are_not_whole_count_by_their_ratio():
    weight = np.random.default_rng(0).uniform(size=50)
    assert count_rows(weight) == pytest.approx(count_rows(7.3 * weight))
    assert 1 < count_rows(weight) < 50


def test_a_variance_is_divided_by_one_row_less():
    X = np.random.default_rng(0).normal(size=9)
    assert X.var() * unbiased(9) == pytest.approx(X.var(ddof=1))
    assert np.isfinite(unbiased(1.0))


@pytest.mark.parametrize("name", PRINCIPAL)
@pytest.mark.parametrize("standardize", [False, True])
def test_explained_variance_is_that_of_the_codes(name, standardize, blob):
    model = clone(PRINCIPAL[name])
    model.set_params(n_components=3, standardize=standardize).fit(blob)
    variances = model.transform(blob).var(axis=0, ddof=1)
    np.testing.assert_allclose(model.explained_variance_, variances)
    rows = blob / blob.std(axis=0) if standardize else blob
    total = rows.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(model.explained_variance_ratio_, variances / total)


def test_untrained_codes_explain_what_pcas_do(blob):
    model = clone(ESTIMATORS["autoencoder"])
    model.set_params(n_components=2, max_epochs=0).fit(blob)
    pca = PCA(2).fit(blob)
    for name in ("explained_variance_", "explained_variance_ratio_"):
        np.testing.assert_allclose(getattr(model, name), getattr(pca, name))


@pytest.mark.parametrize("name", PRINCIPAL)
def test_rows_that_do_not_vary_explain_nothing(name):
    model = clone(PRINCIPAL[name]).set_params(n_components=2).fit(np.ones((20, 3)))
    assert not model.explained_variance_.any()
    assert not model.explained_variance_ratio_.any()
