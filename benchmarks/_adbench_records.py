"""Results one by one, and the files that keep them while a run goes on."""

import json
from typing import NamedTuple

import numpy as np


class Record(NamedTuple):
    """What one method made of one table; figures are NaN where it failed."""

    collection: str
    table: str
    setting: str
    seed: int
    method: str
    max_rows: int
    auroc: float = np.nan
    ap: float = np.nan
    seconds: float = np.nan
    reason: str = ""

    @property
    def key(self):
        """What was asked, which the result answers."""
        return self[:6]


def read(paths):
    """Return the records of files by what they answer; the last of a key counts."""
    lines = [
        line
        for path in paths
        if path.exists()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    records = [record for line in lines for record in _parse(line)]
    return {record.key: record for record in records}


def _parse(line):
    try:
        values = json.loads(line)
    except json.JSONDecodeError:
        # A run that was interrupted may leave half a line.
        return []
    return [Record(**{k: np.nan if v is None else v for k, v in values.items()})]


def append(path, record):
    """Add a record to a file, as one write, so that processes can share the file."""
    values = record._asdict()
    values = {k: None if v != v else v for k, v in values.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
