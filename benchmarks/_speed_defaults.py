"""Seconds until the best of the others with other layers and rates than the defaults.

On tables that the part ``quality`` does not take, so that its bound is judged on others
than those on which defaults were chosen.
"""

from functools import partial

import _data
import _peers
import numpy as np
from _speed_quality import (
    EPOCHS,
    MLP,
    PYOD,
    QUICK_EPOCHS,
    ROWS,
    code_size,
    least_ratio,
    pick_tables,
)
from _speed_trajectories import watch_mlp, watch_ours, watch_pyod
from _variants import QUICK_ROWS, Part, max_rows, note, quiet, section, split_rows
from threadpoolctl import threadpool_limits

from sklearn_ae.training import cpu_threads

MAX_ROWS, MAX_COLUMNS = 8000, 100

WIDE, NARROW = {"hidden_layer_sizes": (256, 128)}, {"hidden_layer_sizes": (128, 64)}
VARIANTS = {
    "as it is": {},
    "layers 256, 128": WIDE,
    "layers 128, 64": NARROW,
    "layers 96, 48": {"hidden_layer_sizes": (96, 48)},
    "rate 0.003": {"learning_rate": 0.003},
    "rate 0.008": {"learning_rate": 0.008},
    "layers 256, 128, rate 0.003": {**WIDE, "learning_rate": 0.003},
    "batches of 128": {"batch_size": 128},
}

TEXT = """\
As in the part "quality", but on the tables of ADBench that it leaves out: all others
with at least {least:,} rows, of which {most:,} at most are taken, and {columns} columns
at most. Geometric means over narrow tables, of up to 32 columns, and over wide ones:
how much faster ours is to the best of the rival that it leads least, what is left of
the variance of the held-out rows at the end, and the seconds of a whole fit, each run
once. A table on which a rival's best is never reached counts as 0.1 times as fast."""

HEADER = ("defaults", "tables", "faster by", "1 - R²", "s whole")
NEVER = 0.1


def run(options):
    """Watch fits with each variant of the defaults; there is no bound."""
    taken = {table.name for table in pick_tables(options)}
    results = {}
    for table in _data.find_tables(options.data):
        if table.path and table.name not in taken and _fits(table.read().shape):
            _compare(table, options, results)
            if options.quick:
                break
    lines = [
        (name, f"{kind} ({len(cells)})", *_means(cells))
        for (kind, name), cells in sorted(results.items(), key=lambda item: item[0][0])
    ]
    text = TEXT.format(least=ROWS[0], most=MAX_ROWS, columns=MAX_COLUMNS)
    return Part([], [section("Other defaults", text, HEADER, lines)])


def _fits(shape):
    return shape[0] >= ROWS[0] and shape[1] <= MAX_COLUMNS


def _compare(table, options, results):
    """Add what all variants come to on a table."""
    X = table.read()
    rows = QUICK_ROWS if options.quick else MAX_ROWS
    X = _data.subsample(X, min(rows, max_rows(options, len(X))), seed=0)
    rows = [part.astype(np.float32) for part in split_rows(X, 0, 0.2)]
    rivals = _watch_rivals(*rows, options.quick)
    kind = "narrow" if rows[0].shape[1] <= 32 else "wide"
    for name, changes in VARIANTS.items():
        with quiet():
            ours = watch_ours(*rows, code_size(rows[0]), **changes)
        cells = max(least_ratio(ours, rivals), NEVER), 1 - ours.final, ours.whole
        results.setdefault((kind, name), []).append(cells)
        note(table.name, name, *(f"{cell:.3f}" for cell in cells))


def _watch_rivals(train, test, quick):
    """Return the rivals' trajectories by name."""
    k = code_size(train)
    epochs = dict.fromkeys(EPOCHS, QUICK_EPOCHS) if quick else EPOCHS
    ways = {MLP: partial(watch_mlp, train, test, k, epochs[MLP])}
    if not _peers.pyod_missing():
        ways[PYOD] = partial(watch_pyod, train, test, k, epochs[PYOD])
    with cpu_threads(1), threadpool_limits(1, user_api="blas"):
        return {name: way() for name, way in ways.items()}


def _means(cells):
    faster, left, seconds = np.exp(np.log(cells).mean(axis=0))
    return f"{faster:.1f}", f"{left:.4f}", f"{seconds:.2f}"
