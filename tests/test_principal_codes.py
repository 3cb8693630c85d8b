import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_ae._principal_codes import PrincipalCodesMixin

from .estimators import ESTIMATORS

PRINCIPAL = {
    name: estimator
    for name, estimator in ESTIMATORS.items()
    if isinstance(estimator, PrincipalCodesMixin)
}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


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
