"""Seconds until the best R² of held-out rows that PyOD or MLPRegressor ever reach.

Each of them has its own best, and the seconds until then; ours has the seconds until
that R². Their ratio counts for the rival that ours leads least, which is stricter than
to ask for the better of both bests: of these, too, the ratio is one of the two.
"""

from functools import partial

import _data
import _peers
import _report
import numpy as np
from _speed_trajectories import merged, watch_mlp, watch_ours, watch_pyod
from _variants import (
    QUICK_ROWS,
    Part,
    judge,
    max_rows,
    note,
    quiet,
    section,
    split_rows,
)
from threadpoolctl import threadpool_limits

from sklearn_ae.training import cpu_threads

FASTER = 10

TEST_SHARE = 0.2
N_TABLES = 8
ROWS, COLUMNS = (1000, 20_000), (6, 100)

OURS, PYOD, MLP = "Autoencoder", "PyOD", "MLPRegressor"
EPOCHS, QUICK_EPOCHS = {PYOD: 100, MLP: 200}, 2

# In turn: each rival's one run, which is long, stands between two of ours.
TURNS = (OURS, PYOD, OURS, MLP, OURS)

TEXT = """\
Rows are split into 80 % and 20 % and standardised by the first, in float32, for all;
codes have a quarter of the columns. The tables are digits and the first {n_tables} of
ADBench, in the order of the alphabet, of {rows[0]:,} to {rows[1]:,} rows and
{columns[0]} to {columns[1]} columns.

After each epoch the R² of the 20 % is taken while the clock stands. PyOD's AutoEncoder
[64, k] runs {pyod} epochs without dropout and without standardising once more,
MLPRegressor (64, k, 64) {mlp}, both on one thread; "best" is the highest R² that they
ever have, "s" the seconds until then. Ours is a whole fit with its defaults: the clock
starts with the call, so that all that comes before the first epoch counts. A rival's
seconds are divided by ours until the first epoch as good as its best, and the smaller
of both ratios counts. Ours are the medians of three runs before, between and after
theirs."""

HEADER = (
    *("rows", "shape", "k", "PyOD: best", "s", "MLP: best", "s"),
    *("ours: start", "final", "s until PyOD's", "s until MLP's", "faster by"),
)
PARTS_HEADER = (
    *("rows", "epochs", "s before", "s in epochs", "s after", "s whole"),
    *("PyOD: s whole", "MLP: s whole"),
)


def run(options):
    """Watch fits to each table; judge how much faster ours reaches their best."""
    small = _data.make_table(QUICK_ROWS, 8)
    watch_all(small, small, quick=True)  # loads what they need
    bounds, lines, phases, ratios, reaches = [], [], [], [], []
    for table in pick_tables(options):
        rows = rows_of(table, options)
        watched = watch_all(*rows, options.quick)
        rivals = {name: watched[name] for name in EPOCHS if name in watched}
        ours = watched[OURS]
        ratios.append(least_ratio(ours, rivals))
        reaches.append(ours.final >= max(rival.best for rival in rivals.values()))
        lines.append(line_of(table.name, rows, ours, rivals, ratios[-1]))
        phases.append(phases_of(table.name, ours, rivals))
        note(*lines[-1])
        note(*phases[-1])
    judge(bounds, _report.at_least("geometric mean", _mean(ratios), FASTER))
    claim = "share of fitted models as good as the best"
    judge(bounds, _report.at_least(claim, float(np.mean(reaches)), 1))
    text = TEXT.format(
        n_tables=N_TABLES,
        rows=ROWS,
        columns=COLUMNS,
        pyod=EPOCHS[PYOD],
        mlp=EPOCHS[MLP],
    )
    sections = [section("Until the best of the others", text, HEADER, lines)]
    text = "Of ours: before the first epoch, in epochs, after them; and whole fits."
    sections.append(section("Whole fits", text, PARTS_HEADER, phases))
    return Part(bounds, sections)


# -- rows


def pick_tables(options):
    """Return the tables by the rule, so that nobody picks, and digits."""
    tables = [table for table in _data.find_tables(options.data) if table.path]
    picked = []
    for table in sorted(tables, key=lambda table: table.name):
        if len(picked) < (1 if options.quick else N_TABLES) and _fits(table.read()):
            picked.append(table)
    return [*picked, _data.Table("digits")]


def _fits(X):
    n_rows, n_columns = X.shape
    of_size = ROWS[0] <= n_rows <= ROWS[1] and COLUMNS[0] <= n_columns <= COLUMNS[1]
    return of_size and np.isfinite(X).all()


def rows_of(table, options):
    """Return standardised training and test rows of a table, in float32."""
    X = table.read()
    X = _data.subsample(X, max_rows(options, len(X)), seed=0)
    train, test = split_rows(X, 0, TEST_SHARE)
    return train.astype(np.float32), test.astype(np.float32)


# -- fits


def watch_all(train, test, quick):
    """Return the trajectories of all models on one table, by name."""
    k = code_size(train)
    epochs = dict.fromkeys(EPOCHS, QUICK_EPOCHS) if quick else EPOCHS
    ways = {
        OURS: partial(watch_ours, train, test, k),
        MLP: partial(watch_mlp, train, test, k, epochs[MLP]),
    }
    if not _peers.pyod_missing():
        ways[PYOD] = partial(watch_pyod, train, test, k, epochs[PYOD])
    watched = {name: [] for name in ways}
    for name in TURNS:
        if name in ways:
            watched[name].append(_watch(name, ways[name]))
    return {name: merged(runs) for name, runs in watched.items()}


def _watch(name, way):
    if name == OURS:
        with quiet():
            return way()
    with cpu_threads(1), threadpool_limits(1, user_api="blas"):
        return way()


def code_size(X):
    return max(2, X.shape[1] // 4)


# -- what they say


def least_ratio(ours, rivals):
    """Return how much faster ours is to the best of the rival that it leads least.

    Zero if it never is as good.
    """
    return min(
        rival.until(rival.best) / ours.until(rival.best) for rival in rivals.values()
    )


def line_of(name, rows, ours, rivals, ratio):
    """Return the cells of one table's line."""
    train, test = rows
    cells = []
    for rival in (PYOD, MLP):
        if rival in rivals:
            best = rivals[rival].best
            cells.append((f"{best:.4f}", f"{rivals[rival].until(best):.2f}"))
        else:
            cells.append(("–", "–"))
    until = [
        _seconds(ours.until(rivals[rival].best)) if rival in rivals else "–"
        for rival in (PYOD, MLP)
    ]
    shape = f"{len(train) + len(test)} × {train.shape[1]}"
    reached = f"{ours.r2[0]:.4f}", f"{ours.final:.4f}"
    own = (*reached, *until, f"{ratio:.1f}")
    return name, shape, code_size(train), *cells[0], *cells[1], *own


def _seconds(value):
    return f"{value:.3f}" if np.isfinite(value) else "never"


def phases_of(name, ours, rivals):
    """Return the cells of one table's line about whole fits."""
    before, last = ours.seconds[0], ours.seconds[-1]
    phases = before, last - before, ours.whole - last, ours.whole
    wholes = [rivals[rival].whole if rival in rivals else np.nan for rival in EPOCHS]
    n_epochs = len(ours.seconds) - 1
    return name, n_epochs, *(f"{seconds:.2f}" for seconds in (*phases, *wholes))


def _mean(ratios):
    """Return the geometric mean; zero if one of them is."""
    return float(np.exp(np.log(ratios).mean())) if min(ratios) > 0 else 0.0
