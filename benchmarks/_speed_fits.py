"""How long whole fits take with each model's defaults."""

import warnings
from functools import partial

import _data
import _peers
import _report
import numpy as np
from _timing import interleave, median_ratio
from _variants import Part, judge, note
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from sklearn_ae import Autoencoder

OURS = "Autoencoder"

N_ROWS, N_FEATURES, N_COMPONENTS = 20_000, 30, 8
DIGITS_COMPONENTS, MNIST_COMPONENTS = 16, 32
QUICK_ROWS = 500
REPETITIONS = 3
# Seconds of so many epochs of MNIST on a GPU, at most.
GPU_EPOCHS, GPU_SECONDS = 30, 3.0
# MLPRegressor's default of 200 epochs would take longer on MNIST than all the rest.
MNIST_MLP_EPOCHS = 10


def run(options):
    """Time fits to a table, to digits and to MNIST."""
    warm_up(options.device)
    bounds = []
    repetitions = 1 if options.quick else options.repetitions or REPETITIONS
    table, digits = _data.make_table(N_ROWS, N_FEATURES), load_digits().data
    if options.quick:
        table, digits = table[:QUICK_ROWS], digits[:QUICK_ROWS]
    sections = [
        compare("table", table, models_for(N_COMPONENTS, options.device), repetitions),
        compare(
            "digits", digits, models_for(DIGITS_COMPONENTS, options.device), repetitions
        ),
    ]
    mnist = _data.mnist_path(options.data)
    if mnist.exists() and not options.quick:
        sections.append(compare_mnist(mnist, options.device))
        if options.device != "cpu":
            judge_mnist(mnist, options.device, bounds)
    elif not options.quick:
        note("MNIST is left out: images/mnist.npz is not among the data.")
    return Part(bounds, sections)


def models_for(k, device, *, mlp_epochs=200):
    """Return functions by name that make an unfitted model of code size ``k``."""
    models = {
        OURS: partial(Autoencoder, k, device=device, random_state=0),
        "PCA": partial(PCA, k, random_state=0),
        "MLPRegressor": partial(_peers.make_mlp, k, max_iter=mlp_epochs),
        "IsolationForest": partial(IsolationForest, random_state=0),
    }
    if not _peers.pyod_missing():
        models["PyOD"] = partial(_peers.make_pyod, k, device=device)
    return models


def fit(make_model, X):
    """Make a model and fit it."""
    model = make_model()
    with warnings.catch_warnings():
        # Time is measured here, not quality; reconstruction.py counts this warning.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, X) if isinstance(model, MLPRegressor) else model.fit(X)


def compare(name, X, models, repetitions, remark=""):
    """Time whole fits; return their section."""
    calls = {name: partial(fit, make_model, X) for name, make_model in models.items()}
    title = f"Fit: {name}, {len(X):,} × {X.shape[1]}{remark}"
    return timing_table(title, calls, repetitions)


def compare_mnist(path, device):
    """Time one fit of each model to MNIST's training images."""
    images, _ = _data.load_mnist(path)
    models = models_for(MNIST_COMPONENTS, device, mlp_epochs=MNIST_MLP_EPOCHS)
    remark = f" (MLPRegressor: {MNIST_MLP_EPOCHS} epochs)"
    return compare("MNIST", images, models, 1, remark)


def judge_mnist(path, device, bounds):
    """Judge the seconds of a fit of few epochs to MNIST's training images."""
    images, _ = _data.load_mnist(path)
    make_model = partial(
        Autoencoder,
        MNIST_COMPONENTS,
        max_epochs=GPU_EPOCHS,
        device=device,
        random_state=0,
    )
    seconds = interleave({OURS: partial(fit, make_model, images)}, REPETITIONS)[OURS]
    claim = f"seconds of {GPU_EPOCHS} epochs of MNIST on {device}"
    judge(bounds, _report.at_most(claim, float(np.median(seconds)), GPU_SECONDS))


def timing_table(title, calls, repetitions, n_rows=None):
    """Time calls in turn; return a section with their table.

    With ``n_rows``, the rows that each call handles, also their rate.
    """
    note(title)
    seconds = interleave(calls, repetitions)
    rows = []
    for name, values in seconds.items():
        median = np.median(values)
        row = [name, f"{median:.3f}", f"{median_ratio(values, seconds[OURS]):.2f}"]
        rows.append(row + ([f"{n_rows / median:,.0f}"] if n_rows else []))
    header = ["model", "seconds", "over ours"] + (["rows per second"] if n_rows else [])
    table = _report.markdown_table(header, rows)
    runs = "One run." if repetitions == 1 else f"Medians of {repetitions} runs in turn."
    return f"## {title}\n\n{runs}\n\n{table}"


def warm_up(device):
    """Load what torch loads on first use, on our side and on PyOD's."""
    X = _data.make_table(100, 4)
    for make_model in models_for(2, device, mlp_epochs=1).values():
        fit(make_model, X)
