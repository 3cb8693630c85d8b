"""What the parts of ``variants.py`` share: progress, rows, errors, fits."""

import time
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import _data
import _report
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

TEST_SHARE = 0.3
N_TABLES = 6

# A trial of the code: few rows, few epochs, nothing to conclude.
QUICK_ROWS, QUICK_EPOCHS = 150, 2

START = time.perf_counter()


class Part(NamedTuple):
    """What a part found: its bounds, and its text in Markdown."""

    bounds: list
    sections: list


def note(*words):
    """Print a line of progress, with the seconds since the start."""
    _report.say(f"[{time.perf_counter() - START:5.0f} s]", *words)


def judge(bounds, bound):
    """Print the verdict on a bound as soon as it is known, and keep it."""
    bounds.append(bound)
    verdict = "PASS" if bound.met else "MISS"
    note(f"{verdict}  {bound.claim}: {bound.value:.4g} (bound {bound.limit:g})")


def section(heading, text, header, rows):
    """Return a section with one table."""
    return f"## {heading}\n\n{text}\n\n{_report.markdown_table(header, rows)}"


# -- rows


def max_rows(options, full):
    """Return how many rows a table may have."""
    return min(full, QUICK_ROWS) if options.quick else full


def pick_tables(options, rows):
    """Return six tables on disk of different sizes: the middle one of each sixth.

    By number of cells, each table with at most ``rows`` rows: by a rule, so that
    nobody picks. ``--tables`` names others.
    """
    tables = [table for table in _data.find_tables(options.data) if table.path]
    if options.tables:
        return [table for table in tables if table.name in options.tables]
    sizes = {}
    for table in tables:
        X = table.read()
        if np.isfinite(X).all() and np.ptp(X, axis=0).any():
            sizes[table] = min(len(X), rows) * X.shape[1]
    ordered = sorted(sizes, key=sizes.get)
    n_picked = min(1 if options.quick else N_TABLES, len(ordered))
    places = [int((i + 0.5) * len(ordered) / n_picked) for i in range(n_picked)]
    return [ordered[place] for place in places]


def sklearn_table(name):
    """Return one of scikit-learn's own sets."""
    return _data.Table(name)


def split_rows(X, seed, test_share=TEST_SHARE):
    """Return training and test rows, standardised by the training rows.

    Without columns that do not vary in the training rows: these have no unit.
    """
    train, test = train_test_split(X, test_size=test_share, random_state=seed)
    varies = np.ptp(train, axis=0) > 0
    train, test = train[:, varies], test[:, varies]
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def load_images(options, most=None):
    """Return MNIST's training and test rows, or None if there is no such file.

    At most so many training rows, or as many as ``--images`` asks for.
    """
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return None
    train, test = _data.load_mnist(path)
    if options.quick:
        return train[:: len(train) // (3 * QUICK_ROWS)], test[:QUICK_ROWS]
    most = options.images or most
    return _data.subsample(train, most, 0) if most else train, test


# -- fits


def fit(estimator, X, options):
    """Fit without the warning that the epochs ran out; two epochs in a trial."""
    if options.quick and "max_epochs" in estimator.get_params():
        estimator.set_params(max_epochs=min(QUICK_EPOCHS, _epochs(estimator)))
    with quiet():
        return estimator.fit(X)


def _epochs(estimator):
    return QUICK_EPOCHS if estimator.max_epochs == "auto" else estimator.max_epochs


@contextmanager
def quiet():
    """Silence the warning that the epochs ran out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# -- errors


def explained(rows, reconstruction, mean):
    """Return the share of the variance about a mean that a reconstruction keeps."""
    return 1 - squares(rows - reconstruction) / squares(rows - mean)


def squares(rows):
    """Return the sum of squares, summed in float64."""
    return float(np.square(rows, dtype=np.float64).sum())


def pca_errors(pca, corrupted, clean):
    """Return the error to the clean rows for every number of components from 1 on.

    A sum of squares over all rows and columns, of ``pca`` fitted with all components:
    each adds the error along its axis and takes away what no axis described.
    """
    read = (corrupted - pca.mean_) @ pca.components_.T
    true = (clean - pca.mean_) @ pca.components_.T
    change = np.square(true - read) - np.square(true)
    return squares(clean - pca.mean_) + np.cumsum(change.sum(axis=0, dtype=np.float64))
