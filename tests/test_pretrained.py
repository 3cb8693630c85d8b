"""The autoencoder that another estimator builds on."""

import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sklearn_ae import Autoencoder, SequenceAutoencoder, VariationalAutoencoder
from sklearn_ae._pretrained import pretrained, read_to_train, with_network
from sklearn_ae.training import draw_seeds

X = load_iris().data


def small(**kwargs):
    # Trained to the end, so that each seed leaves weights of its own.
    kwargs |= {"max_epochs": 2, "early_stopping": False}
    return Autoencoder(2, hidden_layer_sizes=(4,), **kwargs)


def owner(encoder):
    return SimpleNamespace(encoder=encoder)


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


def of(encoder, X=X, sample_weight=None):
    return pretrained(
        owner(encoder), X, sample_weight, usual=small, random_state=np.int64(3)
    )


def test_none_is_the_usual_one():
    assert np.array_equal(of(None).transform(X), of(small()).transform(X))


def test_an_unfitted_one_is_cloned_and_fitted():
    encoder = small()
    fitted = of(encoder)
    assert not encoder.__sklearn_is_fitted__()
    assert fitted.transform(X).shape == (len(X), 2)


def test_its_own_random_state_wins():
    codes = small(random_state=5).fit(X).transform(X)
    assert np.array_equal(of(small(random_state=5)).transform(X), codes)
    assert not np.array_equal(of(small()).transform(X), codes)


def test_weights_reach_the_fit():
    weight = np.repeat([1.0, 0.0], [100, 50])
    codes = of(small(), sample_weight=weight).transform(X)
    assert np.array_equal(codes, of(small(), X[:100]).transform(X))


@pytest.mark.parametrize("wrap", [lambda encoder: encoder, FrozenEstimator])
def test_a_fitted_one_is_copied(wrap):
    encoder = small(random_state=0).fit(X)
    own = of(wrap(encoder), X[:20])
    assert own is not encoder
    assert own.net_.module_ is not encoder.net_.module_
    assert np.array_equal(own.transform(X), encoder.transform(X))


def test_a_frozen_one_stays_fitted_when_its_owner_is_cloned():
    encoder = small(random_state=0).fit(X)
    kept = clone(FrozenEstimator(encoder))
    assert np.array_equal(of(kept, X[:20]).transform(X), encoder.transform(X))


@pytest.mark.parametrize("encoder", [LogisticRegression(), Autoencoder, "dense", 3])
def test_what_is_no_autoencoder_is_refused(encoder):
    message = (
        f"encoder={encoder!r} must be an autoencoder of this package, fitted or not, "
        "such as Autoencoder(32), or None for the usual one."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        of(encoder)


def test_a_fitted_one_reads_its_rows():
    encoder = small(random_state=0).fit(X)
    assert np.array_equal(read_to_train(owner(FrozenEstimator(encoder)), X), X)
    rows = read_to_train(owner(encoder), sparse.coo_array(X))
    assert np.array_equal(rows.toarray(), X)


def test_one_of_other_columns_is_refused():
    encoder = small(random_state=0).fit(X)
    message = (
        f"encoder={encoder!r} is fitted, and cannot read the rows that SimpleNamespace "
        "is to be fitted to: X has 3 features, but Autoencoder is expecting 4 features "
        "as input. Give one that was fitted to such rows, or an unfitted one, which is "
        "fitted to these."
    )
    with refused(message):
        read_to_train(owner(encoder), X[:, :3])


@pytest.mark.parametrize("row", [0, 7])
def test_missing_values_are_no_matter_of_the_encoder(row):
    encoder, gaps = small(random_state=0).fit(X), X.copy()
    gaps[row, 1] = np.nan
    message = (
        "Input X contains NaN in column 1. Autoencoder does not accept missing values. "
        "Impute them first, for example with sklearn.impute.SimpleImputer, or drop "
        "these rows."
    )
    with refused(message):
        read_to_train(owner(encoder), gaps)


def test_one_of_another_structure_is_refused():
    encoder = small(random_state=0).fit(X).set_params(n_components=3)
    message = (
        "n_components=3 differs from 2, with which this Autoencoder was fitted, and "
        "cannot change where training goes on. Fit a new one, or set it back."
    )
    with refused(message):
        read_to_train(owner(encoder), X)


def test_values_that_it_has_no_likelihood_of_are_refused():
    unit = X / X.max()
    params = {"likelihood": "bernoulli", "max_epochs": 0, "random_state": 0}
    encoder = VariationalAutoencoder(2, **params).fit(unit)
    rows = np.vstack([unit, 2 * unit])
    with pytest.raises(ValueError, match=r"^likelihood='bernoulli' takes values betw"):
        read_to_train(owner(encoder), rows)


def test_sequences_longer_than_its_own_are_refused():
    sequences = [np.ones((n, 1)) * n for n in (3, 4, 5, 4)]
    encoder = SequenceAutoencoder(1, cell_size=2, max_epochs=0, random_state=0)
    message = (
        "X holds a sequence of 7 steps, and the longest of the fit before had 5. Cut "
        "it, or fit anew to rows with one of the longest sequences, in a stream as its "
        "first block."
    )
    with refused(message):
        read_to_train(owner(encoder.fit(sequences)), [*sequences, np.ones((7, 1))])


# -- another network


@pytest.fixture
def pair():
    return small(random_state=0).fit(X), small(random_state=1).fit(X)


def other_network(one, other):
    settings = one._recipe(len(X), 4, len(X), draw_seeds(0), torch.device("cpu"))
    network = copy.deepcopy(other.net_.module_)
    return with_network(one, network, settings.settings)


def test_another_network_brings_its_codes_and_its_threshold(pair):
    one, other = pair
    made = other_network(one, other)
    assert np.allclose(made.reconstruct(X), other.reconstruct(X))
    assert np.allclose(made.transform(X), other.transform(X))
    assert np.allclose(made.explained_variance_, other.explained_variance_)
    assert np.isclose(np.mean(made.score_samples(X) < made.offset_), 0.05, atol=0.05)
    for name in ("n_epochs_", "best_epoch_", "max_epochs_"):
        assert getattr(made, name) == getattr(one, name)
    assert np.array_equal(made.history_["train_loss"], one.history_["train_loss"])
    assert made.get_params() == one.get_params()


def test_the_autoencoder_itself_keeps_its_network(pair):
    one, other = pair
    codes = one.transform(X)
    other_network(one, other)
    assert np.array_equal(one.transform(X), codes)


@pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize("kind", [Autoencoder, VariationalAutoencoder])
def test_no_row_was_held_out_from_another_network(kind):
    one = kind(2, hidden_layer_sizes=(4,), max_epochs=3, random_state=0).fit(X)
    assert one.diagnose()["held_out_error"] is not None
    made = other_network(one, one)
    assert made.improved_on_pca_ is None
    facts = made.diagnose()
    assert facts["held_out_error"] is facts["overfitting"] is None
    assert facts["n_calibration"] == 0
    assert not facts["is_cut_short"]
    with pytest.raises(ValueError, match="was fitted with none held out"):
        made.p_values(X)
