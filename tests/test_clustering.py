"""Clusters of rows."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import (
    Autoencoder,
    AutoencoderClustering,
    ConvolutionalAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae import _clustering as module

from .arrays import Foreign
from .test_common import EXTRA_CHECKS

FAST = {"max_epochs": 4, "hidden_layer_sizes": (8,)}
ENCODER = Autoencoder(2, **FAST)


def make(n_clusters=3, **changes):
    how = {"encoder": clone(ENCODER), "max_epochs": 20, "random_state": 0}
    return AutoencoderClustering(n_clusters, **{**how, **changes})


@pytest.fixture(scope="module")
def blobs():
    """Rows of three blobs, shape (90, 6), and the blob of each."""
    return make_blobs(90, n_features=6, random_state=0)


@pytest.fixture(scope="module")
def fitted(blobs):
    return make().fit(blobs[0])


# -- scikit-learn's checks


@parametrize_with_checks([make(8, max_epochs=2)])
def test_common_checks(estimator, check):
    with warnings.catch_warnings():
        # Of a handful of random rows there are no eight clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


@pytest.mark.filterwarnings(
    # Some of the extra checks mix tables and arrays on purpose.
    "ignore:X does not have valid feature names:UserWarning",
    "ignore:X has feature names:UserWarning",
)
@pytest.mark.parametrize("check", EXTRA_CHECKS, ids=lambda check: check.__name__)
def test_extra_checks(check):
    estimator = make(3, max_epochs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(type(estimator).__name__, estimator)


# -- what a fit finds


def test_blobs_are_found(blobs, fitted):
    assert adjusted_rand_score(blobs[1], fitted.labels_) == 1
    assert fitted.cluster_centers_.shape == (3, 2)
    assert fitted.n_clusters_ == 3
    assert fitted.n_features_in_ == 6


def test_labels_are_those_of_predict(blobs, fitted):
    X, _ = blobs
    assert_array_equal(fitted.predict(X), fitted.labels_)
    assert_array_equal(make().fit_predict(X), fitted.labels_)


def test_transform_has_the_distances_of_codes(blobs, fitted):
    X, _ = blobs
    codes = fitted.encode(X)
    assert_array_equal(codes, fitted.autoencoder_.transform(X))
    apart = codes[:, None] - fitted.cluster_centers_
    assert_allclose(fitted.transform(X), np.linalg.norm(apart, axis=2))
    assert list(fitted.get_feature_names_out()) == [
        f"autoencoderclustering{i}" for i in range(3)
    ]


def test_shares_go_with_predict(blobs, fitted):
    X, _ = blobs
    shares = fitted.predict_membership(X)
    assert_allclose(shares.sum(axis=1), 1)
    assert_array_equal(shares.argmax(axis=1), fitted.labels_)


def test_training_together_draws_codes_together(blobs):
    X, _ = blobs
    start = make(max_epochs=0).fit(X)
    refined = make(max_epochs=300, tol=0.0).fit(X)
    before = silhouette_score(start.encode(X), start.labels_)
    after = silhouette_score(refined.encode(X), refined.labels_)
    assert after > before + 0.02
    assert start.n_epochs_ == 0
    assert refined.n_epochs_ == 300
    assert len(refined.history_["train_loss"]) == 300


def test_the_reconstruction_is_kept(blobs):
    X, _ = blobs
    start = make(max_epochs=0).fit(X).autoencoder_
    refined = make(max_epochs=300, tol=0.0).fit(X).autoencoder_
    assert refined.score(X) > start.score(X) - 0.05
    assert_allclose(
        refined.inverse_transform(refined.transform(X)), refined.reconstruct(X)
    )


def test_digits():
    X, y = load_digits(return_X_y=True)
    encoder = Autoencoder(10, hidden_layer_sizes=(64,), max_epochs=5)
    model = make(10, encoder=encoder, max_epochs=40).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.75
    assert model.history_["changed"][-1] < model.history_["changed"][0]


def test_the_number_is_found(blobs):
    model = make("auto", max_epochs=2).fit(blobs[0])
    assert model.n_clusters_ == 3


def test_one_cluster(blobs):
    model = make(1, max_epochs=2).fit(blobs[0])
    assert_array_equal(model.labels_, np.zeros(90))


# -- encoders


@pytest.mark.parametrize(
    ("encoder", "X"),
    [
        (ConvolutionalAutoencoder(2, max_epochs=1), load_digits().images[:100]),
        (
            SequenceAutoencoder(2, cell_size=4, max_epochs=1),
            load_digits().images[:60],
        ),
        (
            SequenceAutoencoder(2, cell_size=4, max_epochs=1),
            [image[: 4 + i % 4] for i, image in enumerate(load_digits().images[:60])],
        ),
        (SparseAutoencoder(8, max_epochs=1), load_digits().data[:100]),
        (VariationalAutoencoder(2, max_epochs=1), load_digits().data[:100]),
        (
            SequenceAutoencoder(2, tokens="char", max_epochs=1),
            ["abab", "baba", "cdcd", "dcdc", "abba", "cddc"] * 2 + ["abc", "dcba"],
        ),
    ],
    ids=["images", "sequences", "lengths", "sparse", "variational", "tokens"],
)
def test_every_network(encoder, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make(3, encoder=encoder, max_epochs=2).fit(X)
    assert model.transform(X).shape == (len(X), 3)
    assert_array_equal(model.predict(X), model.labels_)


def test_the_usual_encoder(blobs):
    model = make(encoder=None, max_epochs=1).fit(blobs[0])
    assert type(model.autoencoder_) is Autoencoder
    assert model.autoencoder_.n_components_ == 6


def test_a_fitted_encoder_stays_as_it_is(blobs):
    X, _ = blobs
    encoder = clone(ENCODER).set_params(random_state=0).fit(X)
    codes = encoder.transform(X)
    model = make(encoder=encoder).fit(X)
    frozen = clone(make(encoder=FrozenEstimator(encoder))).fit(X)
    assert_array_equal(encoder.transform(X), codes)
    assert_array_equal(frozen.cluster_centers_, model.cluster_centers_)


def test_the_encoder_detects_outliers_by_its_new_codes(blobs, fitted):
    X, _ = blobs
    assert fitted.autoencoder_.predict(X * 20).tolist() == [-1] * 90


def test_bfloat16(blobs):
    X, y = blobs
    encoder = clone(ENCODER).set_params(precision="bfloat16")
    assert adjusted_rand_score(y, make(encoder=encoder).fit_predict(X)) == 1


# -- weights, seeds, copies


def test_a_weight_of_two_is_a_row_given_twice(blobs):
    X, _ = blobs
    weight = np.random.default_rng(0).integers(0, 4, 90)
    weighted = make().fit(X, sample_weight=weight)
    order = np.random.default_rng(1).permutation(weight.sum())
    repeated = make().fit(np.repeat(X, weight, axis=0)[order])
    assert_array_equal(weighted.transform(X), repeated.transform(X))


def test_weights_that_are_all_alike_are_none(blobs, fitted):
    X, _ = blobs
    weighted = make().fit(X, sample_weight=np.ones(90))
    assert_array_equal(weighted.transform(X), fitted.transform(X))


def test_a_weight_of_zero_is_a_row_left_out(blobs):
    X, _ = blobs
    zeroed = make().fit(X, sample_weight=np.arange(90) < 70)
    without = make().fit(X[:70])
    assert_array_equal(zeroed.transform(X), without.transform(X))
    assert_array_equal(zeroed.labels_[:70], without.labels_)


def draws():
    """Return the state of NumPy's global generator."""
    return np.random.get_state()[1].copy()  # noqa: NPY002


