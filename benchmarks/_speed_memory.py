"""Memory and time of a fit to rows on disk that are more than it may hold."""

import tempfile
import warnings
from pathlib import Path

import _report
import numpy as np
from _data import make_table
from _memory import at_peak, in_child
from _timing import seconds_of
from _variants import Part, judge, section
from sklearn.exceptions import ConvergenceWarning

from sklearn_ae import Autoencoder

N_ROWS, QUICK_ROWS, N_FEATURES, PIECES, K = 10_000_000, 100_000, 30, 10, 6

# Gigabytes of memory that no file lies behind, in the whole process.
GIGABYTES = 1.0

HEADER = ("epochs", "seconds of fit", "GB at most")


def run(options):
    """Fit to a memory-mapped file in a process of its own, for one epoch and none."""
    n_rows = QUICK_ROWS if options.quick else N_ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write_rows(path, n_rows)
        found = [in_child("_speed_memory", "fit", str(path), n) for n in (0, 1)]
    bounds = []
    judge(bounds, _report.at_most("gigabytes of a fit", found[1][1], GIGABYTES))
    rows = [
        (n_epochs, f"{seconds:.1f}", f"{memory:.2f}")
        for n_epochs, (seconds, memory) in enumerate(found)
    ]
    text = (
        f"`Autoencoder({K})` of {n_rows:,} float32 rows of {N_FEATURES} columns in a "
        f"memory-mapped file of {4e-9 * n_rows * N_FEATURES:.1f} GB. Memory is that "
        "of the whole process that no file lies behind (RssAnon), libraries and all; "
        "one epoch takes the seconds that the second line has more."
    )
    return Part(bounds, [section("Rows on disk", text, HEADER, rows)])


def write_rows(path, n_rows):
    """Write a table, piece by piece."""
    rows = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(n_rows, N_FEATURES)
    )
    for seed, piece in enumerate(np.array_split(rows, PIECES)):
        piece[:] = make_table(len(piece), N_FEATURES, seed)


def fit(path, n_epochs):
    """Return the seconds and the gigabytes of a fit."""
    X = np.load(path, mmap_mode="r")
    model = Autoencoder(K, max_epochs=n_epochs, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        (seconds, _), peak = at_peak(lambda: seconds_of(lambda: model.fit(X)))
    return seconds, peak / 1e9
