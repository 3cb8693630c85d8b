import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder, metrics
from sklearn_ae.metrics import RunningR2, reconstruction_r2
from sklearn_ae.training import _rows

FAST = {"max_epochs": 0, "random_state": 0}


@pytest.fixture
def weight():
    return np.random.default_rng(0).uniform(0.1, 3, size=60)


def r2_of(X, back, mean, weight=None):
    errors, spreads = ((X - other) ** 2 for other in (back, mean))
    return 1 - np.average(errors.sum(axis=1), weights=weight) / np.average(
        spreads.sum(axis=1), weights=weight
    )


@pytest.mark.parametrize("k", [1, 2, 5])
def test_of_pca_it_is_the_explained_variance(blob, k):
    pca = PCA(k).fit(blob)
    expected = pca.explained_variance_ratio_.sum()
    assert reconstruction_r2(pca, blob) == pytest.approx(expected)


def test_new_rows_are_measured_about_the_training_mean(blob, weight):
    pca, X = PCA(2).fit(blob[:30]), blob[30:] + 5
    back = pca.inverse_transform(pca.transform(X))
    expected = r2_of(X, back, pca.mean_, weight[30:])
    ours = reconstruction_r2(pca, X, sample_weight=weight[30:])
    assert ours == pytest.approx(expected)


def test_without_a_mean_rows_are_measured_about_their_own(blob, weight):
    nmf = NMF(2, random_state=0, max_iter=2000).fit(np.abs(blob))
    back = nmf.inverse_transform(nmf.transform(np.abs(blob)))
    mean = np.average(np.abs(blob), axis=0, weights=weight)
    expected = r2_of(np.abs(blob), back, mean, weight)
    ours = reconstruction_r2(nmf, np.abs(blob), sample_weight=weight)
    assert ours == pytest.approx(expected)


def test_a_weight_is_a_number_of_repetitions(blob):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    pca = PCA(2).fit(blob)
    assert reconstruction_r2(pca, blob, sample_weight=counts) == pytest.approx(
        reconstruction_r2(pca, np.repeat(blob, counts, axis=0))
    )


@pytest.mark.parametrize("standardize", [False, True])
def test_of_an_autoencoder_it_is_its_score(blob, weight, standardize):
    estimator = Autoencoder(2, standardize=standardize, **FAST).fit(blob)
    ours = reconstruction_r2(estimator, blob, sample_weight=weight)
    assert ours == estimator.score(blob, sample_weight=weight)
    assert ours != estimator.score(blob)


@pytest.mark.parametrize("last", [PCA(2), Autoencoder(2, **FAST)], ids=["pca", "ae"])
def test_a_pipeline_is_measured_on_what_reaches_its_last_step(blob, last):
    X = blob * [1, 100, 1, 1, 1]
    pipeline = make_pipeline(StandardScaler(), last).fit(X)
    scaled = StandardScaler().fit_transform(X)
    expected = reconstruction_r2(pipeline[-1], scaled)
    assert reconstruction_r2(pipeline, X) == pytest.approx(expected)
    assert reconstruction_r2(pipeline[-1], X) != pytest.approx(expected)


def test_a_pipeline_of_one_step_is_that_step(blob):
    pca = PCA(2).fit(blob)
    pipeline = make_pipeline(PCA(2)).fit(blob)
    assert reconstruction_r2(pipeline, blob) == reconstruction_r2(pca, blob)


def test_sparse_rows_are_measured_as_dense_ones(blob):
    X = np.where(np.abs(blob) < 0.5, 0, blob)
    svd = TruncatedSVD(2, algorithm="arpack", random_state=0).fit(X)
    ours = reconstruction_r2(svd, sparse.csr_array(X))
    assert ours == pytest.approx(reconstruction_r2(svd, X))


def test_blocks_do_not_matter(blob, monkeypatch):
    pca = PCA(2).fit(blob)
    whole = reconstruction_r2(pca, blob)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    assert reconstruction_r2(pca, blob) == pytest.approx(whole)


def test_it_is_a_scorer(blob):
    scores = cross_val_score(PCA(2), blob, scoring=reconstruction_r2, cv=3)
    assert ((scores > 0.5) & (scores < 1)).all()


def test_what_cannot_go_back_has_no_reconstruction(blob):
    estimator = LinearRegression().fit(blob, blob[:, 0])
    with pytest.raises(AttributeError) as error:
        reconstruction_r2(estimator, blob)
    assert str(error.value) == (
        "reconstruction_r2 needs an estimator with inverse_transform, and "
        "LinearRegression has none."
    )


@pytest.mark.parametrize(("shift", "r2"), [(0.0, 1.0), (0.5, 0.0)])
def test_rows_that_do_not_vary_score_one_or_zero(shift, r2):
    rows, weight = np.ones((3, 2)), np.ones(3)
    total = RunningR2(np.ones(2))
    total.add(rows, rows + shift, weight)
    assert total.result() == r2


def test_units_of_the_columns_divide_them():
    rng = np.random.default_rng(0)
    rows, back, weight = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)), np.ones(9)
    scale = np.array([2.0, 10.0])
    scaled, plain = RunningR2(np.zeros(2), scale), RunningR2(np.zeros(2))
    scaled.add(rows * scale, back * scale, weight)
    plain.add(rows, back, weight)
    assert scaled.result() == pytest.approx(plain.result())


def test_the_module_offers_what_it_documents():
    assert metrics.__all__ == ["reconstruction_r2"]
