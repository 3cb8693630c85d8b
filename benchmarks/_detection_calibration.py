"""Part of ``detection.py``: false alarms among new normal rows, and contamination."""

from typing import NamedTuple

import _report
import numpy as np
from _detection_data import at_most, find_labelled, halves_of_normal_rows
from _variants import Part, judge, note, quiet, section
from scipy.stats import betabinom
from sklearn.base import clone

from sklearn_ae import OutlierAutoencoder

# What is measured.
DETECTOR = OutlierAutoencoder()

RATE, CONTAMINATION = 0.05, 0.1
SEEDS = range(3)

# Tables with the fewest normal rows, left out: of less than a hundred a rate of 5 % is
# a few rows.
N_SMALLEST = 2

# Chance by which a run whose p-values are exact has more false alarms than its bound.
DOUBT = 0.01

# Scores closer than this, relative to their size, are ties.
TIE = 1e-9

TEXT = (
    "{detector}, fitted to a random half of the normal rows of each table, and asked "
    "about the other half, with columns in units of the first: the share of new normal "
    "rows with a p-value of at most 0.05, the mean of {n_seeds} runs, each with "
    "another half. All tables but the {n_smallest} with the fewest normal rows; of the "
    "large ones {max_rows} rows. The bound of a run is the 99 % quantile of the number "
    "of false alarms where p-values are exact, which is beta-binomial with the numbers "
    "of held-out and of new rows; the table has the mean of the runs' bounds, and the "
    "number of runs above. `predict` is the share with the threshold of "
    'contamination="auto". The last column is of contamination=0.1 in the first run: '
    "rows of those it was fitted to that are called outliers, and in brackets how many "
    "a tenth is."
)

HEADER = (
    "table",
    "rows fitted to",
    "columns",
    "held out",
    "p <= 0.05",
    "bound of a run",
    "runs above",
    "predict",
    "contamination=0.1",
)


class Run(NamedTuple):
    """What one run found."""

    shape: tuple
    n_held_out: int
    share: float
    bound: float
    by_threshold: float

    @property
    def is_above(self):
        """Whether there are more false alarms than chance allows."""
        return self.share > self.bound


def run(options):
    """Run the part; return its bounds and sections."""
    if options.quick:
        DETECTOR.set_params(max_epochs=2)
    rows, runs, missed = [], [], 0
    for table in pick_tables(options):
        own, flagged, is_nearest = measure(table, options)
        rows.append(describe(table.name, own, flagged))
        runs.append(own)
        missed += not is_nearest
        note("  ".join(rows[-1]))
    bounds = []
    if runs:
        judge_all(bounds, runs, missed)
    text = TEXT.format(
        detector=f"`{DETECTOR!r}`",
        n_seeds=len(SEEDS),
        n_smallest=N_SMALLEST,
        max_rows="10,000",
    )
    return Part(bounds, [section("False alarms", text, HEADER, rows)])


def pick_tables(options):
    """Return all tables but those with the fewest normal rows; three for a trial."""
    tables = list(find_labelled(options))
    if options.tables:
        return tables
    smallest = sorted(tables, key=lambda table: (table.y == 0).sum())[:N_SMALLEST]
    left_out = {table.name for table in smallest}
    tables = [table for table in tables if table.name not in left_out]
    return tables[:3] if options.quick else tables


def measure(table, options):
    """Return the runs on a table, and what a contamination of a tenth comes to."""
    runs, flagged, is_nearest = [], None, None
    for seed in SEEDS:
        fitting, new = halves_of_normal_rows(at_most(table, options, seed), seed)
        with quiet():
            detector = clone(DETECTOR).set_params(random_state=seed).fit(fitting)
        alarms = (detector.p_values(new) <= RATE).mean()
        n_held_out = len(detector.training_scores_)
        runs.append(
            Run(
                fitting.shape,
                n_held_out,
                alarms,
                bound_of(n_held_out, len(new)),
                (detector.predict(new) == -1).mean(),
            )
        )
        if seed == SEEDS[0]:
            flagged, is_nearest = flagged_by_contamination(fitting, seed)
    return runs, flagged, is_nearest


def bound_of(n_calibration, n_new):
    """Return the share of false alarms that exact p-values exceed with 1 % chance."""
    below = int(np.floor(RATE * (n_calibration + 1) + 1e-9))
    if not below:
        return 0.0
    count = betabinom(n_new, below, n_calibration + 1 - below)
    return float(count.ppf(1 - DOUBT)) / n_new


def flagged_by_contamination(X, seed):
    """Return how many training rows are flagged, and whether ties let none be nearer.

    Ties are scores that differ in their last digits, between which there is no cut.
    """
    detector = clone(DETECTOR)
    detector.set_params(random_state=seed, contamination=CONTAMINATION)
    with quiet():
        detector.fit(X)
    flagged = int((detector.predict(X) == -1).sum())
    scores = np.sort(detector.score_samples(X))
    size = np.maximum(np.abs(scores[1:]), np.abs(scores[:-1]))
    cuts = 1 + np.flatnonzero(np.diff(scores) > TIE * size)
    nearest = np.abs(cuts - CONTAMINATION * len(X)).min() if len(cuts) else np.inf
    return flagged, abs(flagged - CONTAMINATION * len(X)) <= nearest + 1e-6


def describe(name, runs, flagged):
    """Return one line of the table."""
    (n_rows, n_columns), first = runs[0].shape, runs[0]
    return (
        name,
        str(n_rows),
        str(n_columns),
        str(first.n_held_out),
        f"{mean_of(runs, 'share'):.3f}",
        f"{mean_of(runs, 'bound'):.3f}",
        f"{sum(run.is_above for run in runs)} of {len(runs)}",
        f"{mean_of(runs, 'by_threshold'):.3f}",
        f"{flagged} ({CONTAMINATION * n_rows:.1f})",
    )


def mean_of(runs, name):
    """Return the mean of what runs found."""
    return float(np.mean([getattr(run, name) for run in runs]))


def judge_all(bounds, runs, missed):
    """Compare what all tables came to with the bounds."""
    share = float(np.mean([mean_of(own, "share") for own in runs]))
    every = [run for own in runs for run in own]
    above = float(np.mean([run.is_above for run in every]))
    judge(bounds, _report.at_least("mean share of false alarms", share, 0.03))
    judge(bounds, _report.at_most("mean share of false alarms", share, 0.07))
    judge(bounds, _report.at_most("share of runs above their bound", above, 1 / 20))
    judge(
        bounds,
        _report.at_most("tables where contamination is not the nearest", missed, 0),
    )
