"""What the parts of ``sequences.py`` read."""

import csv
import gzip
import json

import numpy as np
from _variants import note

NO_SERIES = "The labelled series were not among the data."
NO_LONG_SERIES = "The long series were not among the data."
NO_MESSAGES = "The messages were not among the data."
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


def load_nab(options):
    """Return (name, steps, steps, labels) of every series with a window, or None.

    A step is an anomaly if it lies in one of the windows around it.
    """
    folder = options.data / "series" / "nab"
    if not folder.exists():
        note("NAB is left out: it is not among the data.")
        return None
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    series = []
    for path in sorted(folder.glob("real*/*.csv")):
        spans = windows[f"{path.parent.name}/{path.name}"]
        if not spans:
            continue
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        times = np.array([line["timestamp"] for line in lines], dtype="datetime64[s]")
        spans = np.array(spans, dtype="datetime64[s]")
        truth = ((times[:, None] >= spans[:, 0]) & (times[:, None] <= spans[:, 1])).any(
            axis=1
        )
        steps = np.array([[float(line["value"])] for line in lines])
        series.append((path.stem, steps, steps, truth.astype(int)))
    return series


def load_smap(options):
    """Return (name, training steps, test steps, labels) of every channel, or None."""
    path = options.data / "series" / "smap.npz"
    if not path.exists():
        note("SMAP is left out: it is not among the data.")
        return None
    with np.load(path) as file:
        names = sorted({name.split("/")[0] for name in file.files})
        return [
            (
                name,
                file[f"{name}/train"].astype(np.float64),
                file[f"{name}/test"].astype(np.float64),
                file[f"{name}/label"].astype(int),
            )
            for name in names
        ]


def load_messages(options):
    """Return SMS messages and whether each is spam, or None."""
    path = options.data / "text" / "SMSSpamCollection"
    if not path.exists():
        note("The messages are left out: they are not among the data.")
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    pairs = [(label, text) for label, text in pairs if text]
    messages = [text for _, text in pairs]
    return messages, np.array([label == "spam" for label, _ in pairs])


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
