"""Why the defaults are what they are: each beside its neighbours, on two halves.

    python benchmarks/defaults.py

One default at a time is moved, on every table and at two numbers of components. The
tables in even places of the sorted list are the half on which defaults were chosen, the
others the half on which the choice is confirmed; no labels and no test rows of the
confirming half took part. Shown are the mean and the worst gain of held-out R² over PCA
and the seconds, small tables (fewer than 1000 training rows) apart from large ones.

The gate is no parameter: it is moved by setting the constants of the package.
"""

import argparse
import time
import warnings
from pathlib import Path

import _data
import _report
import numpy as np
from _report import say
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae._defaults import SMALL
from sklearn_ae.metrics import reconstruction_r2
from sklearn_ae.training import _judge

GATES = (_judge.GATE, _judge.FEW_ROWS_GATE)

# What is changed, and to what; the first line is the package as it is.
VARIANTS = {
    "as it is": {},
    "one layer of 256": {"hidden_layer_sizes": (256,)},
    "layers 64, 32": {"hidden_layer_sizes": (64, 32)},
    "layers 256, 128": {"hidden_layer_sizes": (256, 128)},
    "relu": {"activation": "relu"},
    "learning rate 0.001": {"learning_rate": 1e-3},
    "learning rate 0.003": {"learning_rate": 3e-3},
    "batches of 128": {"batch_size": 128},
    "patience 50": {"n_iter_no_change": 50},
    "weight decay 0.01": {"weight_decay": 1e-2},
    "gate 0": {"gates": (0.0, 0.0)},
    "gate 2": {"gates": (2.0, 2.0)},
    "gate 3": {"gates": (3.0, 3.0)},
}


def main():
    options = parse_options()
    tables = [t for t in _data.find_tables(options.data) if t.name not in options.skip]
    halves = {"choosing": tables[::2], "confirming": tables[1::2]}
    rows = []
    for name, changes in VARIANTS.items():
        for half, members in halves.items():
            for size, gains, seconds in run(members, changes, options):
                rows.append(summary(name, half, size, gains, seconds))
                say(_report.table_row(rows[-1], [20, 10, 5, 5, 8, 8, 7]))
    header = ["variant", "half", "rows", "cases", "mean", "worst", "s/fit"]
    table = _report.markdown_table(header, rows)
    text = f"At most {options.max_rows} rows of each table, seed {options.seed}."
    _report.write(
        "defaults", "Defaults", "python benchmarks/defaults.py", [text, table]
    )


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=_data.DEFAULT_DATA)
    parser.add_argument("--max-rows", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    # Takes as long as all others together.
    parser.add_argument("--skip", nargs="*", default=["17_InternetAds"])
    return parser.parse_args()


def run(tables, changes, options):
    """Yield ("small" or "large", gains, seconds) of one variant on one half."""
    results = {"small": ([], []), "large": ([], [])}
    for table in tables:
        train, test = split(table, options)
        size = "small" if len(train) < SMALL else "large"
        for k in sorted({2, max(1, train.shape[1] // 2)}):
            gain, seconds = compare(train, test, k, changes, options.seed)
            results[size][0].append(gain)
            results[size][1].append(seconds)
    for size, (gains, seconds) in results.items():
        yield size, gains, seconds


def split(table, options):
    """Return standardised training and test rows."""
    X = _data.subsample(table.read(), options.max_rows, options.seed)
    train, test = train_test_split(X, test_size=0.3, random_state=options.seed)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def compare(train, test, k, changes, seed):
    """Return the gain in held-out R² over PCA, and the seconds of the fit."""
    changes = dict(changes)
    _judge.GATE, _judge.FEW_ROWS_GATE = changes.pop("gates", GATES)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Autoencoder(k, random_state=seed, **changes).fit(train)
    seconds = time.perf_counter() - start
    pca = PCA(k, random_state=seed).fit(train)
    return model.score(test) - reconstruction_r2(pca, test), seconds


def summary(name, half, size, gains, seconds):
    """Return one row of the table."""
    return [
        name,
        half,
        size,
        len(gains),
        f"{np.mean(gains):+.4f}",
        f"{np.min(gains):+.4f}",
        f"{np.mean(seconds):.2f}",
    ]


if __name__ == "__main__":
    main()