def test_a_seed_decides_all(blobs):
    X, _ = blobs
    state, torch_state = draws(), torch.get_rng_state()
    first, again = make().fit(X), make().fit(X)
    assert_array_equal(first.transform(X), again.transform(X))
    other = make(random_state=1).fit(X)
    assert not np.array_equal(first.transform(X), other.transform(X))
    assert_array_equal(draws(), state)
    assert_array_equal(torch.get_rng_state(), torch_state)


def test_pickles(blobs, fitted):
    X, _ = blobs
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict_membership(X), fitted.predict_membership(X))


def test_names_of_columns(blobs):
    X, _ = blobs
    table = pd.DataFrame(X, columns=list("abcdef"))
    model = make(max_epochs=1).fit(table)
    assert list(model.feature_names_in_) == list("abcdef")
    model.fit(X)
    assert not hasattr(model, "feature_names_in_")


def test_in_a_pipeline_and_a_search(blobs):
    X, y = blobs

    def score(model, X, y=None):
        return adjusted_rand_score(y, model.predict(X))

    pipeline = make_pipeline(StandardScaler(), make(max_epochs=1))
    grid = {"autoencoderclustering__n_clusters": [2, 3]}
    search = GridSearchCV(pipeline, grid, scoring=score, cv=2).fit(X, y)
    assert search.best_params_ == {"autoencoderclustering__n_clusters": 3}


# -- what goes wrong


