"""The bytes of compressed codes: a header, a payload, and a checksum of both."""

import io
import struct
import zlib
from typing import NamedTuple

import numpy as np

from ._codec import MOST_BITS, contradiction

MAGIC, VERSION = b"SKAE", 1
FIXED = struct.Struct("<5B8s")
CHECKSUM = struct.Struct("<I")

# Pixels that images may have come in. Tables have none, nor have other types a name.
PIXELS = (
    "",
    "bool",
    *(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)),
    *(f"float{size}" for size in (16, 32, 64)),
)


class Header(NamedTuple):
    """What is said of codes in front of them.

    Attributes
    ----------
    bits : int
    dtype : str
        Of the codes, "float32" or "float64".
    ndim : int
        Axes of the array that was compressed.
    pixels : str
        Its dtype, one of ``PIXELS``.
    fingerprint : bytes
        8 bytes that tell the model from others.
    n_rows, n_components : int
    row_shape : tuple of int
        Shape of a row, as the model sees it.
    """

    bits: int
    dtype: str
    ndim: int
    pixels: str
    fingerprint: bytes
    n_rows: int
    n_components: int
    row_shape: tuple


def pack(header, payload):
    """Return a header and a payload as bytes, with their checksum at the end.

    The layout: ``SKAE``; a byte each for version, bits, bytes of a code's float, axes
    and pixels; 8 bytes of fingerprint; numbers of rows, of components, of axes of a row
    and of entries along each, and of bytes of payload; the payload; CRC-32 of all that,
    little-endian. Numbers take 7 bits a byte, lowest first, the top bit saying that
    there are more.

    Parameters
    ----------
    header : Header
    payload : bytes

    Returns
    -------
    data : bytes
    """
    size, pixels = np.dtype(header.dtype).itemsize, PIXELS.index(header.pixels)
    counts = (header.n_rows, header.n_components, len(header.row_shape))
    data = b"".join(
        [
            MAGIC,
            FIXED.pack(
                VERSION, header.bits, size, header.ndim, pixels, header.fingerprint
            ),
            *map(_as_bytes, (*counts, *header.row_shape, len(payload))),
            payload,
        ]
    )
    return data + CHECKSUM.pack(zlib.crc32(data))


def unpack(data):
    """Return the header and the payload that :func:`pack` was given.

    Parameters
    ----------
    data : bytes-like

    Returns
    -------
    header : Header
    payload : bytes

    Raises
    ------
    TypeError
        If ``data`` are no bytes.
    ValueError
        If they are not those that :func:`pack` returned, to the last bit.
    """
    data = _check_start(data)
    stream = io.BytesIO(data)
    stream.seek(len(MAGIC))
    _, bits, size, ndim, pixels, fingerprint = FIXED.unpack(_take(stream, FIXED.size))
    n_rows, n_components = _take_count(stream), _take_count(stream)
    # No row has more axes; a damaged number of them must not be believed.
    n_axes = min(_take_count(stream), 8)
    row_shape = tuple(_take_count(stream) for _ in range(n_axes))
    n_bytes = _take_count(stream)
    start = stream.tell()
    _check_end(data, start + n_bytes + CHECKSUM.size)
    is_written = size in (4, 8) and pixels < len(PIXELS) and 2 <= ndim <= 4
    if not (is_written and 1 <= bits <= MOST_BITS and n_rows):
        raise contradiction("its header is none that compress writes")
    header = Header(
        bits=bits,
        dtype=f"float{8 * size}",
        ndim=ndim,
        pixels=PIXELS[pixels],
        fingerprint=fingerprint,
        n_rows=n_rows,
        n_components=n_components,
        row_shape=row_shape,
    )
    return header, data[start : start + n_bytes]


def _damage(what):
    return ValueError(
        f"data is damaged: {what}. Give decompress what compress returned, unchanged; "
        "read and write it as a binary file."
    )


def _check_start(data):
    """Return data as bytes if they begin as the format does."""
    try:
        data = bytes(memoryview(data))
    except TypeError as error:
        raise TypeError(
            f"data is of type {type(data).__name__}, and decompress takes bytes, as "
            "compress returns them."
        ) from error
    if not data.startswith(MAGIC):
        raise ValueError(
            f"data begins with {data[: len(MAGIC)]!r} and not with {MAGIC!r}: it is "
            "damaged, or not what compress makes. Give decompress what compress "
            "returned."
        )
    if data[len(MAGIC) : len(MAGIC) + 1] not in (b"", bytes([VERSION])):
        raise ValueError(
            f"data is of version {data[len(MAGIC)]} of the format, and this release "
            f"reads version {VERSION}: it is damaged, or from a later release. Update "
            "sklearn-ae, or get an intact copy of data."
        )
    return data


def _check_end(data, expected):
    """Refuse data of another length than its header says, or of other content."""
    if len(data) < expected:
        raise _damage(f"it has {len(data)} bytes of {expected}")
    if len(data) > expected:
        raise _damage(f"it has {len(data) - expected} bytes after its end")
    body, checksum = data[: -CHECKSUM.size], data[-CHECKSUM.size :]
    if CHECKSUM.unpack(checksum) != (zlib.crc32(body),):
        raise _damage("its checksum is another")


def _take(stream, size):
    part = stream.read(size)
    if len(part) < size:
        raise _damage("it ends within its header")
    return part


def _as_bytes(count):
    """Return a count in as few bytes as it needs."""
    parts = []
    while count > 127:
        parts.append(count % 128 + 128)
        count //= 128
    return bytes([*parts, count])


def _take_count(stream):
    """Read a count that :func:`_as_bytes` wrote."""
    count = 0
    # Nine bytes hold any size there is; more are damage, which the checksum tells.
    for position in range(9):
        (part,) = _take(stream, 1)
        count += (part % 128) * 128**position
        if part < 128:
            break
    return count
