import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_ae import SequenceAutoencoder
from sklearn_ae.metrics import reconstruction_r2

from .test_sequences import cut, walks

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def waves(n=400, n_steps=40, seed=0):
    rng = np.random.default_rng(seed)
    rates, shifts = rng.uniform(1, 2, size=(2, n, 1))
    return np.sin(rates * np.linspace(0, 6, n_steps) + 3 * shifts)


@pytest.mark.parametrize("cell", ["attention", "convolution", "gru", "lstm"])
def test_training_improves_on_pca(cell):
    X = waves()
    model = SequenceAutoencoder(
        2, cell=cell, cell_size=16, max_epochs=15, random_state=0
    )
    model.fit(X[:300])
    assert model.improved_on_pca_
    pca = reconstruction_r2(PCA(2).fit(X[:300]), X[300:])
    assert model.score(X[300:]) > pca + 0.02


@pytest.mark.parametrize("cell", ["attention", "convolution", "gru", "lstm"])
def test_training_improves_on_pca_where_lengths_differ(cell):
    sequences = cut(waves(n=500)[:, :, None])
    model = SequenceAutoencoder(
        2, cell=cell, cell_size=16, max_epochs=15, random_state=0
    )
    model.fit(sequences[:400])
    start = SequenceAutoencoder(2, max_epochs=0, random_state=0).fit(sequences[:400])
    assert model.improved_on_pca_
    assert model.score(sequences[400:]) > start.score(sequences[400:]) + 0.02


@pytest.mark.parametrize("cell", ["attention", "convolution", "gru", "lstm"])
def test_pickles_and_batches_change_nothing(cell):
    sequences = cut(walks(n=70))
    model = SequenceAutoencoder(2, cell=cell, cell_size=8, max_epochs=2, random_state=0)
    codes = model.fit(sequences).transform(sequences)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.transform(sequences), codes)
    assert_array_equal(again.score_samples(sequences), model.score_samples(sequences))
    alone = model.transform(sequences[5:8])
    np.testing.assert_allclose(alone, codes[5:8], atol=1e-9)


def test_odd_sequences_are_outliers():
    X = waves()
    model = SequenceAutoencoder(4, cell_size=16, max_epochs=10, random_state=0)
    model.fit(X)
    odd = X[:20].copy()
    odd[:, 20:24] += 2
    assert np.mean(model.predict(X) == -1) < 0.1
    assert np.all(model.predict(odd) == -1)


def test_it_stands_in_a_pipeline_of_sequences():
    X = np.concatenate([waves(60)[:, :, None], walks(60, 40, 1)])
    y = np.repeat([0, 1], 60)
    model = SequenceAutoencoder(4, cell_size=8, max_epochs=3, random_state=0)
    pipeline = make_pipeline(model, SVC()).fit(cut(X), y)
    assert pipeline.score(cut(X, seed=1), y) > 0.8
