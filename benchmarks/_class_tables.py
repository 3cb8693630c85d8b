"""Tables of classes, of which one is made the outliers, or the only normal one.

They lie beside those of ADBench, so that a default need not be chosen on a few of these
alone. Scikit-learn's digits and breast cancer are none of them: optdigits and WPBC, of
the half that confirms, are of the same sources.
"""

from typing import NamedTuple

import _data
import numpy as np
import pandas as pd
from _adbench_tables import HALVES, SAMPLE_SEED, sample
from _sequences_data import read_ts
from sklearn import datasets

# Tables of few columns are apart: where neighbours are near, other things count.
COLLECTION, NARROW = "classes", "narrow"

# Normal rows for each outlier, at the least.
NORMAL_PER_OUTLIER = 9

# Rows of the larger sources.
MNIST_ROWS, CENSUS_ROWS, NARROW_ROWS = 4000, 6000, 6000

# Photographs whose colours are normal, and others whose colours are not.
PHOTOGRAPHS = ((1, 2), (3, 4), (5, 6), (2, 1))


class ClassTable(NamedTuple):
    """Rows of which those of one class are outliers, or those of all others."""

    name: str
    X: np.ndarray
    is_outlier: np.ndarray
    collection: str = COLLECTION
    half: str = HALVES[0]

    def read(self, max_rows):
        """Return at most so many rows, and which are outliers: a tenth or fewer."""
        rng = np.random.default_rng(SAMPLE_SEED)
        outliers = rng.permutation(np.flatnonzero(self.is_outlier))
        normal = np.flatnonzero(~self.is_outlier)
        n_outliers = max(3, len(normal) // NORMAL_PER_OUTLIER)
        kept = np.sort(np.concatenate([normal, outliers[:n_outliers]]))
        kept = kept[sample(self.is_outlier[kept], max_rows)]
        return self.X[kept].astype(np.float64), self.is_outlier[kept]


def find_class_tables(data):
    """Return the tables that scikit-learn's sets and a directory of data make."""
    tables = []
    for name, loader in {
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
    }.items():
        tables += _each_class(name, *loader(return_X_y=True))
    for make in (_penguins, _census, _mnist, _speakers, _motions, _colours):
        tables += make(data)
    return tables


def _each_class(name, X, y, labels=None, collection=COLLECTION):
    """Return a table for each class, or for some: it is the outliers."""
    return [
        ClassTable(f"{name}, not {label}", X, y == label, collection)
        for label in (np.unique(y) if labels is None else labels)
    ]


def _single(name, X, y, labels, collection=COLLECTION):
    """Return a table for each label: it alone is normal."""
    return [
        ClassTable(f"{name}, only {label}", X, y != label, collection)
        for label in labels
    ]


def _penguins(data):
    path = data / "mixed" / "seaborn_penguins.csv"
    if not path.exists():
        return []
    frame = pd.read_csv(path).dropna()
    X = frame.select_dtypes("number").to_numpy()
    return _each_class("penguins", X, frame["species"].to_numpy(dtype=str))


def _census(data):
    path = data / "mixed" / "adult-train.csv.gz"
    if not path.exists():
        return []
    frame = pd.read_csv(path, header=None, nrows=CENSUS_ROWS, skipinitialspace=True)
    is_rich = frame.iloc[:, -1].str.startswith(">50K").to_numpy()
    X = frame.select_dtypes("number").to_numpy()
    return [ClassTable("census, not rich", X, is_rich)]


def _mnist(data):
    path = _data.mnist_path(data)
    if not path.exists():
        return []
    with np.load(path) as file:
        images, y = file["X_train"], file["y_train"]
    some = np.random.default_rng(SAMPLE_SEED).permutation(len(y))[:MNIST_ROWS]
    pixels = images[some].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    X, y = pixels.reshape(len(some), -1), y[some]
    every_third = [ClassTable(f"mnist, not {c}", X, y == c) for c in range(0, 10, 3)]
    return every_third + _single("mnist", X, y, range(1, 10, 3))


# -- of few columns


def _speakers(data):
    """Frames of speech, 12 numbers each, of nine speakers."""
    frames = _frames(data, "JapaneseVowels")
    if frames is None:
        return []
    labels = np.unique(frames[1])
    tables = _each_class("frames", *frames, labels[::3], NARROW)
    return tables + _single("frames", *frames, labels[1::4], NARROW)


def _motions(data):
    """Six sensors at a wrist, at four kinds of motion."""
    frames = _frames(data, "BasicMotions")
    if frames is None:
        return []
    return _each_class("motions", *frames, collection=NARROW)


def _frames(data, name):
    """Return the steps of labelled series, and the labels of their series."""
    paths = sorted((data / "series" / name).glob("*.ts.gz"), reverse=True)
    if not paths:
        return None
    rows, labels = [], []
    for path in paths:
        sequences, of_sequences = read_ts(path)
        rows += sequences
        labels += [
            np.repeat(y, len(x)) for x, y in zip(sequences, of_sequences, strict=True)
        ]
    return np.concatenate(rows), np.concatenate(labels)


def _colours(data):
    """Pixels of one photograph, and some of another."""
    paths = [data / "images" / "kodak" / f"{i:02d}.png" for i in range(1, 7)]
    if not all(path.exists() for path in paths):
        return []
    tables = []
    for normal, other in PHOTOGRAPHS:
        parts = [_pixels(paths[i - 1], i) for i in (normal, other)]
        is_outlier = np.repeat([False, True], [len(part) for part in parts])
        name = f"colours of {normal}, not {other}"
        tables.append(ClassTable(name, np.concatenate(parts), is_outlier, NARROW))
    return tables


def _pixels(path, seed):
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=float).reshape(-1, 3)
    return pixels[np.random.default_rng(seed).permutation(len(pixels))[:NARROW_ROWS]]
