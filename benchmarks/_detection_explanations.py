"""Whether the column that makes a row odd has the largest share of its score."""

from typing import NamedTuple

import _data
import _report
import numpy as np
from _variants import Part, fit, note, section

from sklearn_ae import OutlierAutoencoder

# The first tables of outliers on disk, in the order of the names of their files, that
# have at most so many columns: by a rule, so that nobody picks.
N_TABLES, MAX_COLUMNS = 5, 50

# Rows of a table, at most; a fifth of them is not fitted.
MAX_ROWS, NEW_SHARE = 5000, 0.2

N_TRIALS, SEED = 1000, 0

# How far one column of a normal row is moved, in standard deviations of the fitted
# rows, up or down.
MOVE = 6.0

HEADER = (
    "table",
    "columns that vary",
    "trials",
    "first",
    "among the first three",
    "largest error of the sum",
)


class Trials(NamedTuple):
    """What became of the rows of a table.

    Attributes
    ----------
    rank : ndarray of shape (n_trials,)
        Of the moved column among the shares; 0 is the first.
    error : ndarray of shape (n_trials,)
        Of the sum of the shares, as a share of the score where that is above 1.
    """

    rank: np.ndarray
    error: np.ndarray


def find_tables(options):
    """Return the tables: narrow ones with labels, the first by name.

    ``--tables`` names others.
    """
    folder = options.data / "adbench"
    paths = sorted(folder.glob("*.npz"), key=lambda path: path.name)
    if options.tables:
        return [path for path in paths if path.stem in options.tables]
    narrow = [path for path in paths if _n_columns(path) <= MAX_COLUMNS]
    return narrow[: 1 if options.quick else N_TABLES]


def _n_columns(path):
    with np.load(path) as file:
        return file["X"].shape[1]


def normal_rows(path):
    """Return the rows that are labelled as normal, some of very many."""
    with np.load(path) as file:
        X, y = file["X"].astype(np.float64), file["y"]
    return _data.subsample(X[y == 0], MAX_ROWS, SEED)


def try_table(path, n_trials, options):
    """Move one column of a normal row, again and again, and explain the row.

    Returns the trials, and how many columns vary.
    """
    rng = np.random.default_rng(SEED)
    X = rng.permutation(normal_rows(path))
    n_new = int(NEW_SHARE * len(X))
    new, fitted = X[:n_new], X[n_new:]
    model = fit(OutlierAutoencoder(random_state=SEED), fitted, options)
    varying = np.flatnonzero(np.ptp(fitted, axis=0))
    rows = new[rng.integers(n_new, size=n_trials)]
    column = rng.choice(varying, size=n_trials)
    side = rng.choice([-1, 1], size=n_trials)
    each = np.arange(n_trials)
    rows[each, column] += MOVE * side * fitted[:, column].std(axis=0)
    explanation = model.explain(rows)
    shares, scores = explanation.shares, model.score_samples(rows)
    rank = (shares > shares[each, column][:, None]).sum(axis=1)
    error = np.abs(shares.sum(axis=1) + scores) / np.maximum(1, np.abs(scores))
    return Trials(rank, error), len(varying)


def run(options):
    """Run the trials, as many on each table."""
    paths = find_tables(options)
    if not paths:
        return Part([], ["The tables of ADBench are not there: nothing is explained."])
    n_trials, rows, trials = N_TRIALS // N_TABLES, [], []
    for path in paths:
        result, n_columns = try_table(path, n_trials, options)
        trials.append(result)
        rows.append((path.stem, n_columns, *_line(result)))
        note(*rows[-1])
    total = Trials(*map(np.concatenate, zip(*trials, strict=True)))
    rows.append(("all", "", *_line(total)))
    bounds = [
        _report.at_least("moved column ranks first", np.mean(total.rank == 0), 0.95),
        _report.at_most("error of the sum of shares", total.error.max(), 1e-6),
    ]
    text = (
        f"Rows labelled normal, at most {MAX_ROWS} of a table: four fifths for the fit "
        "of `OutlierAutoencoder()`, of the others one is drawn, and one of its columns "
        f"that vary is moved by {MOVE:g} standard deviations up or down. The tables "
        f"are the first {N_TABLES} of ADBench, by the names of their files, with at "
        f"most {MAX_COLUMNS} columns. `explain` should name the moved column first. "
        "The error of the sum of the shares is one of the score, or of 1 if that is "
        "more."
    )
    return Part(bounds, [section("One column moved", text, HEADER, rows)])


def _line(trials):
    return (
        len(trials.rank),
        f"{np.mean(trials.rank == 0):.1%}",
        f"{np.mean(trials.rank < 3):.1%}",
        f"{trials.error.max():.0e}",
    )
