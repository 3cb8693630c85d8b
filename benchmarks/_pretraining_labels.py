"""Few labels and many rows: accuracy on test rows, beside what needs no pretraining."""

from typing import NamedTuple

import _data
import _report
import numpy as np
from _timing import seconds_of
from _variants import QUICK_ROWS, Part, judge, note, quiet, section
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from sklearn_ae import Autoencoder, AutoencoderClassifier

SEEDS = range(5)
N_COMPONENTS = 32


class Plan(NamedTuple):
    """What is asked of a data set.

    ``gains`` are points above the same network without pretraining, by number of
    labels; ``epochs`` and ``hidden_layer_sizes`` those of the usual encoder.
    """

    gains: dict
    epochs: int
    hidden_layer_sizes: tuple


MNIST = Plan({100: 4.0, 1000: 1.5}, 10, (512, 256))
DIGITS = Plan({50: 0.0}, 400, (256, 128))

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
    """Compare on scikit-learn's digits, and on MNIST."""
    bounds, sections = [], []
    seeds = SEEDS[:1] if options.quick else SEEDS
    found = compare("digits", split_digits, DIGITS, seeds, options)
    mnist = load_mnist(options)
    if mnist is not None:
        found |= compare("MNIST", lambda seed: mnist, MNIST, seeds, options)
    for (name, n_labels), values in found.items():
        judge_all(bounds, name, n_labels, values)
        rows = mnist if name == "MNIST" else split_digits(0)
        sections.append(table_of(name, rows, n_labels, values))
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


def compare(name, read, plan, seeds, options):
    """Return accuracies and seconds by numbers of labels and method, seed by seed."""
    found = {(name, n_labels): {} for n_labels in plan.gains}
    for seed in seeds:
        rows = read(seed)
        model = AutoencoderClassifier(random_state=seed)
        encoder = pretrained(rows, plan, seed, options)
        note(f"{name}, seed {seed}: pretrained in {encoder.seconds:.0f} s")
        for n_labels in plan.gains:
            known = draw_labels(rows.y, n_labels, seed)
            for method, score in methods(rows, known, plan, model, encoder).items():
                with quiet():
                    seconds, accuracy = seconds_of(score)
                note(f"{name}, {n_labels}, seed {seed}, {method}: {accuracy:.4f}")
                line = found[name, n_labels].setdefault(method, [])
                line.append((100 * accuracy, seconds))
    return {
        key: {method: np.array(line) for method, line in lines.items()}
        for key, lines in found.items()
    }


def pretrained(rows, plan, seed, options):
    """Return the usual encoder, fitted to all rows once for all numbers of labels."""
    encoder = Autoencoder(
        N_COMPONENTS, max_epochs=2 if options.quick else plan.epochs, random_state=seed
    )
    with quiet():
        encoder.seconds, _ = seconds_of(lambda: encoder.fit(rows.X))
    return encoder


def draw_labels(y, n_labels, seed):
    """Return positions of rows with a label, as many of each class."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    each = n_labels // len(classes)
    parts = [rng.choice(np.flatnonzero(y == c), each, replace=False) for c in classes]
    return np.concatenate(parts)


def methods(rows, known, plan, model, encoder):
    """Return by name of each method what fits it and returns its accuracy."""
    few, labels = rows.X[known], rows.y[known]
    seed = model.random_state

    def of(model):
        return lambda: model.fit(few, labels).score(rows.X_test, rows.y_test)

    untrained = Autoencoder(
        N_COMPONENTS, hidden_layer_sizes=plan.hidden_layer_sizes, max_epochs=0
    )
    layers = *plan.hidden_layer_sizes, N_COMPONENTS, *model.head_layer_sizes
    return {
        "LogisticRegression": of(LogisticRegression(max_iter=2000)),
        "SVC": of(SVC()),
        "SVC on PCA(32)": of(make_pipeline(PCA(32, random_state=seed), SVC())),
        SAME: of(clone(model).set_params(encoder=untrained, early_stopping=False)),
        "MLPClassifier": of(MLPClassifier(layers, random_state=seed, max_iter=500)),
        SPREADING: lambda: spread(rows, known, seed),
        OURS: lambda: ours(rows, known, clone(model), encoder),
    }


def spread(rows, known, seed):
    """Return the accuracy of LabelSpreading over at most ``SPREAD_ROWS`` rows."""
    others = np.setdiff1d(np.arange(len(rows.y)), known)
    n_others = min(len(others), SPREAD_ROWS - len(known))
    others = np.random.default_rng(seed).choice(others, n_others, replace=False)
    index = np.concatenate([known, others])
    y = np.where(np.arange(len(index)) < len(known), rows.y[index], -1)
    model = LabelSpreading(kernel="knn", max_iter=100).fit(rows.X[index], y)
    return model.score(rows.X_test, rows.y_test)


def ours(rows, known, model, encoder):
    """Return the accuracy of ours, with its defaults."""
    y = np.full(len(rows.y), -1)
    y[known] = rows.y[known]
    model.set_params(encoder=FrozenEstimator(encoder)).fit(rows.X, y)
    return model.score(rows.X_test, rows.y_test)


def judge_all(bounds, name, n_labels, found):
    """Judge the mean accuracies of ours against the others'."""
    means = {method: values[:, 0].mean() for method, values in found.items()}
    rivals = [*RIVALS]
    if n_labels != min(MNIST.gains):
        rivals.append(SPREADING)
    gain = {"digits": DIGITS, "MNIST": MNIST}[name].gains[n_labels]
    for rival in rivals:
        least = gain if rival == SAME else 0.0
        claim = f"{name}, {n_labels} labels: points above {rival}"
        judge(bounds, _report.at_least(claim, means[OURS] - means[rival], least))


def table_of(name, rows, n_labels, found):
    """Return the section of a data set and a number of labels."""
    text = (
        f"{n_labels} of {len(rows.y)} training rows have a label, as many of each "
        f"class; accuracy on {len(rows.y_test)} test rows, with defaults, of "
        f"{len(found[OURS])} draws of the labels. Ours sees all training rows; its "
        "seconds are those after pretraining, which the output of the script has. The "
        "same network, not pretrained, is fitted to the rows with a label alone, with "
        "early_stopping=False. "
        f"LabelSpreading (7 neighbours) sees at most {SPREAD_ROWS} of them, the others "
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
