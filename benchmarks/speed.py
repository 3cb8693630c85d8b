"""How long whole fits take, and how many rows a second pass through fitted models.

Every model with its defaults and the same code size, in one run and in turn, so that
whatever else the machine does falls on all of them: Autoencoder, PCA, MLPRegressor
fitted from X to X, IsolationForest, and PyOD's AutoEncoder where it is installed.

    python benchmarks/speed.py --device cpu
    python benchmarks/speed.py --device cuda

With a GPU, Autoencoder and PyOD run on it, and results in float32 are compared with the
CPU's. Bound: they differ by at most 1e-3; times have no bound. A missed bound makes the
exit status 1.
"""

import argparse
import copy
import warnings
from functools import partial
from pathlib import Path

import _data
import _peers
import _report
import numpy as np
import torch
from _report import say
from _timing import interleave, median_ratio
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from sklearn_ae import Autoencoder

OURS = "Autoencoder"
AGREEMENT = 1e-3

N_ROWS, N_FEATURES, N_COMPONENTS = 20_000, 30, 8
DIGITS_COMPONENTS, MNIST_COMPONENTS = 16, 32
MANY_ROWS = 1_000_000
# MLPRegressor's default of 200 epochs would take longer on MNIST than all the rest.
MNIST_MLP_EPOCHS = 10
# PyOD scores in batches of 32 by default; this is to its favour.
PYOD_BATCH = 8192


# -- fits


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


def compare_fits(title, X, models, repetitions):
    """Time whole fits; print and return their table."""
    calls = {name: partial(fit, make_model, X) for name, make_model in models.items()}
    return timing_table(f"Fit: {title}", calls, repetitions)


def timing_table(title, calls, repetitions, n_rows=None):
    """Time calls in turn; print and return a section with their table.

    With ``n_rows``, the rows that each call handles, also their rate.
    """
    say(f"\n{title}")
    seconds = interleave(calls, repetitions)
    rows = []
    for name, values in seconds.items():
        median = np.median(values)
        row = [name, f"{median:.3f}", f"{median_ratio(values, seconds[OURS]):.2f}"]
        rows.append(row + ([f"{n_rows / median:,.0f}"] if n_rows else []))
    header = ["model", "seconds", "over ours"] + (["rows per second"] if n_rows else [])
    table = _report.markdown_table(header, rows)
    say(table)
    return f"## {title}\n\nMedians of {repetitions} interleaved runs.\n\n{table}"


# -- throughput


def compare_throughput(n_rows, device, repetitions):
    """Time ``transform`` and the scores of fitted models on many rows."""
    X = _data.make_table(n_rows, N_FEATURES)
    models = models_for(N_COMPONENTS, device)
    fitted = {name: fit(make, X[:N_ROWS]) for name, make in models.items()}
    transforms = {name: fitted[name].transform for name in (OURS, "PCA")}
    scores = {
        name: fitted[name].score_samples for name in (OURS, "PCA", "IsolationForest")
    }
    if "PyOD" in fitted:
        scores["PyOD"] = partial(
            fitted["PyOD"].decision_function, batch_size=PYOD_BATCH
        )
    reconstructions = {
        OURS: fitted[OURS].reconstruct,
        "PCA": lambda rows: fitted["PCA"].inverse_transform(transforms["PCA"](rows)),
        "MLPRegressor": fitted["MLPRegressor"].predict,
    }
    shape = f"{n_rows:,} × {N_FEATURES}"
    return [
        timing_table(
            f"{what}: {shape}",
            {name: partial(call, X) for name, call in calls.items()},
            repetitions,
            n_rows,
        )
        for what, calls in (
            ("transform", transforms),
            ("reconstruct", reconstructions),
            ("score_samples", scores),
        )
    ]


# -- agreement of devices


def compare_devices(device):
    """Return the bounds on how far results in float32 are from the CPU's."""
    X = _data.make_table(N_ROWS, N_FEATURES)
    rows = X[: N_ROWS // 2]
    model = Autoencoder(N_COMPONENTS, device=device, random_state=0).fit(rows)
    twin = copy.deepcopy(model)
    twin.net_.module_.to("cpu")
    bounds = [
        _bound(f"{name}, one model on both devices", getattr(model, name), twin, X)
        for name in ("transform", "reconstruct", "score_samples")
    ]
    on_cpu = Autoencoder(N_COMPONENTS, device="cpu", random_state=0).fit(rows)
    held_out = X[N_ROWS // 2 :]
    gap = abs(model.score(held_out) - on_cpu.score(held_out))
    bounds.append(_report.at_most("held-out R² of two fits", gap, AGREEMENT))
    # Training amplifies rounding step by step, so weights can only be compared early.
    early = {"max_epochs": 1, "early_stopping": False, "random_state": 0}
    one, other = (
        fit(partial(Autoencoder, N_COMPONENTS, device=where, **early), rows)
        for where in (device, "cpu")
    )
    bounds.append(_bound("reconstruct, after one epoch", one.reconstruct, other, X))
    return bounds


def _bound(claim, method, twin, X):
    """Bound the largest difference, in standard deviations of the results."""
    ours, cpu = method(X), getattr(twin, method.__name__)(X)
    gap = float(np.abs(ours - cpu).max() / cpu.std())
    return _report.at_most(claim, gap, AGREEMENT)


# -- the command


def main():
    """Run what the command line asks for."""
    parser = make_parser()
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: there is no GPU that torch can use.")
    device, repetitions = options.device, options.repetitions
    sections, bounds = [], []
    if _peers.pyod_missing():
        say(_peers.pyod_missing())
    warm_up(device)
    if device != "cpu":
        bounds = compare_devices(device)
        sections.append(_report.bounds_table(bounds))
        say(sections[0])
    table, digits = _data.make_table(N_ROWS, N_FEATURES), load_digits().data
    models = models_for(N_COMPONENTS, device)
    sections.append(compare_fits(_title("table", table), table, models, repetitions))
    models = models_for(DIGITS_COMPONENTS, device)
    sections.append(compare_fits(_title("digits", digits), digits, models, repetitions))
    sections += compare_throughput(options.rows, device, repetitions)
    mnist = _data.mnist_path(options.data)
    if mnist.exists() and not options.skip_mnist:
        sections.append(fit_mnist(mnist, device))
    elif not options.skip_mnist:
        say("MNIST is left out: images/mnist.npz is not among the data.")
    if options.save:
        command = f"python benchmarks/speed.py --device {device}"
        _report.write(f"speed_{device}", f"Speed on {device}", command, sections)
    _report.finish(bounds)


def fit_mnist(path, device):
    """Time one fit of each model to MNIST's training images."""
    images, _ = _data.load_mnist(path)
    models = models_for(MNIST_COMPONENTS, device, mlp_epochs=MNIST_MLP_EPOCHS)
    title = f"{_title('MNIST', images)} (MLPRegressor: {MNIST_MLP_EPOCHS} epochs)"
    return compare_fits(title, images, models, repetitions=1)


def _title(name, X):
    return f"{name}, {len(X):,} × {X.shape[1]}"


def warm_up(device):
    """Load what torch loads on first use, on our side and on PyOD's."""
    X = _data.make_table(100, 4)
    for make_model in models_for(2, device, mlp_epochs=1).values():
        fit(make_model, X)


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add("--repetitions", type=int, default=3)
    add("--rows", type=int, default=MANY_ROWS, help="rows whose throughput is measured")
    add("--skip-mnist", action="store_true", help="leave MNIST out")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write the tables to benchmarks/results/",
    )
    return parser


if __name__ == "__main__":
    main()
