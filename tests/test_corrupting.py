import re

import numpy as np
import pytest

from sklearn_ae import Autoencoder, DenoisingAutoencoder, SequenceAutoencoder
from sklearn_ae._corrupting import per_column
from sklearn_ae.training import KINDS as ALL_KINDS

# Rows of a table have no steps.
KINDS = sorted(set(ALL_KINDS) - {"step_masking"})

FAST = {"max_epochs": 3, "random_state": 0}
SHARES = sorted(set(KINDS) - {"gaussian"})

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def error_of(call):
    with pytest.raises(ValueError, match=r".") as error:
        call()
    return str(error.value)


def test_one_number_is_for_all_columns():
    amount = per_column("corruption_rate", 0.3, 4, "swap")
    np.testing.assert_array_equal(amount, np.full(4, 0.3))
    amount[0] = 1  # an array of its own, that may be written to


@pytest.mark.parametrize("value", [[0, 0.5, 1.0], (0, 0.5, 1.0), np.array([0, 0.5, 1])])
def test_one_number_for_each_column_stays(value):
    amount = per_column("corruption_rate", value, 3, "swap")
    np.testing.assert_array_equal(amount, [0, 0.5, 1])
    assert amount.dtype == np.float64
    assert amount is not value


@pytest.mark.parametrize(
    ("value", "shape"), [([0.1, 0.2], "(2,)"), ([[0.1, 0.2, 0.3]], "(1, 3)")]
)
def test_as_many_numbers_as_columns_are_needed(value, shape):
    message = error_of(lambda: per_column("noise_scale", value, 3, "gaussian"))
    assert message == (
        f"noise_scale has shape {shape}, but X has 3 columns. Give one number for all "
        "columns, or one for each."
    )


@pytest.mark.parametrize(
    ("kind", "wrong", "rule"),
    [
        (
            "swap",
            1.5,
            "between 0 and 1 in each column: it is the share of the cells that are "
            "changed.",
        ),
        (
            "masking",
            -0.1,
            "between 0 and 1 in each column: it is the share of the cells that are "
            "changed.",
        ),
        (
            "gaussian",
            -0.5,
            "0 or more in each column: it counts standard deviations.",
        ),
        (
            "gaussian",
            np.nan,
            "0 or more in each column: it counts standard deviations.",
        ),
    ],
)
def test_amounts_out_of_range(kind, wrong, rule):
    value = [0.1, wrong, 0.2]
    message = error_of(lambda: per_column("corruption_rate", value, 3, kind))
    assert message == f"corruption_rate holds {wrong}, and must be {rule}"


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("estimator", [Autoencoder, DenoisingAutoencoder])
@pytest.mark.parametrize(
    ("kind", "name"), [("swap", "corruption_rate"), ("gaussian", "noise_scale")]
)
def test_wrong_amounts_are_refused_before_training(blob, estimator, method, kind, name):
    model = estimator(2, corruption=kind, **{name: [0.1, 0.2]}, **FAST)
    with pytest.raises(ValueError, match=re.escape(f"{name} has shape (2,)")):
        getattr(model, method)(blob)
    assert not hasattr(model, "net_")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_corruption_has_an_effect(blob, kind, early_stopping):
    """Of every kind: one that does nothing is the worst silent defect there is."""
    params = {"early_stopping": early_stopping, "learning_rate": 0.02, **FAST}
    plain = Autoencoder(2, **params).fit(blob)
    corrupted = Autoencoder(2, corruption=kind, **params).fit(blob)
    train = (m.history_["train_loss"] for m in (plain, corrupted))
    assert not np.isclose(*train).any()


@pytest.mark.parametrize("kind", KINDS)
def test_no_amount_of_corruption_is_none(blob, kind):
    name = "noise_scale" if kind == "gaussian" else "corruption_rate"
    plain = Autoencoder(2, **FAST).fit(blob)
    corrupted = Autoencoder(2, corruption=kind, **{name: 0.0}, **FAST).fit(blob)
    np.testing.assert_array_equal(corrupted.transform(blob), plain.transform(blob))


@pytest.mark.parametrize("kind", SHARES)
def test_rows_are_never_corrupted_afterwards(blob, kind):
    model = Autoencoder(2, corruption=kind, corruption_rate=0.9, **FAST).fit(blob)
    for method in ("transform", "reconstruct", "score_samples"):
        first, again = (getattr(model, method)(blob) for _ in range(2))
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_rows_stay_clean(blob, kind):
    # A plain autoencoder is judged as it is used, on clean rows.
    model = Autoencoder(2, corruption=kind, max_epochs=0, random_state=0).fit(blob)
    plain = Autoencoder(2, max_epochs=0, random_state=0).fit(blob)
    assert model.validation_r2_ == plain.validation_r2_
    np.testing.assert_array_equal(model.reconstruct(blob), plain.reconstruct(blob))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_repeated_rows(blob, kind):
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    params = {"corruption": kind, "batch_size": 200, **FAST}
    weighted = Autoencoder(2, **params).fit(blob, sample_weight=counts)
    repeated = Autoencoder(2, **params).fit(blob.repeat(counts, axis=0))
    np.testing.assert_allclose(
        weighted.history_["train_loss"], repeated.history_["train_loss"]
    )
    np.testing.assert_allclose(
        weighted.transform(blob), repeated.transform(blob), atol=1e-9
    )


def test_a_stream_is_corrupted_too(blob):
    plain, corrupted = (
        Autoencoder(2, corruption=kind, **FAST).partial_fit(blob).partial_fit(blob)
        for kind in (None, "masking")
    )
    assert not np.allclose(
        plain.history_["train_loss"][-1], corrupted.history_["train_loss"][-1]
    )


@pytest.mark.parametrize("kind", ["zero", "Gaussian", 1])
def test_an_unknown_kind_is_refused(blob, kind):
    message = "The 'corruption' parameter of Autoencoder must be"
    with pytest.raises(ValueError, match=message):
        Autoencoder(corruption=kind).fit(blob)


def test_steps_are_of_sequences():
    X = np.random.default_rng(0).normal(size=(40, 6, 2))
    model = SequenceAutoencoder(
        2, corruption="step_masking", cell_size=4, max_epochs=1, random_state=0
    )
    together = model.fit(X)._corruption.together
    np.testing.assert_array_equal(together, np.repeat(np.arange(0, 12, 2), 2))
    with pytest.raises(
        ValueError,
        match=r"^corruption='step_masking' is for sequences, and rows of a table and "
        r"images have no steps. Take corruption='masking', or a network for "
        r"sequences.$",
    ):
        Autoencoder(corruption="step_masking").fit(X.reshape(40, 12))
