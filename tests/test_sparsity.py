"""What a fitted sparse code tells of its units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_ae import SparseAutoencoder

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


FAST = {"max_epochs": 4, "random_state": 0}


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_usage_is_that_of_the_codes(blob, penalty):
    model = SparseAutoencoder(penalty=penalty, **FAST).fit(blob)
    codes = model.transform(blob)
    active = codes > (0.1 if penalty == "kl" else 0)
    assert_allclose(model.activation_frequency_, active.mean(axis=0))
    assert_allclose(model.mean_activation_, codes.mean(axis=0))
    assert model.mean_active_ == pytest.approx(active.sum(axis=1).mean())
    assert model.n_dead_ == (~active.any(axis=0)).sum()


def test_usage_weighs_rows(blob):
    weight = np.random.default_rng(0).integers(1, 4, size=len(blob))
    model = SparseAutoencoder(**FAST).fit(blob, sample_weight=weight)
    active = model.transform(blob) > 0
    expected = np.average(active, axis=0, weights=weight)
    assert_allclose(model.activation_frequency_, expected)


def test_usage_follows_a_stream(blob):
    model = SparseAutoencoder(**FAST).partial_fit(blob).partial_fit(blob)
    assert_allclose(
        model.mean_activation_, model.transform(blob).mean(axis=0), rtol=1e-5
    )
    assert model.validation_loss_ is None


def test_a_first_block_may_be_smaller_than_the_dictionary(blob):
    model = SparseAutoencoder(50, **FAST).partial_fit(blob[:3])
    assert model.components_.shape == (50, 5)


def test_held_out_loss_is_one_minus_r2_without_a_penalty(digits):
    model = SparseAutoencoder(n_active=8, **FAST).fit(digits)
    assert model.validation_loss_ == pytest.approx(1 - model.score(digits), abs=0.1)
