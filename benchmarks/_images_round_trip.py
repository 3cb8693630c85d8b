"""Compressed images come back to the last bit, and damaged ones are refused."""

import pickle
from collections import Counter

import _report
import numpy as np
from _images_compression import is_installed
from _images_data import NO_MNIST, load_mnist
from _timing import seconds_of
from _variants import Part, fit, judge, max_rows, note, section

from sklearn_ae import ConvolutionalAutoencoder

# What comes back does not hang on how good the model is.
N_TRAIN, N_TEST, N_EPOCHS, K = 5000, 2000, 2, 32

DTYPES = ("float32", "float64", "uint8")
BITS, DAMAGED_BITS = (2, 6, 12), 6
N_DAMAGED = 1000

# Images in a damaged file: next to one the header is most of it.
FILE_SIZES = (1, 10, 100)


def run(options):
    """Check both claims with one model."""
    if not is_installed("constriction"):
        return Part([], ["Left out: constriction is not installed."])
    images = load_mnist(options, max_rows(options, N_TRAIN))
    if images is None:
        return Part([], [NO_MNIST])
    train, test = (np.rint(255 * part) for part in images)
    test = test[:N_TEST]
    model = ConvolutionalAutoencoder(K, max_epochs=N_EPOCHS, random_state=0)
    fit(model, train, options)
    bounds = []
    sections = [_come_back(model, test, bounds), _refuse(model, test, bounds, options)]
    return Part(bounds, sections)


# -- what comes back

LAYOUTS = {
    "images": lambda X: X,
    "with a channel": lambda X: X[..., None],
    "rows": lambda X: X.reshape(len(X), -1),
}


def _come_back(model, test, bounds):
    """Compare what is decompressed with the reconstruction from rounded codes."""
    rows, n_unlike = [], 0
    copy = pickle.loads(pickle.dumps(model))
    for dtype in DTYPES:
        for layout, arrange in LAYOUTS.items():
            X = arrange(test.astype(dtype))
            unlike, sizes = [], []
            for bits in BITS:
                data = model.compress(X, bits=bits)
                expected = model.inverse_transform(model.quantize(X, bits=bits))
                got = copy.decompress(data)
                unlike.append(count_unlike(got, expected.reshape(X.shape)))
                sizes.append(f"{len(data) / len(X):.1f}")
            rows.append((dtype, layout, got.dtype, ", ".join(sizes), *unlike))
            note(*rows[-1])
            n_unlike += sum(unlike)
    n_unlike += _rounded(model, test, rows)
    claim = "images that differ from the reconstruction of rounded codes"
    judge(bounds, _report.at_most(claim, n_unlike, 0))
    text = (
        f"{len(test)} test images of MNIST, pixels from 0 to 255, by types and layouts:"
        " how many differ in any bit between `decompress(compress(X))`, decompressed by"
        " a pickle's copy of the model, and `inverse_transform(quantize(X))`. With "
        "`round_pixels` against that rounded to whole pixels. The model is a "
        f"`ConvolutionalAutoencoder({K})`, fitted to images for {N_EPOCHS} epochs."
    )
    header = (
        *("dtype", "layout", "returned", f"bytes per image at {_listed(BITS)} bits"),
        *(f"differ, {bits} bits" for bits in BITS),
    )
    return section("What comes back", text, header, rows)


def _rounded(model, test, rows):
    """Return the number of images that differ where integers come back."""
    X, unlike, sizes = test.astype(np.uint8), [], []
    rounding = pickle.loads(pickle.dumps(model)).set_params(round_pixels=True)
    for bits in BITS:
        expected = model.inverse_transform(model.quantize(X, bits=bits))
        expected = np.clip(np.rint(expected), 0, 255).astype(np.uint8)
        data = rounding.compress(X, bits=bits)
        got = rounding.decompress(data)
        unlike.append(count_unlike(got, expected))
        sizes.append(f"{len(data) / len(X):.1f}")
    layout = "images, round_pixels"
    rows.append(("uint8", layout, got.dtype, ", ".join(sizes), *unlike))
    note(*rows[-1])
    return sum(unlike)


