"""What a step of training costs, and a whole fit, beside loops and other packages."""

from functools import partial
from typing import NamedTuple

import _data
import _peers
import _report
import numpy as np
from _loops import (
    BY_HAND,
    EARLY,
    PLAIN,
    SAME_EARLY,
    check_close,
    problem_of,
    train_by_hand,
    train_by_skorch,
    with_plain_layers,
)
from _timing import Stopwatch, interleave, median_ratio, seconds_of
from _variants import Part, judge, note, section
from threadpoolctl import threadpool_limits

from sklearn_ae import Autoencoder
from sklearn_ae.training import cpu_threads

OURS, PYOD, PYOD_BARE = "Autoencoder", "PyOD", "PyOD, bare"
SKORCH, MLP = "skorch", "MLPRegressor"

N_ROWS, QUICK_ROWS = 20_000, 1000
LOOPS, FITS, QUICK_REPETITIONS = 9, 5, 1

# PyOD's default, for all.
EPOCHS, QUICK_EPOCHS = 10, 2

THREADS = (1, 2)


class Setting(NamedTuple):
    """The shape of the rows, the network and the batches, and what is promised.

    ``over_hand`` bounds our time over that of the loop by hand from above, the others
    bound a rival's time over ours from below, if there is a number.
    """

    n_features: int
    hidden: int
    k: int
    batch_size: int
    over_hand: float
    over_torch: float | None = None
    over_mlp: float | None = None
    n_rows: int = N_ROWS
    epochs: int = EPOCHS

    @property
    def label(self):
        shape = f"{self.n_rows} × {self.n_features}, {self.hidden}, {self.k}"
        return f"{shape}, batch {self.batch_size}"

    @property
    def n_steps(self):
        return self.epochs * -(-self.n_rows // self.batch_size)

    @property
    def bounds(self):
        torch_too = {PYOD: self.over_torch, SKORCH: self.over_torch}
        return {**torch_too, MLP: self.over_mlp}


SETTINGS = (
    Setting(30, 64, 8, 64, over_hand=0.65, over_torch=2.5, over_mlp=0.95),
    Setting(30, 64, 8, 256, over_hand=0.75, over_torch=4.5, over_mlp=1.3),
    Setting(784, 128, 32, 256, over_hand=1.02),
)

LOOPS_HEADER = (
    *("rows, hidden, k", "threads", OURS, BY_HAND, PLAIN),
    *("over by hand", "over nn.Linear"),
)
FITS_HEADER = (
    *("rows, hidden, k", "model", "threads", "seconds", "over ours"),
    *("its training", "training over ours"),
)


def run(options):
    """Time the loops in turn, then whole fits."""
    bounds, loops, fits = [], [], []
    for setting in SETTINGS:
        if options.quick:
            setting = setting._replace(n_rows=QUICK_ROWS, epochs=QUICK_EPOCHS)
        loops.append(compare_loops(setting, bounds, _repetitions(options, LOOPS)))
        fits += compare_fits(setting, bounds, _repetitions(options, FITS))
    return Part(bounds, _sections(options, loops, fits))


def _repetitions(options, usual):
    if options.quick:
        return QUICK_REPETITIONS
    return options.repetitions or usual


LOOPS_TEXT = """\
Milliseconds per step: the loop that `fit` runs, and the shortest ones in plain torch
over the very same network, linear path included, with fused AdamW, the same batches and
the same cosine; over its own module, and with `torch.nn.Linear` for each layer. No rows
are held out. Their losses are the same up to rounding, to {early:g} of them in the
first {n_early} epochs, as checked before measuring. Medians of {n} interleaved runs;
ratios are the medians of those within each. All with as many threads as `fit` chooses.
"""
FITS_TEXT = """\
The same rows in float32, layers, batches and {epochs} epochs for all, and no rows held
out. Autoencoder alone has a linear path, and chooses its own number of threads; of the
others the faster counts of one and two threads, in torch and in BLAS. It scores rows
by their error, as PyOD does, 2048 of them for its threshold; the others have no scores.
PyOD with its defaults, and bare: without batch norm, dropout and standardising; skorch
with its defaults and Adam; MLPRegressor from X to X. Beside the whole fit, its training
alone. Medians of {n} interleaved runs, and of the ratios within each.
"""


def _sections(options, loops, fits):
    n_loops, n_fits = _repetitions(options, LOOPS), _repetitions(options, FITS)
    text = LOOPS_TEXT.format(early=SAME_EARLY, n_early=EARLY, n=n_loops).strip()
    whole = FITS_TEXT.format(epochs=EPOCHS, n=n_fits).strip()
    return [
        section("Steps", text, LOOPS_HEADER, loops),
        section("Whole fits", whole, FITS_HEADER, fits),
    ]


# -- against loops by hand


def make_autoencoder(setting):
    """Return our estimator of a setting."""
    return Autoencoder(
        setting.k,
        hidden_layer_sizes=(setting.hidden,),
        batch_size=setting.batch_size,
        max_epochs=setting.epochs,
        early_stopping=False,
        # PyOD's score; of the others none has any.
        outlier_score="reconstruction",
        random_state=0,
    )


def make_rows(setting):
    return _data.make_table(setting.n_rows, setting.n_features)


def compare_loops(setting, bounds, repetitions):
    """Return the cells of one line, and judge the loop of ``fit``."""
    problem, n_threads = problem_of(make_autoencoder(setting), make_rows(setting))
    ways = {
        OURS: partial(train_by_skorch, problem),
        BY_HAND: partial(train_by_hand, problem),
        PLAIN: partial(train_by_hand, problem, with_plain_layers(problem.network)),
    }
    with cpu_threads(n_threads):
        check_close(problem)
        seconds = interleave(ways, repetitions)
    ratio = median_ratio(seconds[OURS], seconds[BY_HAND])
    claim = f"fit's loop over that by hand: {setting.label}"
    judge(bounds, _report.at_most(claim, ratio, setting.over_hand))
    cells = (
        setting.label,
        n_threads,
        *(f"{1e3 * np.median(seconds[way]) / setting.n_steps:.3f}" for way in ways),
        f"{ratio:.3f}",
        f"{median_ratio(seconds[OURS], seconds[PLAIN]):.3f}",
    )
    note(*cells)
    return cells


# -- against other packages


def compare_fits(setting, bounds, repetitions):
    """Return a line by model, and judge the other packages' whole fits."""
    X = make_rows(setting)
    problem, n_threads = problem_of(make_autoencoder(setting), X)
    ways = ways_of(setting, n_threads)
    for way, fit in ways.items():
        timed_fit(fit, X[: setting.batch_size], way)  # loads what it needs
    whole, training = {way: [] for way in ways}, {way: [] for way in ways}
    for _ in range(repetitions):
        for way, fit in ways.items():
            seconds, alone = timed_fit(fit, X, way)
            whole[way].append(seconds)
            training[way].append(alone or seconds)
        with cpu_threads(n_threads):
            training[OURS, n_threads][-1] = seconds_of(
                partial(train_by_skorch, problem)
            )[0]
    best = fastest(whole)
    ours = np.array(whole[best[OURS]]), np.array(training[best[OURS]])
    lines = []
    for name, way in best.items():
        ratio = median_ratio(np.array(whole[way]), ours[0])
        alone = median_ratio(np.array(training[way]), ours[1])
        seconds = f"{np.median(whole[way]):.3f}", f"{np.median(training[way]):.3f}"
        lines.append(
            (
                setting.label,
                *way,
                seconds[0],
                f"{ratio:.2f}",
                seconds[1],
                f"{alone:.2f}",
            )
        )
        note(*lines[-1])
        if setting.bounds.get(name):
            claim = f"{name}'s whole fit over ours: {setting.label}"
            judge(bounds, _report.at_least(claim, ratio, setting.bounds[name]))
    return lines


def ways_of(setting, n_threads):
    """Return functions that fit rows, by model and number of threads."""
    rivals = {SKORCH: fit_skorch, MLP: fit_mlp}
    if not _peers.pyod_missing():
        bare = {"batch_norm": False, "dropout_rate": 0.0, "preprocessing": False}
        rivals[PYOD] = fit_pyod
        rivals[PYOD_BARE] = partial(fit_pyod, **bare)
    ways = {(OURS, n_threads): partial(fit_ours, setting)}
    for name, fit in rivals.items():
        ways.update({(name, n): partial(fit, setting) for n in THREADS})
    return ways


def timed_fit(fit, X, way):
    """Return the seconds of a fit, and of its training if it tells."""
    name, n_threads = way
    if name == OURS:
        return seconds_of(partial(fit, X))
    with cpu_threads(n_threads), threadpool_limits(n_threads, user_api="blas"):
        return seconds_of(partial(fit, X))


def fastest(seconds):
    """Return by model the way with the least median."""
    best = {}
    for way in sorted(seconds, key=lambda way: np.median(seconds[way])):
        best.setdefault(way[0], way)
    return {name: best[name] for name in dict.fromkeys(name for name, _ in seconds)}


def fit_ours(setting, X):
    make_autoencoder(setting).fit(X)


def fit_pyod(setting, X, **parameters):
    """Fit PyOD's autoencoder; return the seconds of its training."""
    detector = _peers.make_pyod(
        setting.k,
        hidden_neuron_list=[setting.hidden, setting.k],
        batch_size=setting.batch_size,
        epoch_num=setting.epochs,
        **parameters,
    )
    detector.train = watch = Stopwatch(detector.train)
    detector.fit(X)
    return watch.seconds


def fit_skorch(setting, X):
    """Fit a plain net by skorch, which does nothing but train."""
    net = _peers.make_skorch(
        X.shape[1],
        setting.hidden,
        setting.k,
        batch_size=setting.batch_size,
        max_epochs=setting.epochs,
    )
    net.fit(X, X)


def fit_mlp(setting, X):
    """Fit scikit-learn's network, which does nothing but train."""
    model = _peers.make_mlp(setting.k, hidden=setting.hidden, max_iter=setting.epochs)
    model.set_params(batch_size=setting.batch_size, n_iter_no_change=setting.epochs)
    _peers.fit_mlp(model, X)
