"""The autoencoder that another estimator builds on."""

import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sklearn_ae import Autoencoder, VariationalAutoencoder
from sklearn_ae._pretrained import pretrained, with_network
from sklearn_ae.training import draw_seeds

X = load_iris().data


def small(**kwargs):
    # Trained to the end, so that each seed leaves weights of its own.
    kwargs |= {"max_epochs": 2, "early_stopping": False}
    return Autoencoder(2, hidden_layer_sizes=(4,), **kwargs)


def owner(encoder):
    return SimpleNamespace(encoder=encoder)


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


def test_one_of_other_columns_is_refused():
    encoder = small(random_state=0).fit(X)
    message = (
        f"encoder={encoder!r} is fitted, and cannot read the rows that SimpleNamespace "
        "is to be fitted to: X has 3 features, but Autoencoder is expecting 4 features "
        "as input. Give one that was fitted to such rows, or an unfitted one, which is "
        "fitted to these."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        of(encoder, X[:, :3])


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