def test_a_collapse_is_undone(blobs, monkeypatch):
    X, _ = blobs
    start = make(max_epochs=0).fit(X)

    def refine(*args, **kwargs):
        refined = module_refine(*args, **kwargs)
        centers = refined.centers.copy()
        centers[1] = 1e6
        return refined._replace(centers=centers)

    module_refine = module.refine
    monkeypatch.setattr(module, "refine", refine)
    message = (
        "Training codes and centres together left a cluster without rows, and is "
        "undone: the clusters are those of the codes as they were. Lower n_clusters=3, "
        "or clustering_weight=1.0."
    )
    with pytest.warns(ConvergenceWarning, match=f"^{re.escape(message)}$"):
        model = make().fit(X)
    assert_array_equal(model.transform(X), start.transform(X))
    assert model.n_epochs_ == 0
    assert len(model.history_["changed"]) == 0


def test_more_clusters_than_rows(blobs):
    message = (
        "n_clusters=5 must be at most the number of rows of X, n_samples=4. Lower "
        "n_clusters, or give more rows."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(5).fit(blobs[0][:4])


def test_more_clusters_than_distinct_rows(blobs):
    X = np.repeat(blobs[0][:4], 5, axis=0)
    message = (
        "n_clusters=5 is more than there are different rows, or different codes of "
        "them, which are 4: each is a cluster. Lower n_clusters, or give more rows "
        "that differ."
    )
    with pytest.warns(ConvergenceWarning, match=f"^{re.escape(message)}$"):
        model = make(5).fit(X)
    assert model.n_clusters_ == 4
    assert_array_equal(np.unique(model.labels_), np.arange(4))


@pytest.mark.parametrize("X", [np.ones((5, 6)), np.outer([0, 1, 0, 1], np.ones(6))])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_no_two_rows_that_differ(blobs, X, is_fitted):
    encoder = clone(ENCODER).fit(blobs[0]) if is_fitted else ENCODER
    message = (
        "X has 1 different row(s) of weight above zero, and AutoencoderClustering "
        "needs at least 2. Give rows that differ, or more rows a weight above zero."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(2, encoder=encoder).fit(X, sample_weight=X[:, 0])


@pytest.mark.parametrize("convert", [sparse.coo_matrix, sparse.dia_array, Foreign])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_rows_of_any_kind(blobs, convert, is_fitted):
    X, _ = blobs
    encoder = clone(ENCODER).set_params(random_state=0)
    model = make(encoder=encoder.fit(X) if is_fitted else encoder, max_epochs=1)
    weight = np.arange(90) % 3
    labels = model.fit(X, sample_weight=weight).labels_
    assert_array_equal(model.fit(convert(X), sample_weight=weight).labels_, labels)


def test_an_encoder_of_other_columns(blobs):
    X, _ = blobs
    encoder = clone(ENCODER).fit(X)
    with pytest.raises(ValueError, match="is fitted, and cannot read the rows"):
        make(encoder=encoder).fit(X[:, :4])


def test_an_encoder_of_patches():
    encoder = ConvolutionalAutoencoder(2, patch_size=8)
    message = (
        f"encoder={encoder!r} trains on patches of images, and whole images have no "
        "codes that could form clusters. Leave patch_size out; for clusters of patches "
        "fit it first, and give patches as X."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(encoder=encoder).fit(np.zeros((20, 16, 16)))


def test_what_is_no_encoder(blobs):
    with pytest.raises(TypeError, match="must be an autoencoder of this package"):
        make(encoder=LogisticRegression()).fit(blobs[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"n_clusters": 0},
            "The 'n_clusters' parameter of AutoencoderClustering must be an int in the "
            "range [1, inf) or a str among {'auto'}. Got 0 instead.",
        ),
        (
            {"n_neighbors": -1},
            "The 'n_neighbors' parameter of AutoencoderClustering must be an int in "
            "the range [0, inf). Got -1 instead.",
        ),
        (
            {"clustering_weight": 0},
            "The 'clustering_weight' parameter of AutoencoderClustering must be a "
            "float in the range (0.0, inf). Got 0 instead.",
        ),
    ],
)
def test_wrong_parameters(blobs, changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(**changes).fit(blobs[0])


def test_a_failed_fit_changes_nothing(blobs):
    X, _ = blobs
    model = make().fit(X)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan))
    model.learning_rate = 1e30
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X[:, :5])
    model.learning_rate = 0.001
    assert vars(model) == before


def test_unfitted(blobs):
    for method in ("encode", "transform", "predict", "predict_membership"):
        with pytest.raises(NotFittedError):
            getattr(make(), method)(blobs[0])
