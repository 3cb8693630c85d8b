"""Codes as bytes: the quantiser and the coder."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtr

from sklearn_ae._codec import (
    ENTRIES_PER_WORD,
    SCORES,
    CodeModel,
    decode_symbols,
    encode_symbols,
    normal_share,
)


@pytest.fixture(scope="module")
def codes():
    """Codes of five components: normal, skewed, of heavy tails, small and constant."""
    rng = np.random.default_rng(0)
    columns = [
        3 * rng.normal(size=2000),
        rng.exponential(size=2000) - 1,
        rng.standard_t(3, size=2000),
        1e-4 * rng.normal(size=2000),
        np.zeros(2000),
    ]
    return np.stack(columns, axis=1)


@pytest.fixture(scope="module")
def model(codes):
    return CodeModel.of(codes)


# -- the model


def test_standard_deviations_and_quantiles(codes, model):
    assert_allclose(model.std, codes.std(axis=0))
    assert model.knots.shape == (5, 9)
    quantiles = np.quantile(codes, ndtr(SCORES), axis=0).T
    assert_allclose(model.knots, quantiles, rtol=0.05, atol=0.05)
    assert (np.diff(model.knots[:4], axis=1) > 0).all()
    assert_array_equal(model.knots[4], 0)


def test_weights_are_relative(codes):
    weight = np.random.default_rng(0).uniform(1, 2, size=len(codes))
    model = CodeModel.of(codes, weight)
    twin = CodeModel.of(codes, 1024 * weight)
    assert_array_equal(model.knots, twin.knots)
    assert_array_equal(model.std, twin.std)
    heavy = CodeModel.of(codes, np.where(codes[:, 0] > 0, 1.0, 1e-9))
    assert (heavy.knots[0, 1:] > 0).all()


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_units_that_squares_of_floats_do_not_reach(codes, unit):
    model = CodeModel.of(codes * unit)
    assert_allclose(model.std, codes.std(axis=0) * unit)
    symbols = model.quantize(codes * unit, 8)
    data = encode_symbols(symbols, model, 8)
    assert_array_equal(decode_symbols(data, len(codes), model, 8), symbols)


def test_few_rows_count_little():
    model = CodeModel.of(np.array([[-1.0], [1.0]]))
    assert_allclose(model.knots[0], SCORES, rtol=0.1)


def test_the_normal_share_needs_no_exp():
    scores = np.linspace(-9, 9, 2001)
    share = normal_share(scores)
    assert_allclose(share, ndtr(scores), atol=3e-7)
    assert (np.diff(share) >= 0).all()
    assert_allclose(normal_share(np.array([-1e300, 1e300])), [0, 1], atol=1e-60)


@pytest.mark.parametrize("bits", [1, 6, 16])
def test_tables_are_distributions_near_the_codes(codes, model, bits):
    for component, column in enumerate(model.quantize(codes, bits).T):
        low, mass = model.table(component, bits)
        assert (mass >= 0).all()
        assert mass[1:].sum() == pytest.approx(1, abs=1e-4)
        inside = (column >= low) & (column < low + len(mass) - 1)
        assert inside.mean() > 0.995


# -- the quantiser


@pytest.mark.parametrize("bits", [1, 2, 6, 16])
def test_codes_are_rounded_to_multiples_of_one_step(codes, model, bits):
    step = model.step(bits)
    assert step == 8 * model.std.max() / 2**bits
    symbols = model.quantize(codes, bits)
    assert symbols.dtype == np.int32
    rounded = model.dequantize(symbols, bits)
    assert np.abs(rounded - codes).max() <= step / 2 * (1 + 1e-9)
    assert_array_equal(model.quantize(rounded, bits), symbols)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_codes_come_back_in_their_dtype(codes, model, dtype):
    symbols = model.quantize(codes.astype(dtype), 6)
    assert model.dequantize(symbols, 6, dtype).dtype == dtype


def test_codes_too_far_out_are_refused(codes, model):
    far = codes[:9].copy()
    far[7, 1] = 1e8
    message = (
        r"^The code of row 7 is 1e\+08 in component 1: more than 2147483647 steps of "
        r"0\.000\d+ from zero, and bits=16 reaches no farther\. Leave the row out, or "
        r"give fewer bits\.$"
    )
    with pytest.raises(ValueError, match=message):
        model.quantize(far, 16)
    assert model.quantize(far, 6)[7, 1] > 2**24


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e308, -1e308])
def test_codes_that_are_no_numbers_of_steps_are_refused(model, value):
    with pytest.raises(ValueError, match=r"The code of row 0 is .* in component 2"):
        model.quantize(np.array([[0, 0, value, 0, 0]]), 6)


# -- the coder


@pytest.mark.parametrize("n_rows", [1, 2, 300])
@pytest.mark.parametrize("bits", [1, 2, 3, 6, 8, 12, 16])
def test_symbols_come_back(codes, model, bits, n_rows):
    symbols = model.quantize(codes[:n_rows], bits)
    payload = encode_symbols(symbols, model, bits)
    assert len(payload) % 4 == 0
    assert_array_equal(decode_symbols(payload, n_rows, model, bits), symbols)


@pytest.mark.parametrize("bits", [1, 6, 16])
def test_far_outliers_come_back(codes, model, bits):
    limit = 2**31 - 1
    symbols = model.quantize(codes[:50], bits)
    symbols[3] = limit
    symbols[4] = -limit
    symbols[5, 0], symbols[6, 4] = 2**16 - 1, -1
    payload = encode_symbols(symbols, model, bits)
    assert_array_equal(decode_symbols(payload, 50, model, bits), symbols)


@pytest.mark.parametrize("value", [0.0, 1e-3, 7.0, -1e6])
def test_constant_codes(value):
    codes = np.full((40, 3), value)
    model = CodeModel.of(codes)
    symbols = model.quantize(codes, 6)
    payload = encode_symbols(symbols, model, 6)
    assert len(payload) <= 8
    assert_array_equal(decode_symbols(payload, 40, model, 6), symbols)
    # Later rows may differ all the same.
    other = model.quantize(codes + 3, 6)
    payload = encode_symbols(other, model, 6)
    assert_array_equal(decode_symbols(payload, 40, model, 6), other)


@pytest.mark.parametrize("value", [2**31 - 1, 0, 1 - 2**31, 65536])
def test_bytes_have_a_bound(model, value):
    symbols = np.full((200, 5), value, dtype=np.int32)
    for bits in (1, 6, 16):
        payload = encode_symbols(symbols, model, bits)
        assert len(payload) <= 8 + 6 * symbols.size
        assert_array_equal(decode_symbols(payload, 200, model, bits), symbols)


def test_many_rows_fit_into_few_words():
    model = CodeModel.of(np.array([[-1.0], [1.0]] + 10_000 * [[0.0]]))
    symbols = np.zeros((2**20, 1), dtype=np.int32)
    payload = encode_symbols(symbols, model, 1)
    assert symbols.size <= len(payload) // 4 * ENTRIES_PER_WORD
    assert_array_equal(decode_symbols(payload, 2**20, model, 1), symbols)


def test_the_model_saves_bytes(codes, model):
    """Close to the ideal code of the distribution, and better than a normal one."""
    step, symbols = model.step(6), model.quantize(codes, 6)
    n_bytes = len(encode_symbols(symbols, model, 6))
    edges = (symbols[..., None] + np.array([-0.5, 0.5])) * step
    spread = np.maximum(model.std, 1e-9)[:, None]
    normal = np.maximum(np.diff(ndtr(edges / spread), axis=2), 2.0**-24)
    assert n_bytes < 0.97 * -np.log2(normal).sum() / 8
    counts = [np.unique(column, return_counts=True)[1] for column in symbols.T]
    entropy = -sum((c * np.log2(c / len(codes))).sum() for c in counts) / 8
    assert n_bytes < 1.03 * entropy


def test_other_bytes_of_a_payload_are_refused(codes, model):
    symbols = model.quantize(codes[:100], 6)
    payload = encode_symbols(symbols, model, 6)
    with pytest.raises(ValueError, match="do not match their check mark"):
        decode_symbols(payload, 99, model, 6)
    with pytest.raises(ValueError, match="do not match their check mark"):
        decode_symbols(payload + payload, 100, model, 6)
    with pytest.raises(ValueError, match="no codes have such bytes"):
        decode_symbols(b"\xff" * 400, 100, model, 6)
    with pytest.raises(ValueError, match="7 bytes cannot hold 1 rows"):
        decode_symbols(b"\xff" * 7, 1, model, 6)


def test_noise_is_refused(model):
    rng = np.random.default_rng(0)
    for _ in range(300):
        payload = rng.bytes(4 * rng.integers(30))
        with pytest.raises(ValueError, match="contradicts itself"):
            decode_symbols(payload, int(rng.integers(1, 99)), model, 6)


def test_claims_of_many_rows_cost_no_memory(model):
    with pytest.raises(ValueError, match=r"4 bytes cannot hold 1099511627776 rows"):
        decode_symbols(bytes(4), 2**40, model, 6)


def test_without_constriction(codes, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[compression\]"'):
        encode_symbols(model.quantize(codes, 6), model, 6)
