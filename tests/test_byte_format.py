"""The format around compressed codes."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest

from sklearn_ae._byte_format import MAGIC, Header, pack, unpack
from sklearn_ae._codec import CodeModel, decode_symbols, encode_symbols

N_CORRUPTIONS = 1000


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


def header_of(**changes):
    return Header(
        **{
            "bits": 6,
            "dtype": "float32",
            "ndim": 3,
            "pixels": "uint8",
            "fingerprint": b"12345678",
            "n_rows": 300,
            "n_components": 5,
            "row_shape": (28, 28, 1),
            **changes,
        }
    )


@pytest.fixture(scope="module")
def data(codes, model):
    symbols = model.quantize(codes[:300], 6)
    return pack(header_of(), encode_symbols(symbols, model, 6))


def sealed(body):
    """A forgery: other bytes with a checksum that is right."""
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bits": 1, "dtype": "float64", "ndim": 2, "pixels": ""},
        {"bits": 16, "n_rows": 1, "n_components": 1, "row_shape": (1,)},
        {"n_rows": 2**40, "n_components": 2**17, "row_shape": (2**20, 127, 128)},
    ],
)
@pytest.mark.parametrize("payload", [b"", b"abcd", bytes(1000)])
def test_headers_come_back(changes, payload):
    header = header_of(**changes)
    assert unpack(pack(header, payload)) == (header, payload)


def test_headers_are_small():
    assert len(pack(header_of(), b"")) <= 32


@pytest.mark.parametrize(
    "kind", [bytearray, memoryview, lambda d: np.frombuffer(d, "u1")]
)
def test_any_bytes_will_do(data, kind):
    assert unpack(kind(data)) == unpack(data)


@pytest.mark.parametrize("wrong", ["text", None, 5, [1, 2]])
def test_what_is_no_bytes(wrong):
    message = f"data is of type {type(wrong).__name__}, and decompress takes bytes"
    with pytest.raises(TypeError, match=message):
        unpack(wrong)


def corrupt(data, rng):
    """Return bytes that differ from ``data``: flipped, cut, extended or swapped."""
    other = bytearray(data)
    here, there = (int(place) for place in rng.integers(len(data), size=2))
    match rng.integers(5):
        case 0:
            other[here] ^= 1 << int(rng.integers(8))
        case 1:
            del other[here:]
        case 2:
            other[here:here] = rng.bytes(int(rng.integers(1, 5)))
        case 3:
            other[here], other[there] = other[there], other[here]
        case 4:
            del other[here : here + int(rng.integers(1, 5))]
    return bytes(other)


def test_corruptions_are_noticed(data):
    rng = np.random.default_rng(0)
    n_corrupted = 0
    while n_corrupted < N_CORRUPTIONS:
        other = corrupt(data, rng)
        if other == data:
            continue
        n_corrupted += 1
        with pytest.raises(ValueError, match=r"^data (is|begins) "):
            unpack(other)


def test_forgeries_raise_nothing_but_value_errors(data, model):
    """Other bytes whose checksum is right; some of them make sense."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        other = corrupt(data[:-4], rng)
        if other == data[:-4] or not other.startswith(MAGIC):
            continue
        with suppress(ValueError):
            header, payload = unpack(sealed(other))
            decode_symbols(payload, header.n_rows, model, header.bits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: b"", "begins with b'' and not with b'SKAE': it is damaged, or not"),
        (lambda d: b"PK\3\4" + d[4:], r"begins with b'PK\\x03\\x04' and not with"),
        (lambda d: d[:4], "is damaged: it ends within its header"),
        (lambda d: d[:20], "is damaged: it ends within its header"),
        (lambda d: d[:4] + b"\2" + d[5:], "is of version 2 of the format, and this"),
        (lambda d: d[:-1], "is damaged: it has {short} bytes of {n}"),
        (lambda d: d + b"...", "is damaged: it has 3 bytes after its end"),
        (lambda d: d[:-9] + b"?" + d[-8:], "is damaged: its checksum is another"),
        (lambda d: sealed(d[:5] + b"\0" + d[6:-4]), "its header is none that compress"),
        (lambda d: sealed(d[:5] + b"\x11" + d[6:-4]), "its header is none that"),
        (lambda d: sealed(d[:6] + b"\5" + d[7:-4]), "its header is none that compress"),
        (lambda d: sealed(d[:7] + b"\1" + d[8:-4]), "its header is none that compress"),
        (lambda d: sealed(d[:8] + b"\x63" + d[9:-4]), "its header is none that"),
    ],
)
def test_errors_say_what_is_wrong_and_what_to_do(data, change, message):
    message = message.format(short=len(data) - 1, n=len(data))
    with pytest.raises(ValueError, match=f"^data .*{message}") as raised:
        unpack(change(data))
    advice = ("Give decompress what compress returned", "Update sklearn-ae, or get")
    assert any(part in str(raised.value) for part in advice)


def test_counts_without_end_are_damage(data):
    with pytest.raises(ValueError, match="data is damaged"):
        unpack(data[:17] + b"\xff" * 60)
