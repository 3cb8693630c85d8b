"""One case: a table in a setting and with a seed, and every method in turn."""

from typing import NamedTuple

import _adbench_records
from _adbench_methods import METHODS, MOST_COLUMNS, silence, try_once
from _adbench_records import Record
from _adbench_spread import VARIANTS
from _adbench_tables import LabelledTable, divide
from _timing import seconds_of
from sklearn.metrics import average_precision_score, roc_auc_score
from threadpoolctl import threadpool_limits

MAKERS = {**METHODS, **VARIANTS}


class Case(NamedTuple):
    """What is asked: rows of a table, and the methods that have to score them."""

    table: LabelledTable
    setting: str
    seed: int
    max_rows: int
    methods: tuple

    def blank(self, method):
        """Return the record of a method without its figures."""
        collection, name, *_ = self.table
        return Record(collection, name, self.setting, self.seed, method, self.max_rows)

    def without(self, records):
        """Return the case without the methods whose records there are."""
        left = [name for name in self.methods if self.blank(name).key not in records]
        return self._replace(methods=tuple(left))


def run_case(case, path=None):
    """Return a record of each method, one after another and on one thread.

    Each is added to the file ``path``, if there is one, as soon as there is one.
    """
    with threadpool_limits(1):
        rows = divide(*case.table.read(case.max_rows), case.setting, case.seed)
        records = []
        for name in case.methods:
            records.append(measure(case.blank(name), rows))
            if path:
                _adbench_records.append(path, records[-1])
    return records


def measure(record, rows):
    """Return the record with its figures, or with the reason why there are none."""
    make = MAKERS[record.method]
    n_columns = rows.train.shape[1]
    if n_columns > MOST_COLUMNS.get(record.method, n_columns):
        return record._replace(reason=f"left out: {n_columns} columns take it hours")
    # A table that breaks a detector must not end the run.
    try:
        with silence(record.method):
            try_once(record.method, make)
            detect = make(record.seed)
            seconds, scores = seconds_of(lambda: detect(rows.train, rows.test))
        auroc = roc_auc_score(rows.is_anomaly, scores)
        ap = average_precision_score(rows.is_anomaly, scores)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return record._replace(reason=reason)
    return record._replace(auroc=float(auroc), ap=float(ap), seconds=seconds)
