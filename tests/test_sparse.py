"""What the sparse autoencoder promises."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine
from sklearn.feature_selection import SelectFromModel
from sklearn.preprocessing import StandardScaler

from sklearn_ae import SparseAutoencoder

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def wine_with_noise():
    """Wine, standardised, with 20 columns of noise: shape (178, 33)."""
    X = StandardScaler().fit_transform(load_wine().data)
    noise = np.random.default_rng(7).normal(size=(len(X), 20))
    return np.hstack([X, noise])


def test_no_row_has_more_active_units_than_asked_for(digits):
    model = SparseAutoencoder(n_active=5, max_epochs=3, random_state=0).fit(digits)
    assert ((model.transform(digits) > 0).sum(axis=1) <= 5).all()
    assert model.mean_active_ <= 5 + 1e-9


def test_few_units_tell_much_and_none_is_dead(digits):
    train, test = digits[::2], digits[1::2]
    model = SparseAutoencoder(128, n_active=16, random_state=0).fit(train)
    assert model.score(test) > 0.75
    assert model.n_dead_ <= 6


@pytest.mark.parametrize("penalty", ["topk", "l1"])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_reconstruction_is_a_sum_of_unit_atoms(blob, penalty, standardize):
    model = SparseAutoencoder(
        penalty=penalty, standardize=standardize, max_epochs=5, random_state=0
    ).fit(blob)
    assert_allclose(np.linalg.norm(model.components_, axis=1), 1)
    back = model.transform(blob) @ model.components_
    back = model.mean_ + back * (model.scale_ if standardize else 1)
    assert_allclose(model.reconstruct(blob), back, atol=1e-9)


def test_bounded_codes_count_from_their_target(blob):
    model = SparseAutoencoder(penalty="kl", max_epochs=5, random_state=0).fit(blob)
    codes = model.transform(blob)
    assert ((codes > 0) & (codes < 1)).all()
    back = model.mean_ + (codes - 0.05) @ model.components_
    assert_allclose(model.reconstruct(blob), back, atol=1e-9)


@pytest.mark.parametrize("target", [0.05, 0.2])
def test_kl_reaches_its_target(cancer, target):
    model = SparseAutoencoder(
        penalty="kl", target_activation=target, random_state=0
    ).fit(cancer)
    assert model.mean_activation_.mean() == pytest.approx(target, rel=0.1)


def test_a_heavier_penalty_leaves_fewer_units_active(cancer):
    light, heavy = (
        SparseAutoencoder(penalty="l1", penalty_weight=w, random_state=0).fit(cancer)
        for w in (0.02, 0.4)
    )
    assert heavy.mean_active_ < light.mean_active_
    assert heavy.score(cancer) < light.score(cancer)


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_noise_is_less_important_than_the_median_column(wine_with_noise, penalty):
    model = SparseAutoencoder(penalty=penalty, random_state=0).fit(wine_with_noise)
    importances = model.feature_importances_
    assert importances.sum() == pytest.approx(1)
    assert (importances >= 0).all()
    assert importances[13:].max() < np.median(importances[:13])


def test_selects_columns(wine_with_noise):
    selector = SelectFromModel(SparseAutoencoder(random_state=0)).fit(wine_with_noise)
    assert not selector.get_support()[13:].any()


def test_the_penalty_may_change_where_training_goes_on(blob):
    model = SparseAutoencoder(
        penalty="l1", warm_start=True, max_epochs=3, random_state=0
    ).fit(blob)
    model.set_params(penalty_weight=0.7).fit(blob)
    assert model.net_.module_.penalty_weight == 0.7


@pytest.mark.parametrize("n_rows", [257, 513])
def test_a_batch_without_rows_of_a_fold_does_no_harm(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 6))
    model = SparseAutoencoder(penalty="kl", max_epochs=5, random_state=0).fit(X)
    assert np.isfinite(model.score(X))


def test_held_out_loss_of_noise_is_that_of_new_rows():
    # Far more units than rows: revived units must not point at held-out rows.
    X = np.random.default_rng(0).normal(size=(40, 60))
    model = SparseAutoencoder(200, n_active=3, max_epochs=200, random_state=0).fit(X)
    assert model.validation_loss_ > 0.5


def test_held_out_loss_does_not_depend_on_the_order_of_the_rows(blob):
    shuffled = np.random.default_rng(0).permutation(blob)
    one, other = (
        SparseAutoencoder(penalty="kl", max_epochs=5, random_state=0).fit(X)
        for X in (blob, shuffled)
    )
    assert one.validation_loss_ == pytest.approx(other.validation_loss_)


def test_a_heavy_penalty_is_no_divergence(blob):
    model = SparseAutoencoder(
        penalty="l1", penalty_weight=1000, max_epochs=20, random_state=0
    )
    assert np.isfinite(model.fit(blob).score(blob))


def test_more_active_units_than_units(blob):
    message = "n_active=9 must not exceed the number of units, n_components=4. Lower"
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(4, n_active=9).fit(blob)


def test_a_share_of_variance_is_no_number_of_units(blob):
    with pytest.raises(ValueError, match="'n_components' parameter of SparseAuto"):
        SparseAutoencoder(0.9).fit(blob)


def test_works_on_a_table_of_two_rows():
    X = np.array([[0.0], [1.0]])
    model = SparseAutoencoder(random_state=0).fit(X)
    assert model.score(X) > 0.9
