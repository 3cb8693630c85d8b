"""How well outliers are told apart in tables with labels, beside other detectors.

Every table has at most 10,000 rows, and every detector its defaults. *Contaminated*
fits to all rows and scores them. *Clean* fits to a random half of the normal rows, and
scores the other half and all anomalies. Columns are standardised by the rows of the
fit; the raw settings leave them as they are.

    python benchmarks/adbench.py
    python benchmarks/adbench.py --spread

``--spread`` shows ours with each main parameter at half and at twice its default,
instead of other detectors. ``--data`` names a directory of other tables.

Bounds, on the tables of ADBench: mean AUROC and average precision of at least 0.800 and
0.39 contaminated, 0.885 and 0.63 clean; both, and both mean ranks, the best of all; no
table more than 0.10 below IsolationForest and kNN both; means that seeds move by at
most 0.01; half of the seconds of PyOD's AutoEncoder. On embeddings of images means
above those of IsolationForest, kNN and PCA. Without scaling means within 0.01. With
``--spread`` no mean moves by more than 0.01. On other tables than these all bounds but
those on the means themselves. A missed bound makes the exit status 1.
"""

import argparse
from collections import Counter
from pathlib import Path

import _adbench_bounds
import _adbench_records
import _adbench_report
import _adbench_summary
import _data
import _report
from _adbench_cases import Case, run_case
from _adbench_methods import METHODS, OURS, available_methods
from _adbench_spread import VARIANTS
from _adbench_tables import RAW, SETTINGS, find_labelled, why_unsuited
from _peers import pyod_missing
from _report import say
from _variants import note
from joblib import Parallel, delayed


def main():
    """Run what the command line asks for."""
    parser = make_parser()
    options = parser.parse_args()
    tables = select_tables(parser, options)
    if not tables:
        say(f"Nothing is measured: {options.data} holds no tables with labels.")
        return
    if pyod_missing():
        say(pyod_missing())
    records, how = run(tables, options)
    groups = _adbench_summary.group(tables, records, [*METHODS, *VARIANTS])
    if options.spread:
        bounds, sections = (
            _adbench_bounds.judge_moves(groups),
            _adbench_report.spread_sections(groups),
        )
    else:
        bounds, sections = (
            _adbench_bounds.judge(groups),
            _adbench_report.sections(groups),
        )
    if bounds:
        sections.insert(0, _report.bounds_table(bounds))
    sections.append(f"## Run\n\n{how}")
    say("\n" + "\n\n".join(sections))
    if should_save(parser, options):
        save(options, sections)
    _report.finish(bounds)


# -- all tables


def run(tables, options):
    """Run what no file of records answers.

    Returns
    -------
    records : list of Record
        All that were asked for.
    how : str
        How they came about.
    """
    cases = plan(tables, options)
    earlier = _adbench_records.read(options.records)
    asked = [case.blank(name).key for case in cases for name in case.methods]
    records = {key: earlier[key] for key in asked if key in earlier}
    how = how_it_was_run(options, len(asked), list(records.values()))
    left = [case.without(records) for case in cases]
    left = [case for case in left if case.methods]
    n_left = Counter(case.table for case in left)
    for table, results in finished(left, options):
        records |= {record.key: record for record in results}
        n_left[table] -= 1
        if not n_left[table]:
            show(table, [record for record in records.values() if is_of(record, table)])
    return [records[key] for key in asked], how


def is_of(record, table):
    return (record.collection, record.table) == (table.collection, table.name)


def show(table, records):
    """Print a line for each setting of a table: every method's AUROC."""
    groups = _adbench_summary.group([table], records, [*METHODS, *VARIANTS])
    for (_, setting), results in groups.items():
        figures = [f"{name} {x:.3f}" for name, x in results.means("auroc").items()]
        note(table.name, f"{setting}:", ", ".join(figures))


