import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ae import Autoencoder, ConvolutionalNetwork, WindowNetwork
from sklearn_ae.detection import IsotropicScorer, NeighborScorer, _fits, _readings
from sklearn_ae.detection._scorer import score_features
from sklearn_ae.training import _rows

from ..estimators import ALL, FAST

CPU = torch.device("cpu")

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell scores apart, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def many():
    """Correlated rows, of more than one block: shape (1200, 16)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(1200, 4)) @ rng.normal(size=(4, 16)) + 0.1 * rng.normal(
        size=(1200, 16)
    )


# Rows that are left out have no training scores.
UNTRIMMED = [name for name, estimator in ALL.items() if estimator.trim == "auto"]


@pytest.mark.parametrize("name", UNTRIMMED)
def test_own_scores_are_those_of_the_same_rows_afterwards(name, blob):
    estimator = clone(ALL[name]).set_params(early_stopping=False).fit(blob)
    np.testing.assert_array_equal(
        estimator.training_scores_, estimator.score_samples(blob)
    )


NETWORKS = {
    "dense": "dense",
    "convolutional": ConvolutionalNetwork(image_shape=(4, 4)),
    "windows": WindowNetwork(),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_so_they_are_block_by_block(network, dtype, many):
    estimator = Autoencoder(
        3, network=NETWORKS[network], early_stopping=False, max_epochs=1, random_state=0
    )
    X = many.astype(dtype)
    scores = estimator.fit(X).training_scores_
    np.testing.assert_array_equal(scores, estimator.score_samples(X))


@pytest.fixture
def few_own(monkeypatch):
    """At most 40 rows' own scores stand for all."""
    monkeypatch.setattr(_readings, "MOST_OWN", 40)
    return 40


@pytest.mark.parametrize("name", UNTRIMMED)
def test_of_many_rows_a_sample_is_scored(name, blob, few_own):
    estimator = clone(ALL[name]).set_params(early_stopping=False).fit(blob)
    everyone = estimator.score_samples(blob)
    assert len(estimator.training_scores_) == few_own < len(blob)
    # Products of fewer rows may differ in the last bits.
    gaps = np.abs(everyone[:, None] - estimator.training_scores_).min(axis=0)
    assert (gaps <= 1e-9 * np.ptp(everyone)).all()


def test_the_sample_does_not_depend_on_the_order_of_rows(blob, few_own):
    estimator = clone(ALL["autoencoder"]).set_params(early_stopping=False)
    there, back = clone(estimator).fit(blob), clone(estimator).fit(blob[::-1])
    np.testing.assert_allclose(
        np.sort(there.training_scores_), np.sort(back.training_scores_), rtol=1e-6
    )


def test_a_row_is_sampled_by_its_weight(few_own):
    weight, group = np.ones(100), np.random.default_rng(0).permutation(100)
    weight[7] = 33.0
    index, of_sample = _readings.own_sample(weight, group)
    assert (index == 7).sum() in (10, 11)  # a quarter
    np.testing.assert_array_equal(of_sample, np.ones(few_own))


def test_a_share_of_the_training_rows_is_one_of_all_of_them(blob, few_own):
    estimator = clone(ALL["autoencoder"]).set_params(
        early_stopping=False, contamination=0.1
    )
    assert (estimator.fit_predict(blob) == -1).sum() == round(0.1 * len(blob))


@pytest.fixture
def read_rows(monkeypatch):
    """Numbers of rows that scorers read, in turn."""
    sizes, of_table, of_images = [], NeighborScorer.read, IsotropicScorer.read

    def read_table(network, rows, code=None):
        sizes.append(len(rows))
        return of_table(network, rows, code)

    def read_images(self, network, rows, code=None):
        sizes.append(len(rows))
        return of_images(self, network, rows, code)

    monkeypatch.setattr(NeighborScorer, "read", staticmethod(read_table))
    monkeypatch.setattr(IsotropicScorer, "read", read_images)
    return sizes


@pytest.mark.parametrize("network", NETWORKS)
def test_the_final_model_reads_all_rows_once(network, many, read_rows):
    X = many[:1024]  # of whole blocks, whatever the network
    Autoencoder(
        3, network=NETWORKS[network], early_stopping=False, max_epochs=1, random_state=0
    ).fit(X)
    assert sum(read_rows) == 1024


def test_many_rows_are_read_anew_for_their_scores(many, read_rows, monkeypatch):
    monkeypatch.setattr(_fits, "MAX_REFERENCE_ROWS", 200)
    estimator = Autoencoder(3, early_stopping=False, max_epochs=1, random_state=0)
    scores = estimator.fit(many).training_scores_
    assert sum(read_rows) == 200 + 1200
    np.testing.assert_array_equal(scores, estimator.score_samples(many))


def test_rows_are_read_in_blocks(many, read_rows, monkeypatch):
    estimator = Autoencoder(3, **FAST)
    whole = estimator.fit(many).training_scores_
    assert max(read_rows) == 1024
    read_rows.clear()
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 100)
    blocks = estimator.fit(many).training_scores_
    assert max(read_rows) == 100
    np.testing.assert_allclose(blocks, whole, rtol=1e-6, atol=1e-6)


def test_known_codes_give_the_same_features(many):
    estimator = Autoencoder(3, **FAST).fit(many)
    network = estimator.net_.module_
    rows = estimator._scaling.standardize(many[:512], torch.float64, CPU)
    with torch.no_grad():
        code = network.encode_raw(rows)[0]
    np.testing.assert_array_equal(
        score_features(network, rows, code), score_features(network, rows)
    )
