"""What the parts of ``sequences.py`` read."""

import gzip

import numpy as np
from _variants import note

NO_SERIES = "The labelled series were not among the data."
NO_HEARTBEATS = "ECG5000 was not among the data."

SETS = ("ItalyPowerDemand", "BasicMotions", "JapaneseVowels")


def load_labelled(options, name):
    """Return sequences for training, their labels, test sequences and theirs, or None.

    Sequences are a list of arrays of shape (n_steps, n_channels).
    """
    folder = options.data / "series" / name
    paths = [folder / f"{name}_{part}.ts.gz" for part in ("TRAIN", "TEST")]
    if not all(path.exists() for path in paths):
        note(f"{name} is left out: it is not among the data.")
        return None
    (train, of_train), (test, of_test) = map(read_ts, paths)
    return train, of_train, test, of_test


def read_ts(path):
    """Return the sequences of a file in sktime's format, and their labels.

    Channels are parted by colons, steps by commas; the label comes last.
    """
    with gzip.open(path, "rt") as file:
        lines = [line.strip() for line in file]
    start = next(i for i, line in enumerate(lines) if line.lower() == "@data")
    sequences, labels = [], []
    for line in filter(None, lines[start + 1 :]):
        *channels, label = line.split(":")
        steps = [np.array(channel.split(","), dtype=float) for channel in channels]
        sequences.append(np.stack(steps, axis=1))
        labels.append(label)
    return sequences, np.array(labels)


def load_heartbeats(options):
    """Return heartbeats and their classes, or None."""
    path = options.data / "series" / "ecg5000_ucr_train.npz"
    if not path.exists():
        note("ECG5000 is left out: it is not among the data.")
        return None
    with np.load(path) as file:
        return file["X"].astype(np.float64), file["y"]


def padded(sequences, n_steps):
    """Return sequences as rows, with zeros where a sequence has ended."""
    rows = np.zeros((len(sequences), n_steps, sequences[0].shape[1]))
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence[:n_steps]
    return rows.reshape(len(rows), -1)


def resampled(sequences, n_steps):
    """Return sequences as rows, interpolated at so many places from end to end."""
    return np.stack([resample(part, n_steps).ravel() for part in sequences])


def resample(sequence, n_steps):
    """Return a sequence interpolated at so many places from its first step to last."""
    places = np.linspace(0, len(sequence) - 1, n_steps)
    steps = np.arange(len(sequence))
    channels = [np.interp(places, steps, channel) for channel in sequence.T]
    return np.stack(channels, axis=1)
