"""How much of held-out rows an autoencoder keeps that PCA of equal size loses.

Tables: R² of 30 % held-out rows, all columns standardised by the training rows, for
``Autoencoder(k)`` with its defaults and ``PCA(k)``. Each k is a code size: 1, 2, a
quarter and half of the columns. Beside them, on the first seed and for k = 2 and half
of the columns, MLPRegressor fitted from X to X and PyOD's AutoEncoder.

MNIST: squared error per test image, summed over its pixels.

    python benchmarks/reconstruction.py

Bounds: no case more than 0.002 below PCA, a mean gain of at least 0.05; on MNIST with
32 numbers per image at most 0.33 of PCA's error, and every fit within 300 seconds on
two cores. A missed bound makes the exit status 1.
"""

import argparse
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import _data
import _peers
import _report
import numpy as np
from _report import say
from _timing import seconds_of
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_ae import Autoencoder

TOLERATED_LOSS = 0.002
LEAST_MEAN_GAIN = 0.05
TEST_SHARE = 0.3

MNIST = "MNIST"
MNIST_SIZES = (2, 8, 32)
MNIST_RATIO = 0.33
MNIST_SECONDS = 300
# Enough for MLPRegressor to show where it is heading, in about the time of our fit.
MNIST_MLP = {"hidden": 512, "max_iter": 20}

PEERS = {
    "MLPRegressor": _peers.mlp_reconstruction,
    "PyOD": _peers.pyod_reconstruction,
}

HEADER = ("data", "n", "d", "k", "PCA", "ours", "gain min", "gain mean", "s", *PEERS)
WIDTHS = (18, 6, 5, 4, 7, 7, 8, 9, 6, 12, 7)


class Case(NamedTuple):
    """One fit of each model; R² by model, and what went wrong, if anything did."""

    table: str
    shape: tuple
    k: int
    seed: int
    r2: dict
    seconds: float = np.nan
    cut_short: bool = False
    errors: tuple = ()

    @property
    def gain(self):
        """R² above PCA's; NaN if the fit failed."""
        return self.r2.get("ours", np.nan) - self.r2.get("PCA", np.nan)

    @property
    def label(self):
        return f"{self.table}, k={self.k}, seed {self.seed}"


# -- one case


