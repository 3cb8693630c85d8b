"""Few labels and many rows: accuracy on test rows, beside what needs no pretraining."""

from typing import NamedTuple

import _data
import _report
import numpy as np
from _timing import seconds_of
from _variants import QUICK_ROWS, Part, judge, note, quiet, section
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from sklearn_ae import Autoencoder, AutoencoderClassifier

SEEDS = range(5)
N_COMPONENTS = 32

# Points above the same network without pretraining, by number of labels.
GAINS = {100: 4.0, 1000: 1.5}

# Rows of scikit-learn's LabelSpreading, whose graph is dense in what it takes.
SPREAD_ROWS = 10_000

OURS, SAME = "ours", "same network, not pretrained"
SPREADING = "LabelSpreading"
RIVALS = ("LogisticRegression", "SVC", "SVC on PCA(32)", SAME, "MLPClassifier")
HEADER = ("method", "mean accuracy, %", "least", "largest", "seconds")


class Rows(NamedTuple):
    """Training rows, of which some have labels to learn from, and test rows."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def run(options):
    """Compare on MNIST, and on scikit-learn's digits."""
    bounds, sections = [], []
    seeds = SEEDS[:1] if options.quick else SEEDS
    mnist = load_mnist(options)
    if mnist is not None:
        for n_labels, gain in GAINS.items():
            found = compare("MNIST", mnist, n_labels, (512, 256), seeds, options)
            judge_all(bounds, "MNIST", n_labels, found, gain)
            sections.append(table_of("MNIST", mnist, n_labels, found))
    digits = split_digits(0)
    found = compare("digits", None, 50, (256, 128), seeds, options)
    judge_all(bounds, "digits", 50, found, 0.0)
    sections.append(table_of("digits", digits, 50, found))
    return Part(bounds, sections)


def load_mnist(options):
    """Return MNIST, or None if there is no such file."""
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return None
    X, X_test = _data.load_mnist(path)
    with np.load(path) as file:
        y, y_test = (file[name].astype(int) for name in ("y_train", "y_test"))
    if options.quick:
        step = len(X) // (20 * QUICK_ROWS)
        X, y, X_test, y_test = X[::step], y[::step], X_test[:200], y_test[:200]
    return Rows(X, y, X_test, y_test)


def split_digits(seed):
    """Return scikit-learn's digits, a quarter of them for testing."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X / 16, y, test_size=0.25, random_state=seed, stratify=y
    )
    return Rows(X, y, X_test, y_test)


def compare(name, rows, n_labels, hidden_layer_sizes, seeds, options):
    """Return accuracies and seconds by method, one of each for each seed."""
    found = {}
    for seed in seeds:
        own = split_digits(seed) if rows is None else rows
        known = draw_labels(own.y, n_labels, seed)
        for method, score in methods(own, known, hidden_layer_sizes, seed, options):
            with quiet():
                seconds, accuracy = seconds_of(score)
            note(f"{name}, {n_labels} labels, seed {seed}, {method}: {accuracy:.4f}")
            found.setdefault(method, []).append((100 * accuracy, seconds))
    return {method: np.array(values) for method, values in found.items()}


def draw_labels(y, n_labels, seed):
    """Return positions of rows with a label, as many of each class."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    each = n_labels // len(classes)
    parts = [rng.choice(np.flatnonzero(y == c), each, replace=False) for c in classes]
    return np.concatenate(parts)


def methods(rows, known, hidden_layer_sizes, seed, options):
    """Yield each method's name, and what fits it and returns its accuracy."""
    few, labels = rows.X[known], rows.y[known]

    def of(model):
        return lambda: model.fit(few, labels).score(rows.X_test, rows.y_test)

    yield "LogisticRegression", of(LogisticRegression(max_iter=2000))
    yield "SVC", of(SVC())
    yield "SVC on PCA(32)", of(make_pipeline(PCA(32, random_state=seed), SVC()))
    untrained = Autoencoder(
        N_COMPONENTS, hidden_layer_sizes=hidden_layer_sizes, max_epochs=0
    )
    yield SAME, of(AutoencoderClassifier(untrained, random_state=seed))
    layers = (*hidden_layer_sizes, N_COMPONENTS, *np.atleast_1d(_head_layers()))
    yield "MLPClassifier", of(MLPClassifier(layers, random_state=seed, max_iter=500))
    yield SPREADING, lambda: spread(rows, known, seed)
    yield OURS, lambda: ours(rows, known, seed, options)


def _head_layers():
    return AutoencoderClassifier().hidden_layer_sizes


def spread(rows, known, seed):
    """Return the accuracy of LabelSpreading over at most ``SPREAD_ROWS`` rows."""
    others = np.setdiff1d(np.arange(len(rows.y)), known)
    n_others = min(len(others), SPREAD_ROWS - len(known))
    others = np.random.default_rng(seed).choice(others, n_others, replace=False)
    index = np.concatenate([known, others])
    y = np.where(np.arange(len(index)) < len(known), rows.y[index], -1)
    model = LabelSpreading(kernel="knn", max_iter=100).fit(rows.X[index], y)
    return model.score(rows.X_test, rows.y_test)


def ours(rows, known, seed, options):
    """Return the accuracy of ours, with its defaults."""
    y = np.full(len(rows.y), -1)
    y[known] = rows.y[known]
    model = AutoencoderClassifier(random_state=seed)
    if options.quick:
        model.set_params(max_epochs=2)
    return model.fit(rows.X, y).score(rows.X_test, rows.y_test)


def judge_all(bounds, name, n_labels, found, gain):
    """Judge the mean accuracies of ours against the others'."""
    means = {method: values[:, 0].mean() for method, values in found.items()}
    rivals = [*RIVALS]
    if name == "digits" or n_labels == max(GAINS):
        rivals.append(SPREADING)
    for rival in rivals:
        least = gain if rival == SAME else 0.0
        claim = f"{name}, {n_labels} labels: points above {rival}"
        judge(bounds, _report.at_least(claim, means[OURS] - means[rival], least))


def table_of(name, rows, n_labels, found):
    """Return the section of a data set and a number of labels."""
    text = (
        f"{n_labels} of {len(rows.y)} training rows have a label, as many of each "
        f"class; accuracy on {len(rows.y_test)} test rows, with defaults, of "
        f"{len(found[OURS])} draws of the labels. Ours sees all training rows, "
        f"LabelSpreading (7 neighbours) at most {SPREAD_ROWS} of them, the others "
        "those with a label alone."
    )
    lines = [
        (
            method,
            f"{values[:, 0].mean():.2f}",
            f"{values[:, 0].min():.2f}",
            f"{values[:, 0].max():.2f}",
            f"{values[:, 1].mean():.1f}",
        )
        for method, values in found.items()
    ]
    return section(f"{name}, {n_labels} labels", text, HEADER, lines)
