"""Labelled tables: where they lie, which of their rows are fitted and which scored."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import StandardScaler

# Folders of the data that hold such tables; files beside them count too.
COLLECTIONS = ("adbench", "mvtec")

# How rows are divided. Those that begin with "raw" leave columns as they are.
SETTINGS = ("contaminated", "clean", "raw-contaminated", "raw-clean")
RAW = "raw-"

HALVES = ("choosing", "confirming")

# Which rows of a large table take part is the same for every seed.
SAMPLE_SEED = 0


class LabelledTable(NamedTuple):
    """A table with labels; ``place`` counts the files of its folder from 1."""

    collection: str
    name: str
    path: Path
    place: int

    @property
    def half(self):
        """The half of the collection: even places are the choosing one."""
        return HALVES[self.place % 2]

    def read(self, max_rows):
        """Return at most so many rows as float64, and which of them are anomalies."""
        with np.load(self.path) as file:
            X, y = file["X"], file["y"]
        is_anomaly = np.ravel(y) == 1
        kept = sample(is_anomaly, max_rows)
        X = X.reshape(len(X), -1)[kept].astype(np.float64)
        return X, is_anomaly[kept]


class Rows(NamedTuple):
    """What a detector sees, and the truth about the rows it has to score.

    Attributes
    ----------
    train : ndarray of shape (n, d)
    test : ndarray of shape (m, d) or None
        None where the training rows are scored.
    is_anomaly : ndarray of bool, of the scored rows
    """

    train: np.ndarray
    test: np.ndarray | None
    is_anomaly: np.ndarray


def find_labelled(data):
    """Return the tables of a directory: its own files, and those of its collections.

    Files are ``.npz`` with the keys ``X`` and ``y``, and come in the plain order of
    their names.
    """
    folders = [data.resolve(), *(data / name for name in COLLECTIONS)]
    return [table for folder in folders for table in _tables_of(folder)]


def _tables_of(folder):
    paths = [path for path in folder.glob("*.npz") if _is_labelled(path)]
    paths.sort(key=lambda path: path.name)
    return [
        LabelledTable(folder.name, path.stem, path, place)
        for place, path in enumerate(paths, 1)
    ]


def _is_labelled(path):
    with np.load(path) as file:
        return {"X", "y"} <= set(file.files)


def why_unsuited(X, is_anomaly):
    """Return why a table cannot be scored, or None."""
    if not np.isfinite(X).all():
        return "it has missing or infinite values"
    if not is_anomaly.any() or (~is_anomaly).sum() < 3:
        return "it has no anomaly, or fewer than three normal rows"
    return None


def sample(is_anomaly, max_rows):
    """Return the positions of at most so many rows, with the anomalies' share kept."""
    n_rows = len(is_anomaly)
    if n_rows <= max_rows:
        return np.arange(n_rows)
    rng = np.random.default_rng(SAMPLE_SEED)
    # A rare label must not be rounded away.
    n_anomalies = int(is_anomaly.any())
    n_anomalies = max(n_anomalies, round(max_rows * is_anomaly.mean()))
    kept = [
        rng.choice(np.flatnonzero(is_anomaly == label), size, replace=False)
        for label, size in ((False, max_rows - n_anomalies), (True, n_anomalies))
    ]
    return np.sort(np.concatenate(kept))


def divide(X, is_anomaly, setting, seed):
    """Return the rows of a setting, scaled by the training rows unless it is raw."""
    train, test, is_anomaly = _split(X, is_anomaly, setting.removeprefix(RAW), seed)
    if not setting.startswith(RAW):
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), _transform(scaler, test)
    return Rows(train, test, is_anomaly)


def _split(X, is_anomaly, setting, seed):
    if setting == "contaminated":
        return X, None, is_anomaly
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~is_anomaly))
    fitted = normal[: len(normal) // 2]
    is_scored = np.ones(len(X), dtype=bool)
    is_scored[fitted] = False
    return X[fitted], X[is_scored], is_anomaly[is_scored]


def _transform(scaler, rows):
    return None if rows is None else scaler.transform(rows)