def count_unlike(got, expected):
    """Return the number of images that differ in any bit; all if they are unlike."""
    if (got.shape, got.dtype) != (expected.shape, expected.dtype):
        return len(expected)
    cells = np.ascontiguousarray(got) != np.ascontiguousarray(expected)
    return int(cells.reshape(len(cells), -1).any(axis=1).sum())


def _listed(values):
    return ", ".join(map(str, values))


# -- what is refused


def change_bytes(data, rng):
    """Change up to eight bytes."""
    data = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= int(rng.integers(1, 256))
    return bytes(data)


def flip_bit(data, rng):
    """Flip one bit."""
    data = bytearray(data)
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def truncate(data, rng):
    """Leave out the end."""
    return data[: rng.integers(len(data))]


def insert(data, rng):
    """Insert up to eight random bytes."""
    place = rng.integers(len(data) + 1)
    return data[:place] + rng.bytes(rng.integers(1, 9)) + data[place:]


def delete(data, rng):
    """Leave out up to eight bytes."""
    place = rng.integers(len(data))
    return data[:place] + data[place + rng.integers(1, 9) :]


def swap(data, rng):
    """Exchange two bytes."""
    data = bytearray(data)
    one, other = rng.integers(len(data), size=2)
    data[one], data[other] = data[other], data[one]
    return bytes(data)


def put_zeros(data, rng):
    """Put a run of up to 64 bytes to zero."""
    data = bytearray(data)
    place, length = rng.integers(len(data)), rng.integers(1, 65)
    run = data[place : place + length]
    data[place : place + length] = bytes(len(run))
    return bytes(data)


DAMAGES = {
    "bytes changed": change_bytes,
    "bit flipped": flip_bit,
    "truncated": truncate,
    "bytes inserted": insert,
    "bytes left out": delete,
    "bytes swapped": swap,
    "run of zeros": put_zeros,
}

REFUSED, ACCEPTED = "ValueError", "accepted"


def _refuse(model, test, bounds, options):
    """Count what becomes of damaged files."""
    rng = np.random.default_rng(0)
    files = [model.compress(test[:size], bits=DAMAGED_BITS) for size in FILE_SIZES]
    counts, slowest = {name: Counter() for name in DAMAGES}, 0.0
    names = list(DAMAGES)
    for i in range(max_rows(options, N_DAMAGED)):
        name, data = names[i % len(names)], files[rng.integers(len(files))]
        damaged = data
        while damaged == data:  # a byte may be swapped with its like
            damaged = DAMAGES[name](data, rng)
        seconds, outcome = seconds_of(lambda d=damaged: _outcome(model, d))
        counts[name][outcome] += 1
        slowest = max(slowest, seconds)
    rows = []
    for name, outcomes in counts.items():
        others = [f"{kind}: {n}" for kind, n in outcomes.items() if kind != REFUSED]
        line = (name, outcomes.total(), outcomes[REFUSED], ", ".join(others))
        rows.append(line)
        note(*line)
    n_others = sum(n_all - n_refused for _, n_all, n_refused, _ in rows)
    claim = "damaged files that do not end in a ValueError"
    judge(bounds, _report.at_most(claim, n_others, 0))
    text = (
        f"{sum(line[1] for line in rows)} files damaged at random, of "
        f"{_listed(FILE_SIZES)} images ({_listed(map(len, files))} bytes); each differs"
        f" from what it was. The slowest answer took {slowest:.3f} s."
    )
    header = ("damage", "files", REFUSED, "anything else")
    return section("What is refused", text, header, rows)


def _outcome(model, data):
    try:
        model.decompress(data)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of compiled code is no Exception
        return type(error).__name__
    return ACCEPTED
