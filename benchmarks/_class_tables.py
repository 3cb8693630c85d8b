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
from sklearn import datasets

COLLECTION = "classes"

# Normal rows for each outlier, at the least.
NORMAL_PER_OUTLIER = 9

# Rows of the larger sources.
MNIST_ROWS, CENSUS_ROWS = 4000, 6000


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
    for make in (_penguins, _census, _mnist):
        tables += make(data)
    return tables


def _each_class(name, X, y):
    """Return a table for each class: it is the outliers."""
    return [ClassTable(f"{name}, not {label}", X, y == label) for label in np.unique(y)]


def _single(name, X, y, labels):
    """Return a table for each label: it alone is normal."""
    return [ClassTable(f"{name}, only {label}", X, y != label) for label in labels]


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
