"""How codes are used: what importances measure."""

import numpy as np
import pytest

from sklearn_ae import SparseAutoencoder, _usage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def pair():
    """Two columns that are nearly one, and one that stands alone: shape (300, 3)."""
    rng = np.random.default_rng(0)
    shared, alone = rng.normal(size=(2, 300))
    return np.column_stack([shared, shared + 0.1 * rng.normal(size=300), alone])


@pytest.mark.parametrize("penalty", ["topk", "l1"])
def test_what_others_tell_counts_and_what_stands_alone_does_not(pair, penalty):
    model = SparseAutoencoder(penalty=penalty, n_active=2, random_state=0)
    importances = model.fit(pair).feature_importances_
    assert importances[:2].min() > 5 * importances[2]


def test_columns_that_are_constant_tell_nothing(pair):
    X = np.column_stack([pair, np.full(len(pair), 3.0)])
    model = SparseAutoencoder(max_epochs=5, random_state=0).fit(X)
    assert model.feature_importances_[3] == 0


def test_importances_of_wide_tables_look_at_some_rows(pair, monkeypatch):
    whole = SparseAutoencoder(max_epochs=20, random_state=0).fit(pair)
    monkeypatch.setattr(_usage, "IMPORTANCE_COST", 1)
    some = SparseAutoencoder(max_epochs=20, random_state=0).fit(pair)
    assert not np.array_equal(some.feature_importances_, whole.feature_importances_)
    assert some.feature_importances_[:2].sum() > 0.6


def test_importances_of_a_stream(pair):
    model = SparseAutoencoder(random_state=0).partial_fit(pair)
    assert model.feature_importances_.sum() == pytest.approx(1)


def test_importances_without_held_out_rows(pair):
    model = SparseAutoencoder(early_stopping=False, max_epochs=20, random_state=0)
    importances = model.fit(pair).feature_importances_
    assert importances.sum() == pytest.approx(1)
    assert importances[:2].min() > importances[2]
