"""Sequences in all forms in which users hold them."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae import (
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae._lengths import lengths_of, steps_inside
from sklearn_ae._sequence_network import SequenceNetwork
from sklearn_ae._sequences import as_rows

FAST = {"max_epochs": 1, "cell_size": 4, "hidden_layer_sizes": (4,), "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def walks(n=12, n_steps=9, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_steps, n_channels)).cumsum(axis=1)


def cut(X, seed=0):
    """The same sequences with different ends."""
    lengths = np.random.default_rng(seed).integers(3, X.shape[1] + 1, size=len(X))
    lengths[:2] = 3, X.shape[1]
    return [part[:length] for part, length in zip(X, lengths, strict=True)]


def padded(sequences, n_steps=None):
    n_steps = n_steps or max(map(len, sequences))
    X = np.full((len(sequences), n_steps, sequences[0].shape[1]), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[: len(sequence)] = sequence
    return X


def model(**params):
    return SequenceAutoencoder(2, **{**FAST, **params})


# -- of one length


def test_one_channel_is_an_axis_or_none():
    X = walks(n_channels=1)
    as_array, as_rows = model().fit(X), model().fit(X[:, :, 0])
    assert as_array.sequence_shape_ == as_rows.sequence_shape_ == (9, 1)
    codes = as_array.transform(X)
    assert_array_equal(as_rows.transform(X[:, :, 0]), codes)
    assert_array_equal(as_rows.transform(X), codes)
    assert as_array.reconstruct(X).shape == X.shape
    assert as_array.reconstruct(X[:, :, 0]).shape == (12, 9)
    assert as_array.inverse_transform(codes).shape == X.shape
    assert as_rows.inverse_transform(codes).shape == (12, 9)


def test_a_list_of_equal_sequences_is_an_array():
    X = walks()
    one, other = model().fit(list(X)), model().fit(X)
    assert not one.varies_in_length_
    assert_array_equal(one.transform(X), other.transform(X))
    objects = np.empty(len(X), dtype=object)
    objects[:] = list(X)
    assert_array_equal(one.transform(objects), other.transform(X))


def test_a_frame_has_a_step_in_each_column():
    frame = pd.DataFrame(walks(n_channels=1)[:, :, 0]).rename(columns=str)
    fitted = model().fit(frame)
    assert fitted.feature_names_in_[0] == "0"
    assert_array_equal(
        fitted.transform(frame), model().fit(frame.values).transform(frame.values)
    )


# -- of several lengths


def test_lists_and_padded_arrays_are_the_same():
    sequences = cut(walks())
    one, other = model().fit(sequences), model().fit(padded(sequences))
    codes = one.transform(sequences)
    assert_array_equal(other.transform(padded(sequences)), codes)
    assert_array_equal(one.transform(padded(sequences)), codes)
    longer = padded(sequences, 15)
    assert_allclose(one.transform(longer), codes, atol=1e-6)
    assert_allclose(one.score_samples(longer), one.score_samples(sequences), atol=1e-6)
    assert one.score(longer) == pytest.approx(one.score(sequences), abs=1e-9)


def test_what_came_in_one_form_comes_back_in_it():
    sequences = cut(walks())
    fitted = model().fit(sequences)
    as_list = fitted.reconstruct(sequences)
    assert [part.shape for part in as_list] == [part.shape for part in sequences]
    as_array = fitted.reconstruct(padded(sequences))
    assert_array_equal(np.isnan(as_array), np.isnan(padded(sequences)))
    for one, other, sequence in zip(as_list, as_array, sequences, strict=True):
        assert_array_equal(one, other[: len(sequence)])


def test_padding_may_be_wider_than_any_sequence():
    sequences = cut(walks())
    wide = padded(sequences, 14)
    fitted = model().fit(wide)
    answers = fitted.reconstruct(wide[:3])
    assert answers.shape == (3, 14, 2)
    assert_array_equal(np.isnan(answers), np.isnan(wide[:3]))
    decoded = fitted.inverse_transform(np.zeros((2, 2)), lengths=[2, 3])
    assert decoded.shape == (2, 9, 2)


def test_rows_may_be_padded_too():
    sequences = cut(walks(n_channels=1))
    rows = padded(sequences)[:, :, 0]
    fitted = model().fit(rows)
    assert fitted.varies_in_length_
    codes = fitted.transform(rows)
    assert_array_equal(codes, model().fit(sequences).transform(sequences))
    assert_array_equal(np.isnan(fitted.reconstruct(rows)), np.isnan(rows))
    frame = pd.DataFrame(rows).rename(columns=str)
    assert_array_equal(fitted.transform(frame), codes)


def test_lists_may_be_padded_too():
    sequences = cut(walks())
    longer = [
        np.pad(part, ((0, 2), (0, 0)), constant_values=np.nan) for part in sequences
    ]
    fitted = model().fit(longer)
    assert fitted.sequence_shape_ == (9, 2)
    assert_array_equal(fitted.transform(longer), fitted.transform(sequences))


def test_missing_steps_are_refused_whatever_the_form():
    fitted = model().fit(cut(walks(n_channels=1)))
    rows = walks(n_channels=1)[:, :, 0].copy()
    for value, what in [(np.nan, "NaN"), (np.inf, "infinity")]:
        rows[1, 5] = value
        for X in (rows, list(rows), rows[:, :, None], pd.DataFrame(rows)):
            with pytest.raises(
                ValueError, match=rf"contains {what} in step 5 of X\[1\]"
            ):
                fitted.predict(X)


def test_no_block_of_a_stream_is_longer_than_the_first():
    stream = model().partial_fit(cut(walks()))
    stream.partial_fit(cut(walks(n_steps=7, seed=1)))
    with pytest.raises(ValueError, match="a sequence of 12 steps, and the longest of"):
        stream.partial_fit(walks(n_steps=12))


def test_one_channel_in_lists_may_lack_its_axis():
    sequences = [part[:, 0] for part in cut(walks(n_channels=1))]
    fitted = model().fit(sequences)
    assert all(part.ndim == 1 for part in fitted.reconstruct(sequences))
    assert_array_equal(
        fitted.transform([part[:, None] for part in sequences]),
        fitted.transform(sequences),
    )


def test_sequences_may_be_longer_than_those_of_fit():
    fitted, longer = model().fit(cut(walks())), walks(n_steps=30, seed=1)
    assert fitted.transform(longer).shape == (12, 2)
    assert fitted.reconstruct(longer).shape == longer.shape
    assert fitted.predict(longer).shape == (12,)


def test_codes_are_decoded_to_the_lengths_given_or_told():
    X = walks(n=80)
    sequences = cut(X)
    fitted = model().fit(sequences)
    codes, lengths = fitted.transform(sequences), [len(part) for part in sequences]
    given = fitted.inverse_transform(codes, lengths=lengths)
    for one, other in zip(given, fitted.reconstruct(sequences), strict=True):
        assert_allclose(one, other, atol=1e-9)
    told = [len(part) for part in fitted.inverse_transform(codes)]
    assert min(told) >= 3
    assert max(told) <= 9


def test_r2_counts_the_steps_there_are():
    sequences = cut(walks(n=40))
    fitted = model().fit(sequences)
    mean = np.concatenate(sequences).mean(axis=0)
    assert_allclose(fitted.mean_, mean)
    error = sum(
        np.square(one - other).sum()
        for one, other in zip(sequences, fitted.reconstruct(sequences), strict=True)
    )
    total = sum(np.square(part - mean).sum() for part in sequences)
    assert fitted.score(sequences) == pytest.approx(1 - error / total)


def test_a_weight_of_two_is_a_sequence_given_twice():
    sequences = cut(walks())
    counts = np.tile([1, 2, 1], 4)
    repeated = [
        part for part, n in zip(sequences, counts, strict=True) for _ in range(n)
    ]
    one = model(max_epochs=0).fit(sequences, sample_weight=counts)
    other = model(max_epochs=0).fit(repeated)
    assert_allclose(one.transform(sequences), other.transform(sequences), atol=1e-9)
    assert_allclose(one.mean_, other.mean_)


def test_a_constant_channel_comes_back():
    sequences = cut(walks(n=40))
    for part in sequences:
        part[:, 1] = 7.0
    for part in model(max_epochs=3).fit(sequences).reconstruct(sequences):
        assert_allclose(part[:, 1], 7.0)


def test_rows_of_several_lengths():
    rows = as_rows([np.ones((2, 2)), np.ones((3, 2))], [2, 3], 4)
    assert rows.tolist() == [[1] * 4 + [0] * 4 + [2], [1] * 6 + [0] * 2 + [3]]
    assert lengths_of(rows).tolist() == [2, 3]
    assert steps_inside(rows, 2).sum(axis=1).tolist() == [2, 3]


def test_a_sequence_of_weight_zero_is_left_out():
    sequences = cut(walks())
    longer = [*sequences, np.zeros((40, 2))]
    one = model().fit(longer, sample_weight=[1] * 12 + [0])
    other = model().fit(sequences)
    assert one.sequence_shape_ == (9, 2)
    assert_allclose(one.transform(sequences), other.transform(sequences), atol=1e-9)


def test_shares_of_the_variance_are_of_resampled_sequences():
    sequences = [part[:5] for part in walks(n=40, n_steps=30)[1:]] + [walks()[0]]
    fitted = SequenceAutoencoder(10, max_epochs=0, random_state=0).fit(sequences)
    assert 0.9 < fitted.explained_variance_ratio_.sum() <= 1 + 1e-9


def test_the_mean_of_a_stream_moves():
    sequences = cut(walks(n=40))
    stream = model().partial_fit(sequences)
    before = stream.mean_
    stream.partial_fit([part + 10 for part in sequences])
    assert_allclose(stream.mean_, before + 5)


def test_a_warm_start_has_no_longer_sequences():
    warm = model(warm_start=True).fit(cut(walks()))
    warm.fit(cut(walks(seed=1)))
    with pytest.raises(ValueError, match="a sequence of 12 steps, and the longest of"):
        warm.fit(cut(walks(n_steps=12)))


def test_object_arrays_and_series_of_sequences():
    X = walks()
    objects = np.empty(len(X), dtype=object)
    objects[:] = list(X)
    assert model().fit(X).reconstruct(objects).shape == X.shape
    sequences = cut(X)
    series = pd.Series(sequences)
    fitted = model().fit(series)
    assert_array_equal(fitted.transform(series), fitted.transform(sequences))


# -- what is out of order

X = walks()
GAP = padded(cut(walks()))
GAP[3, 1] = np.nan

BAD = [
    ([np.ones((3, 2)), np.ones((4, 3))], "X holds sequences of 2 and 3 channels."),
    ([np.ones((3, 2)), np.ones((0, 2))], "X[1] has no steps."),
    ([np.ones((3, 2)), np.ones((2, 2, 2))], "X[1] has shape (2, 2, 2)"),
    ([np.ones(3), 1j * np.ones(4)], "X[1] is no sequence of numbers."),
    ([], "Found array with 0 sample(s)"),
    (np.ones((0, 5, 2)), "Found array with 0 sample(s)"),
    (np.ones((4, 0, 2)), "Found array with 0 feature(s)"),
    ([np.ones((5, 1)) * 1e200, np.ones((6, 1))], "exceed the range of float64"),
    ([np.ones(3), np.ones((4, 2))], "X holds sequences of 1 and 2 channels."),
    ([["a", "b"], ["a"]], "X[0] is no sequence of numbers."),
    (GAP, "Input X contains NaN in step 1 of X[3]."),
    ([np.ones((3, 1)), np.full((2, 1), np.inf)], "contains infinity in step 0 of X[1]"),
    (np.full((3, 4, 2), np.nan), "contains NaN in every step of X[0]."),
    (np.ones((2, 3, 4, 5)), "X has shape (2, 3, 4, 5)"),
]


@pytest.mark.parametrize(("sequences", "message"), BAD)
def test_what_is_out_of_order_is_named(sequences, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model().fit(sequences)


def test_missing_steps_of_arrays_are_named():
    infinite = walks()
    infinite[2, 4:6, 1] = np.inf
    with pytest.raises(ValueError, match=r"infinity in step 4 and 1 other\. Seq"):
        model().fit(infinite)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (walks(n_steps=5), "X holds sequences of 5 steps, and SequenceAutoencoder was"),
        (walks(n_channels=3), "X holds sequences of 3 channels, and"),
        (walks().transpose(0, 2, 1), "Steps come before channels: give X.transpose"),
        (cut(walks()), "X holds sequences of 3 to 9 steps, and SequenceAutoencoder"),
        (walks()[:, :, 0], "expecting 18 features as input: those of sequences of 9"),
        (walks()[0], "A sequence alone is X[np.newaxis]."),
    ],
)
def test_sequences_of_another_shape_than_in_fit(other, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model().fit(walks()).transform(other)


def test_other_channels_than_in_lists_of_fit():
    fitted = model().fit(cut(walks()))
    with pytest.raises(ValueError, match="X holds sequences of 3 channels, and"):
        fitted.transform(cut(walks(n_channels=3)))
    with pytest.raises(ValueError, match=r"A sequence alone is \[X\]\."):
        fitted.transform(walks()[0])


def test_lengths_of_sequences_that_have_one():
    fitted = model().fit(walks())
    assert fitted.inverse_transform(np.zeros((2, 2)), lengths=[9, 9]).shape == (2, 9, 2)
    with pytest.raises(ValueError, match="must all be 9, the length of the sequences"):
        fitted.inverse_transform(np.zeros((2, 2)), lengths=[9, 8])


@pytest.mark.parametrize(
    "estimator",
    [
        SparseAutoencoder(network=SequenceNetwork()),
        VariationalAutoencoder(network=SequenceNetwork()),
        DenoisingAutoencoder(network=SequenceNetwork()),
        SequenceAutoencoder(corruption="masking"),
    ],
)
def test_kinds_that_take_one_length(estimator):
    name = type(estimator).__name__
    with pytest.raises(ValueError, match=f"which {name} takes only of one length"):
        estimator.fit(cut(walks()))


def test_one_sequence_is_too_few():
    with pytest.raises(ValueError, match="Found array with 1 sample"):
        model().fit(padded(cut(walks())[:1], 12))


def test_lengths_cannot_be_compressed():
    pytest.importorskip("constriction")
    fitted = model().fit(cut(walks()))
    with pytest.raises(ValueError, match="compress takes such of one"):
        fitted.compress(cut(walks()))
