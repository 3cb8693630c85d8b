import sys
from pathlib import Path

import pytest

# The scripts are no package: each finds its neighbours in its own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture
def make_results():
    """Return results from figures by method, of shape (tables, seeds)."""
    from _adbench_records import Record
    from _adbench_summary import group
    from _adbench_tables import LabelledTable

    def make(figures, collection="other", setting="clean", seconds=None):
        n_tables = len(next(iter(figures.values())))
        tables = [
            LabelledTable(collection, f"t{place}", None, place)
            for place in range(1, n_tables + 1)
        ]
        records = [
            Record(
                collection, table.name, setting, seed, method, 100,
                auroc=value, ap=value / 2, seconds=(seconds or {}).get(method, 1.0),
                reason="" if value == value else "none",
            )
            for method, lines in figures.items()
            for table, line in zip(tables, lines, strict=True)
            for seed, value in enumerate(line)
        ]  # fmt: skip
        return group(tables, records, list(figures))[collection, setting]

    return make
