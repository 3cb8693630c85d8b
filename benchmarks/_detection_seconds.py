"""Part of ``detection.py``: seconds and memory of the default score of many rows."""

import _report
import numpy as np
from _data import make_table
from _memory import in_child, megabytes_beside
from _timing import interleave, median_ratio, threads
from _variants import Part, judge, note, quiet, section
from sklearn.ensemble import IsolationForest

from sklearn_ae import Autoencoder, OutlierAutoencoder

N_ROWS, QUICK_ROWS, N_FEATURES, K = 1_000_000, 20_000, 30, 8
FIT_ROWS, REPETITIONS = 20_000, 3

# Threads that torch may have; a forest takes one, unless it is asked for more.
N_THREADS = (1, 2)

# Times the seconds of IsolationForest, and megabytes that ten times as many rows may
# take more. The larger of the two sets of rows is that of the seconds.
SLOWER, GROWTH = 5, 16

FOREST = "IsolationForest"

HEADER = ("threads", "model", "seconds", f"times {FOREST}")

TEXT = (
    "`score_samples` with its default score, of {n_rows:,} rows of {n_features} "
    "columns, of models that are fitted to {n_fit:,} of them, beside scikit-learn's "
    "`IsolationForest()`, which takes one thread; threads are those that torch may "
    "have. Medians of {repetitions} interleaved runs, and of the ratios in each. "
    "Scores of {few:,} rows took {small:.0f} MB beside input and result, those of "
    "{n_rows:,} {large:.0f} MB."
)


def run(options):
    """Time the scores of all models, and see what memory they take."""
    X = make_table(QUICK_ROWS if options.quick else N_ROWS, N_FEATURES)
    repetitions = 1 if options.quick else REPETITIONS
    models, bounds, rows = fit_models(X[:FIT_ROWS]), [], []
    for n_threads in N_THREADS:
        rows += compare(models, X, n_threads, repetitions, bounds)
    few = len(X) // 10
    small, large = (memory_in_child(n_rows) for n_rows in (few, len(X)))
    claim = "megabytes more for ten times the rows"
    judge(bounds, _report.at_most(claim, large - small, GROWTH))
    text = TEXT.format(
        n_rows=len(X),
        n_features=N_FEATURES,
        n_fit=min(FIT_ROWS, len(X)),
        repetitions=repetitions,
        few=few,
        small=small,
        large=large,
    )
    return Part(bounds, [section("Seconds of scores", text, HEADER, rows)])


def fit_models(X):
    """Return fitted models by name, the forest first."""
    models = (
        IsolationForest(random_state=0),
        OutlierAutoencoder(random_state=0),
        Autoencoder(K, random_state=0),
    )
    with quiet():
        return {type(model).__name__: model.fit(X) for model in models}


def compare(models, X, n_threads, repetitions, bounds):
    """Return the lines of all models on so many threads; judge all but the forest."""
    ways = {
        name: lambda model=model: model.score_samples(X)
        for name, model in models.items()
    }
    with threads(n_threads):
        seconds = interleave(ways, repetitions)
    lines = []
    for name, own in seconds.items():
        ratio = median_ratio(own, seconds[FOREST])
        lines.append((n_threads, name, f"{np.median(own):.2f}", f"{ratio:.2f}"))
        if name != FOREST:
            claim = f"seconds of {name} over {FOREST}, threads: {n_threads}"
            judge(bounds, _report.at_most(claim, ratio, SLOWER))
    return lines


def memory_in_child(n_rows):
    """Return the megabytes that scores take, in a process of its own."""
    taken = in_child("_detection_seconds", "memory_of_scores", n_rows)
    note(f"{n_rows:,} rows scored, {taken:.0f} MB")
    return taken


def memory_of_scores(n_rows):
    """Return the megabytes that scores of so many rows take beside input and result."""
    X = make_table(n_rows, N_FEATURES)
    with quiet():
        model = Autoencoder(K, max_epochs=1, random_state=0).fit(X[:FIT_ROWS])
    model.score_samples(X[:FIT_ROWS])  # what is loaded or kept once
    return megabytes_beside(lambda: model.score_samples(X))