def plan(tables, options):
    """Return all cases, table by table."""
    cases = []
    for table in tables:
        reason = why_unsuited(*table.read(options.max_rows))
        if reason:
            say(f"{table.name} is left out: {reason}.")
            continue
        for setting in options.settings:
            methods = methods_of(setting, options)
            for seed in range(options.seeds) if methods else ():
                cases.append(Case(table, setting, seed, options.max_rows, methods))
    return cases


def methods_of(setting, options):
    """Return the methods of a setting, in the order in which they are known."""
    is_raw = setting.startswith(RAW)
    if options.spread:
        return () if is_raw else (OURS, *VARIANTS)
    asked = set(options.methods) & set(options.raw or [OURS] if is_raw else METHODS)
    return tuple(name for name in METHODS if name in asked)


def finished(cases, options):
    """Yield the table and the records of each case when it is done, in any order."""
    path = options.records[-1] if options.records else None
    workers = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    yield from workers(delayed(run_and_name)(case, path) for case in cases)


def run_and_name(case, path):
    return case.table, run_case(case, path)


def how_it_was_run(options, n_asked, earlier):
    """Return a paragraph on the run, and on what it did not run itself."""
    text = (
        f"At most {options.max_rows} rows of each table. A case is a table in one "
        f"setting with one seed; {options.jobs} ran at a time, each on one thread and "
        "with its methods one after another in one process."
    )
    if not earlier:
        return text
    methods = [m for m in (*METHODS, *VARIANTS) if m in {one.method for one in earlier}]
    return (
        f"{text} {len(earlier)} of the {n_asked} results, seconds included, were read "
        f"from records of earlier runs: of {'; '.join(methods)}."
    )


# -- the command


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    names = available_methods()
    add(
        "--data",
        type=Path,
        default=_data.DEFAULT_DATA,
        help="directory of .npz files with the keys X and y, in which 1 is an anomaly, "
        "or of folders adbench/ and mvtec/ of such files",
    )
    add("--tables", nargs="+", metavar="NAME", help="these tables only")
    add(
        "--methods",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"these methods only: {', '.join(names)}",
    )
    add(
        "--settings",
        nargs="+",
        choices=SETTINGS,
        default=list(SETTINGS),
        metavar="NAME",
        help=f"these settings only: {', '.join(SETTINGS)}",
    )
    add(
        "--raw",
        nargs="*",
        choices=names,
        default=[OURS],
        metavar="NAME",
        help=f"methods that run in the raw settings; {OURS} without this option",
    )
    add(
        "--spread", action="store_true", help="ours with parameters moved, and no other"
    )
    add("--seeds", type=int, default=3, help="seeds of each table and setting")
    add("--max-rows", type=int, default=10_000, help="rows per table")
    add("--jobs", type=int, default=2, help="cases at a time, one thread each")
    add(
        "--records",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="files of results: what they hold is not run again, and new results are "
        "added to the last of them as they come",
    )
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option only a run "
        "of everything does, so that a trial overwrites nothing",
    )
    return parser


def select_tables(parser, options):
    """Return the tables to run."""
    tables = find_labelled(options.data)
    if not options.tables:
        return tables
    known = [table.name for table in tables]
    unknown = sorted(set(options.tables) - set(known))
    if unknown:
        parser.error(f"--tables: {unknown} not among {known}")
    return [table for table in tables if table.name in options.tables]


def should_save(parser, options):
    """Whether to write the report: as asked, else if nothing was left out."""
    if options.save is not None:
        return options.save
    narrowing = ("data", "tables", "methods", "settings", "raw", "seeds", "max_rows")
    return all(getattr(options, name) == parser.get_default(name) for name in narrowing)


def save(options, sections):
    """Write the report; other parameters have one of their own."""
    command, name, title = "python benchmarks/adbench.py", "adbench", "Outliers"
    if options.spread:
        command, name = f"{command} --spread", f"{name}_spread"
        title = "Outliers, with other parameters"
    _report.write(name, title, command, sections)


if __name__ == "__main__":
    main()
