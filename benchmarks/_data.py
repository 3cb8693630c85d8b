"""The tables that the benchmarks run on: scikit-learn's own and files on disk."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets

# Where a checkout finds the data that do not belong to the package.
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SKLEARN_SETS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}


class Table(NamedTuple):
    """A table by name; ``path`` is None for scikit-learn's own."""

    name: str
    path: Path | None = None

    def read(self):
        """Return the rows as float64; labels are ignored."""
        if self.path is None:
            return SKLEARN_SETS[self.name]().data.astype(np.float64)
        with np.load(self.path) as file:
            rows = file["X"]
        return rows.reshape(len(rows), -1).astype(np.float64)


def find_tables(data):
    """Return scikit-learn's tables and those under a directory, by name.

    Files with a key ``X`` count, directly inside the directory or in its folder
    ``adbench``.
    """
    tables = [Table(name) for name in SKLEARN_SETS]
    for folder in (data, data / "adbench"):
        paths = sorted(folder.glob("*.npz"), key=_natural_order)
        tables += [Table(path.stem, path) for path in paths if _holds_rows(path)]
    return tables


def _holds_rows(path):
    with np.load(path) as file:
        return "X" in file.files


def _natural_order(path):
    number, _, rest = path.stem.partition("_")
    return (0, int(number), rest) if number.isdecimal() else (1, 0, path.stem)


def subsample(X, max_rows, seed):
    """Return at most ``max_rows`` rows, drawn without replacement by the seed."""
    if len(X) <= max_rows:
        return X
    return X[np.random.default_rng(seed).choice(len(X), max_rows, replace=False)]


def mnist_path(data):
    """Return where MNIST lies under a directory of data."""
    return data / "images" / "mnist.npz"


def load_mnist(path):
    """Return MNIST's training and test rows, pixels between 0 and 1, as float32."""
    with np.load(path) as file:
        parts = file["X_train"], file["X_test"]
    return [part.reshape(len(part), -1).astype(np.float32) / 255 for part in parts]


def make_table(n_rows, n_features, seed=0):
    """Return rows on a curved surface with noise, standardised, as float32.

    For measurements of time, where only the shape counts.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n_rows, 5))
    bent = np.tanh(hidden @ rng.standard_normal((5, 20)))
    X = bent @ rng.standard_normal((20, n_features))
    X += 0.3 * rng.standard_normal(X.shape)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
