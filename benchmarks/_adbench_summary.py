"""What all records of one collection in one setting amount to, method by method."""

import warnings
from functools import cached_property

import numpy as np
from _adbench_methods import OURS
from scipy.stats import rankdata

# Measures by the name of their field in a record.
MEASURES = {"auroc": "AUROC", "ap": "AP"}

# A method that is so far below both of these on a table has failed on it.
FLOOR = ("IsolationForest", "kNN-sqrt")
FAR_BELOW = 0.10

# The method whose seconds are the unit.
TIMED = "PyOD-AutoEncoder"


class Results:
    """Figures of methods on tables; NaN where a method failed.

    Parameters
    ----------
    tables : list of LabelledTable
    methods, seeds : list
    records : list of Record
        All of one collection and setting.
    """

    def __init__(self, tables, methods, seeds, records):
        self.tables, self.methods, self.seeds = tables, methods, seeds
        self.records = records

    @cached_property
    def figures(self):
        """Arrays of shape (methods, tables, seeds), by the names of their fields."""
        shape = len(self.methods), len(self.tables), len(self.seeds)
        names = [table.name for table in self.tables]
        arrays = {field: np.full(shape, np.nan) for field in (*MEASURES, "seconds")}
        for record in self.records:
            place = (
                self.methods.index(record.method),
                names.index(record.table),
                self.seeds.index(record.seed),
            )
            for field, array in arrays.items():
                array[place] = getattr(record, field)
        return arrays

    def by_table(self, measure):
        """Return means over the seeds, of shape (methods, tables)."""
        return mean_of_known(self.figures[measure], axis=2)

    def means(self, measure, half=None):
        """Return each method's mean over the tables, or those of one half.

        Over those that there are of a rival's; ours have to be complete.
        """
        chosen = [half in (None, table.half) for table in self.tables]
        figures = self.by_table(measure)[:, chosen]
        means = mean_of_known(figures, axis=1)
        if OURS in self.methods:
            ours = self.figures[measure][self.methods.index(OURS)]
            means[self.methods.index(OURS)] = (
                ours[chosen].mean() if any(chosen) else np.nan
            )
        return self._named(means)

    def mean_ranks(self, measure):
        """Return each method's mean rank over the tables; 1 is best."""
        figures = self.by_table(measure)
        # What there is no figure of is worse than any.
        figures = np.where(np.isnan(figures), -np.inf, figures)
        return self._named(rankdata(-figures, axis=0).mean(axis=1))

    def spreads(self, measure):
        """Return the standard deviation over the seeds of means over the tables."""
        means = mean_of_known(self.figures[measure], axis=1)
        if len(self.seeds) < 2:
            return self._named(np.full(len(means), np.nan))
        return self._named(means.std(axis=1, ddof=1))

    def far_below(self, method, measure):
        """Return the tables where a method is far below IsolationForest and kNN."""
        if not {method, *FLOOR} <= set(self.methods):
            return None
        figures = self._named(self.by_table(measure))
        floor = np.fmin(*(figures[name] for name in FLOOR)) - FAR_BELOW
        # A missing figure is one that is far below, too.
        is_low = ~(figures[method] >= floor) & ~np.isnan(floor)
        return [
            table.name for table, low in zip(self.tables, is_low, strict=True) if low
        ]

    def seconds(self):
        """Return each method's seconds in total."""
        return self._named(np.nansum(self.figures["seconds"], axis=(1, 2)))

    def time_ratio(self, method):
        """Return a method's seconds over those of PyOD's autoencoder, on what both did.

        NaN where there is nothing that both did.
        """
        if TIMED not in self.methods:
            return np.nan
        own, other = self.seconds_of_both(method)
        return own / other if other else np.nan

    def seconds_of_both(self, method):
        """Return the seconds of a method and of PyOD's autoencoder on what both did."""
        seconds = self._named(self.figures["seconds"])
        both = np.isfinite(seconds[method]) & np.isfinite(seconds[TIMED])
        return seconds[method][both].sum(), seconds[TIMED][both].sum()

    def failures(self):
        """Return the records without figures."""
        return [record for record in self.records if record.reason]

    def _named(self, values):
        return dict(zip(self.methods, values, strict=True))


def mean_of_known(values, axis):
    """Return means of what is not NaN; NaN where nothing is known."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        return np.nanmean(values, axis=axis)


def group(tables, records, methods):
    """Return results by collection and setting.

    Parameters
    ----------
    tables : list of LabelledTable
    records : list of Record
    methods : list of str
        The order of the methods.
    """
    groups = {}
    for record in records:
        groups.setdefault((record.collection, record.setting), []).append(record)
    return {
        key: _results(tables, members, methods, key[0])
        for key, members in groups.items()
    }


def _results(tables, records, methods, collection):
    tables = [table for table in tables if table.collection == collection]
    present = {record.table for record in records}
    tables = [table for table in tables if table.name in present]
    present = {record.method for record in records}
    seeds = sorted({record.seed for record in records})
    return Results(tables, [m for m in methods if m in present], seeds, records)
