"""How many rows a second pass through fitted models."""

from functools import partial

import _data
from _speed_fits import (
    N_COMPONENTS,
    N_FEATURES,
    N_ROWS,
    OURS,
    QUICK_ROWS,
    REPETITIONS,
    fit,
    models_for,
    timing_table,
)
from _variants import Part

MANY_ROWS = 1_000_000
# PyOD scores in batches of 32 by default; this is to its favour.
PYOD_BATCH = 8192


def run(options):
    """Time codes, reconstructions and scores of many rows."""
    repetitions = 1 if options.quick else options.repetitions or REPETITIONS
    n_rows, n_train = (QUICK_ROWS, QUICK_ROWS) if options.quick else (MANY_ROWS, N_ROWS)
    X = _data.make_table(n_rows, N_FEATURES)
    models = models_for(N_COMPONENTS, options.device)
    fitted = {name: fit(make, X[:n_train]) for name, make in models.items()}
    shape = f"{n_rows:,} × {N_FEATURES}"
    return Part(
        [],
        [
            timing_table(
                f"{what}: {shape}",
                {name: partial(call, X) for name, call in calls.items()},
                repetitions,
                n_rows,
            )
            for what, calls in calls_of(fitted).items()
        ],
    )


def calls_of(fitted):
    """Return by name of a method what answers it, by model."""
    transforms = {name: fitted[name].transform for name in (OURS, "PCA")}
    reconstructions = {
        OURS: fitted[OURS].reconstruct,
        "PCA": lambda rows: fitted["PCA"].inverse_transform(transforms["PCA"](rows)),
        "MLPRegressor": fitted["MLPRegressor"].predict,
    }
    scores = {
        name: fitted[name].score_samples for name in (OURS, "PCA", "IsolationForest")
    }
    if "PyOD" in fitted:
        scores["PyOD"] = partial(
            fitted["PyOD"].decision_function, batch_size=PYOD_BATCH
        )
    return {
        "transform": transforms,
        "reconstruct": reconstructions,
        "score_samples": scores,
    }
