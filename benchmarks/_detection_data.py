"""Labelled tables of ADBench, as the parts of ``detection.py`` read them."""

from typing import NamedTuple

import _data
import numpy as np
from sklearn.preprocessing import StandardScaler

# Rows of a table, at most.
MAX_ROWS = 10_000

# A trial of the code: few rows, nothing to conclude.
QUICK_ROWS = 300


class Labelled(NamedTuple):
    """A table with labels; 1 is an outlier."""

    name: str
    X: np.ndarray
    y: np.ndarray


def find_labelled(options):
    """Yield the tables of ADBench, or those that ``--tables`` names, all their rows."""
    for table in _data.find_tables(options.data):
        if table.path is None or table.path.parent.name != "adbench":
            continue
        if options.tables and table.name not in options.tables:
            continue
        with np.load(table.path) as file:
            X, y = file["X"].astype(np.float64), file["y"].astype(int)
        yield Labelled(table.name, X, y)


def at_most(table, options, seed):
    """Return a table with the rows that count, drawn by a seed."""
    most = QUICK_ROWS if options.quick else MAX_ROWS
    if len(table.X) <= most:
        return table
    chosen = np.random.default_rng(seed).choice(len(table.X), most, replace=False)
    return table._replace(X=table.X[chosen], y=table.y[chosen])


def halves_of_normal_rows(table, seed):
    """Return two random halves of the normal rows, in units of the first."""
    normal = table.X[table.y == 0]
    normal = normal[np.random.default_rng(seed).permutation(len(normal))]
    fitting, new = np.array_split(normal, 2)
    scaler = StandardScaler().fit(fitting)
    return scaler.transform(fitting), scaler.transform(new)
