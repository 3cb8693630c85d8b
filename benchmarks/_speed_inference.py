"""Rows per second of a fitted estimator, and the memory they take."""

import copy
import warnings

import _report
import numpy as np
import torch
from _data import make_table
from _memory import in_child, megabytes_beside
from _timing import interleave, median_ratio, threads
from _variants import Part, judge, note, section
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning

from sklearn_ae import Autoencoder

N_ROWS, QUICK_ROWS, N_FEATURES, K = 1_000_000, 20_000, 30, 8
FIT_ROWS, REPETITIONS = 20_000, 5

# Rows of the bare module's blocks: those of the estimator.
BLOCK = 1024

# Times the rows of IsolationForest, times the seconds of the bare module, and megabytes
# that ten times as many rows may take more.
FASTER, BARE, GROWTH = 10, 1.2, 16

FOREST = "IsolationForest.score_samples"
MODULE, KEPT = "bare module, encode", "bare module, codes kept"
CODES, ERRORS = "transform", 'score_samples, "reconstruction"'

HEADER = ("layers", "rows as", "threads", "way", "rows per second", f"over {FOREST}")

# The network of the other bounds, and the default one, of which a row takes fourteen
# times as many products: that one has no bound on how far it is ahead of a forest.
SMALL, LAYERS = "64", {"64": (64,), "default": "auto"}


def run(options):
    """Time all ways in turn, in either precision, on one thread and on two."""
    X = make_table(QUICK_ROWS if options.quick else N_ROWS, N_FEATURES)
    bounds, rows = [], []
    for layers in LAYERS:
        models = fit_models(X[:FIT_ROWS], layers)
        for dtype in (np.float32, np.float64):
            for n_threads in (1, 2):
                rows += compare(models, X.astype(dtype), n_threads, layers, bounds)
    sizes = [len(X), 10 * len(X)]
    taken = [in_child("_speed_inference", "memory_of_scores", n) for n in sizes]
    growth = taken[1] - taken[0]
    judge(
        bounds, _report.at_most("megabytes more for ten times the rows", growth, GROWTH)
    )
    text = (
        f"{len(X):,} rows of {N_FEATURES} columns; an `Autoencoder` of {K} components, "
        f"fitted to {FIT_ROWS:,} of them, beside scikit-learn's with their defaults, "
        "which are one thread, and beside its own torch module over standardised "
        f"tensors in blocks of {BLOCK} rows, in float64, as codes are computed; the "
        "bound is against the one that drops its codes. "
        "Threads are those that torch may have. The bound on errors is of the small "
        "network, float32 rows and two threads. Medians of "
        f"{1 if options.quick else REPETITIONS} interleaved runs. Scores of "
        f"{sizes[0]:,} float32 rows took {taken[0]:.0f} MB beside input and result, "
        f"those of {sizes[1]:,} {taken[1]:.0f} MB."
    )
    return Part(bounds, [section("Inference", text, HEADER, rows)])


def fit_models(X, layers=SMALL):
    """Return fitted estimators by what they stand for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        errors = Autoencoder(
            K,
            hidden_layer_sizes=LAYERS[layers],
            max_epochs=2,
            outlier_score="reconstruction",
            random_state=0,
        ).fit(X)
    auto = copy.deepcopy(errors).set_params(outlier_score="auto", max_epochs=0)
    return {
        "errors": errors,
        "auto": auto.fit(X),
        "pca": PCA(errors.n_components_).fit(X),
        "forest": IsolationForest(random_state=0).fit(X),
    }


def compare(models, X, n_threads, layers, bounds):
    """Return the lines of all ways on so many threads, and judge them."""
    repetitions = 1 if len(X) < N_ROWS else REPETITIONS
    with threads(n_threads):
        seconds = interleave(ways_of(models, X), repetitions)
    how = f"{X.dtype}, {n_threads} thread" + "s" * (n_threads > 1)
    how += f", layers {layers}"
    if (layers, X.dtype, n_threads) == (SMALL, np.float32, 2):
        ratio = median_ratio(seconds[FOREST], seconds[ERRORS])
        judge(bounds, _report.at_least(f"rows over {FOREST}, {how}", ratio, FASTER))
    ratio = median_ratio(seconds[CODES], seconds[MODULE])
    judge(bounds, _report.at_most(f"{CODES} over {MODULE}, {how}", ratio, BARE))
    return [
        (
            layers,
            X.dtype,
            n_threads,
            way,
            f"{len(X) / np.median(of_way):,.0f}",
            f"{median_ratio(seconds[FOREST], of_way):.2f}",
        )
        for way, of_way in seconds.items()
    ]


def ways_of(models, X):
    """Return what is timed, by name."""
    errors, module = models["errors"], models["errors"].net_.module_
    rows = errors._scaling.standardize(X, torch.float64, torch.device("cpu"))

    @torch.no_grad()
    def encode():
        for block in rows.split(BLOCK):
            module.encode(block)

    @torch.no_grad()
    def keep():
        codes = torch.empty((len(rows), K), dtype=torch.float64)
        for part, block in zip(codes.split(BLOCK), rows.split(BLOCK), strict=True):
            part.copy_(module.encode(block)[0])

    ways = {
        FOREST: lambda: models["forest"].score_samples(X),
        ERRORS: lambda: errors.score_samples(X),
        "reconstruct": lambda: errors.reconstruct(X),
        CODES: lambda: errors.transform(X),
        MODULE: encode,
        KEPT: keep,
        "PCA.transform": lambda: models["pca"].transform(X),
    }
    if X.dtype == np.float32:  # distances take float64 anyway, and long
        ways['score_samples, "auto"'] = lambda: models["auto"].score_samples(X)
    return ways


def memory_of_scores(n_rows):
    """Return the megabytes that scores of so many rows take beside input and result."""
    X = make_table(FIT_ROWS, N_FEATURES)
    model = fit_models(X)["errors"]
    model.score_samples(X)  # what is loaded or kept once
    X = np.tile(X, (-(-n_rows // FIT_ROWS), 1))[:n_rows]
    taken = megabytes_beside(lambda: model.score_samples(X))
    note(f"{n_rows:,} rows scored")
    return taken