def code_sizes(shape):
    """Return the distinct code sizes for a table of this shape.

    Smaller than the rows are wide, where they are wider than one column, and possible
    for PCA of the training rows.
    """
    n_rows, d = shape
    n_train = int(n_rows * (1 - TEST_SHARE))
    largest = max(1, min(d - 1, n_train))
    return sorted({k for k in (1, 2, d // 4, d // 2) if 1 <= k <= largest})


def sizes_with_peers(shape):
    """Return the code sizes at which the other packages' models run too."""
    sizes = code_sizes(shape)
    return {sizes[-1], 2} & set(sizes)


def split_rows(table, seed, max_rows):
    """Return standardised training and test rows."""
    X = _data.subsample(table.read(), max_rows, seed)
    train, test = train_test_split(X, test_size=TEST_SHARE, random_state=seed)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def r2(test, reconstruction):
    """Return the R² about the training mean, which is zero."""
    return 1 - np.square(test - reconstruction).sum() / np.square(test).sum()


def run_case(table, shape, k, seed, max_rows, peers):
    """Fit every model once, on one thread."""
    with threadpool_limits(1):
        train, test = split_rows(table, seed, max_rows)
        scores = {"PCA": r2(test, _peers.pca_reconstruction(train, test, k, seed))}
        case = Case(table.name, shape, k, seed, scores)
        case = _run_ours(case, train, test)
        for name in peers:
            case = _run_peer(case, name, train, test)
    return case


def _run_ours(case, train, test):
    # A table that breaks a fit must not end the run; it counts as a missed bound.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model = Autoencoder(case.k, random_state=case.seed)
            seconds, _ = seconds_of(lambda: model.fit(train))
            reconstruction = model.reconstruct(test)
        except Exception as error:
            return case._replace(errors=(f"ours: {error}",))
    cut_short = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    scores = {**case.r2, "ours": r2(test, reconstruction)}
    return case._replace(r2=scores, seconds=seconds, cut_short=cut_short)


def _run_peer(case, name, train, test):
    try:
        reconstruction = PEERS[name](train, test, case.k, case.seed)
    except Exception as error:
        return case._replace(errors=(*case.errors, f"{name}: {error}"))
    return case._replace(r2={**case.r2, name: r2(test, reconstruction)})


# -- all tables


def why_unsuited(X):
    """Return why a table cannot be measured, or None."""
    if not np.isfinite(X).all():
        return "it has missing or infinite values"
    return None if np.ptp(X, axis=0).any() else "its rows are all alike"


def plan_cases(tables, options, peers):
    """Yield the calls of all cases, table by table and k by k."""
    for table in tables:
        X = table.read()
        reason = why_unsuited(X)
        if reason:
            say(f"{table.name} is left out: {reason}.")
            continue
        shape = (min(len(X), options.max_rows), X.shape[1])
        with_peers = sizes_with_peers(shape)
        for k in code_sizes(shape):
            for seed in range(options.seeds):
                rivals = peers if seed == 0 and k in with_peers else ()
                yield delayed(run_case)(table, shape, k, seed, options.max_rows, rivals)


def run_tables(tables, options, peers):
    """Run all cases, print a line whenever a table and k are done; return them."""
    say(_report.table_row(HEADER, WIDTHS))
    done = defaultdict(list)
    workers = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    for case in workers(plan_cases(tables, options, peers)):
        group = done[case.table, case.k]
        group.append(case)
        for error in case.errors:
            say(f"{case.label}: {error}")
        if len(group) == options.seeds:
            group.sort(key=lambda one: one.seed)
            say(_report.table_row(table_cells(group), WIDTHS))
    order = {table.name: place for place, table in enumerate(tables)}
    return [
        case
        for name, k in sorted(done, key=lambda key: (order[key[0]], key[1]))
        for case in done[name, k]
    ]


def table_cells(group):
    """Return the cells of one line: the seeds of a table and k."""
    first = group[0]
    gains = [case.gain for case in group]
    return (
        first.table,
        *first.shape,
        first.k,
        _decimals(np.mean([case.r2["PCA"] for case in group])),
        _decimals(np.mean([case.r2.get("ours", np.nan) for case in group])),
        f"{min(gains):+.4f}",
        f"{np.mean(gains):+.4f}",
        f"{np.mean([case.seconds for case in group]):.1f}",
        *(_decimals(first.r2.get(name)) for name in PEERS),
    )


def _decimals(value, digits=4):
    return "" if value is None else f"{value:.{digits}f}"


def summarize(cases):
    """Return the tables' bounds, and the summary in Markdown."""
    gains = np.array([case.gain for case in cases])
    # A fit that failed counts as the worst of all.
    worst = cases[int(np.argmin(np.where(np.isnan(gains), -np.inf, gains)))]
    below = int((~(gains >= -TOLERATED_LOSS)).sum())
    bounds = [
        _report.at_most(f"cases more than {TOLERATED_LOSS} below PCA", below, 0),
        _report.at_least("mean gain in R² over PCA", gains.mean(), LEAST_MEAN_GAIN),
    ]
    cut_short = sum(case.cut_short for case in cases)
    facts = (
        f"{len(cases)} cases (table, k and seed). Worst: {worst.label}, "
        f"{worst.gain:+.4f}. Median gain {np.median(gains):+.4f}; "
        f"{cut_short} fits warned that max_epochs ran out."
    )
    return bounds, "\n\n".join([facts, *rivals_table(cases)])


def rivals_table(cases):
    """Return every model on the cases that all of them ran, as a list of one table."""
    present = [name for name in PEERS if any(name in case.r2 for case in cases)]
    names = ["ours", *present]
    shared = [case for case in cases if all(name in case.r2 for name in names)]
    if not present or not shared:
        return []
    rows = []
    for name in names:
        gains = np.array([case.r2[name] - case.r2["PCA"] for case in shared])
        below = (gains < -TOLERATED_LOSS).sum()
        figures = gains.mean(), np.median(gains), gains.min()
        rows.append((name, len(shared), below, *(f"{x:+.4f}" for x in figures)))
    header = ("R² above PCA's", "cases", "below PCA", "mean", "median", "worst")
    return [_report.markdown_table(header, rows)]


# -- MNIST


def image_error(test, reconstruction):
    """Return the squared error per image, summed over its pixels."""
    return float(np.square(test - reconstruction).sum(axis=1).mean())


def our_reconstruction(train, test, k, seed):
    """Return the test rows as an Autoencoder of the training rows gives them back."""
    return Autoencoder(k, random_state=seed).fit(train).reconstruct(test)


def mnist_models(peers):
    """Return (name, k, function) of every model, in the order in which they run."""
    peers_of_mnist = {
        "MLPRegressor": partial(_peers.mlp_reconstruction, **MNIST_MLP),
        "PyOD": _peers.pyod_reconstruction,
    }
    models = []
    for k in MNIST_SIZES:
        models.append(("PCA", k, _peers.pca_reconstruction))
        models.append(("ours", k, our_reconstruction))
    models += [(name, MNIST_SIZES[-1], peers_of_mnist[name]) for name in peers]
    return models


def run_mnist(path, peers):
    """Fit and print, model by model; return the bounds and the table in Markdown."""
    train, test = _data.load_mnist(path)
    header = ("model", "k", "squared error", "over PCA's", "seconds")
    widths = (14, 3, 13, 14, 7)
    say(f"\nMNIST, {len(train)} training and {len(test)} test images")
    say(_report.table_row(header, widths))
    errors, seconds, rows = {}, {}, []
    for name, k, reconstruct in mnist_models(peers):
        run = partial(reconstruct, train, test, k, 0)
        seconds[name, k], reconstruction = seconds_of(run)
        errors[name, k] = image_error(test, reconstruction)
        figures = errors[name, k], errors[name, k] / errors["PCA", k], seconds[name, k]
        rows.append((name, k, *(f"{figure:.2f}" for figure in figures)))
        say(_report.table_row(rows[-1], widths))
    largest = MNIST_SIZES[-1]
    ratio = errors["ours", largest] / errors["PCA", largest]
    slowest = max(seconds["ours", k] for k in MNIST_SIZES)
    bounds = [
        _report.at_most(f"MNIST, k={largest}: error over PCA's", ratio, MNIST_RATIO),
        _report.at_most("MNIST: seconds of our slowest fit", slowest, MNIST_SECONDS),
    ]
    return bounds, _report.markdown_table(header, rows)


# -- the command


def main():
    """Run what the command line asks for."""
    parser = make_parser()
    options = parser.parse_args()
    tables, mnist = select(parser, options)
    missing = _peers.pyod_missing()
    if missing:
        say(missing)
    peers = [name for name in PEERS if name != "PyOD" or not missing]
    bounds, sections = [], []
    if tables:
        cases = run_tables(tables, options, peers)
        bounds, summary = summarize(cases)
        say(f"\n{summary}")
        sections += [tables_text(cases, options), "## Summary", summary]
    if mnist:
        mnist_bounds, table = run_mnist(mnist, peers)
        bounds += mnist_bounds
        sections += [mnist_text(table)]
    sections.insert(0, _report.bounds_table(bounds))
    say(f"\n{sections[0]}")
    if should_save(parser, options):
        title = "Reconstruction of held-out rows, against PCA"
        _report.write(
            "reconstruction", title, "python benchmarks/reconstruction.py", sections
        )
    _report.finish(bounds)


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add("--seeds", type=int, default=3, help="seeds per table and k")
    add("--max-rows", type=int, default=10_000, help="rows per table")
    add("--sets", nargs="+", metavar="NAME", help=f"these tables only; {MNIST} is one")
    add("--skip-mnist", action="store_true", help=f"leave {MNIST} out")
    add("--jobs", type=int, default=2, help="cases at a time, one thread each")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option only a run "
        "of everything does, so that a trial overwrites nothing",
    )
    return parser


def should_save(parser, options):
    """Whether to write the report: as asked, else if nothing was left out."""
    if options.save is not None:
        return options.save
    narrowing = ("data", "seeds", "max_rows", "sets", "skip_mnist")
    as_default = all(
        getattr(options, name) == parser.get_default(name) for name in narrowing
    )
    return as_default and options.data.is_dir()


def select(parser, options):
    """Return the tables to run, and the path of MNIST or None."""
    tables = _data.find_tables(options.data)
    mnist = _data.mnist_path(options.data)
    if not options.data.is_dir():
        say("There is no directory of data: scikit-learn's own sets only.")
    if options.sets:
        known = {table.name for table in tables} | {MNIST}
        unknown = sorted(set(options.sets) - known)
        if unknown:
            parser.error(f"--sets: {unknown} not among {sorted(known)}")
        tables = [table for table in tables if table.name in options.sets]
    wanted = not options.skip_mnist and (not options.sets or MNIST in options.sets)
    if wanted and not mnist.exists():
        say(f"{MNIST} is left out: images/mnist.npz is not among the data.")
    return tables, mnist if wanted and mnist.exists() else None


def tables_text(cases, options):
    """Return the section on the tables."""
    groups = defaultdict(list)
    for case in cases:
        groups[case.table, case.k].append(case)
    rows = [table_cells(group) for group in groups.values()]
    return (
        f"## Tables\n\nR² of {TEST_SHARE:.0%} held-out rows, standardised by the "
        f"training rows; mean over {options.seeds} seeds of split and model. At most "
        f"{options.max_rows} rows per table. Seconds are one fit on one thread, "
        f"{options.jobs} at a time. MLPRegressor has hidden layers (64, k, 64), PyOD's "
        "AutoEncoder has (64, k) and its defaults, without its own preprocessing; both "
        "ran on the first seed, for k = 2 and half of the columns.\n\n"
        + _report.markdown_table(HEADER, rows)
    )


def mnist_text(table):
    """Return the section on MNIST."""
    hidden, epochs = MNIST_MLP["hidden"], MNIST_MLP["max_iter"]
    return (
        "## MNIST\n\nSquared error per test image, summed over its pixels, which lie "
        "between 0 and 1 and are not standardised. Seconds are the fit and the "
        "reconstruction of the test images. MLPRegressor has hidden layers "
        f"({hidden}, k, {hidden}) and ran {epochs} epochs; PyOD's AutoEncoder has "
        f"(64, k) and its defaults, without its own preprocessing.\n\n{table}"
    )


if __name__ == "__main__":
    main()
