import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_ae._length_head import LengthHead

from .test_sequences import cut, model, walks

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def test_lengths_are_told_from_codes_that_carry_them():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 40, size=300)
    sequences = [np.full((length, 1), float(length)) for length in lengths]
    fitted = model(max_epochs=0).fit(sequences)
    told = fitted.inverse_transform(fitted.transform(sequences))
    assert_allclose([len(part) for part in told], lengths, atol=1)


def test_lengths_are_learned_from_sequences_in_any_order():
    sequences = cut(walks(n=40))
    order = np.random.default_rng(0).permutation(40)
    one = model(max_epochs=0).fit(sequences)
    other = model(max_epochs=0).fit([sequences[i] for i in order])
    codes = one.transform(sequences)
    assert_allclose(one._length_head.weights, other._length_head.weights, rtol=1e-6)
    assert len(one.inverse_transform(codes)) == 40


@pytest.mark.parametrize("lengths", [[3], [0] * 12, [2.5] * 12, "3"])
def test_what_are_no_lengths(lengths):
    fitted = model().fit(cut(walks()))
    with pytest.raises(ValueError, match="must hold one positive integer for each of"):
        fitted.inverse_transform(np.zeros((12, 2)), lengths=lengths)


def test_lengths_of_codes_far_away_stay_in_range():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(200, 3))
    lengths = np.rint(20 + 4 * codes[:, 0] + codes[:, 1] ** 2).astype(int)
    head = LengthHead(lengths.min(), lengths.max()).fit(codes, lengths, np.ones(200))
    assert np.abs(head.predict(codes) - lengths).mean() < 0.5
    far = head.predict(1e6 * rng.normal(size=(50, 3)))
    assert far.min() >= lengths.min()
    assert far.max() <= lengths.max()


def test_many_components_have_no_products():
    codes = np.random.default_rng(0).normal(size=(100, 40))
    head = LengthHead(1, 100).fit(codes, np.arange(1, 101), np.ones(100))
    assert head.weights.shape == (41,)
