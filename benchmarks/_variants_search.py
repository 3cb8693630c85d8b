"""GridSearchCV over the parameter that makes each variant, with no scorer."""

import _report
import numpy as np
from _timing import seconds_of
from _variants import (
    QUICK_EPOCHS,
    QUICK_ROWS,
    Part,
    judge,
    note,
    quiet,
    section,
    sklearn_table,
)
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import StandardScaler

import sklearn_ae

FOLDS = 3

# Estimator, parameter, its values, data.
SEARCHES = (
    ("DenoisingAutoencoder", "corruption_rate", (0.0, 0.1, 0.2, 0.4), "digits"),
    ("SparseAutoencoder", "penalty", ("topk", "l1", "kl"), "breast cancer"),
    ("VariationalAutoencoder", "beta", (0.25, 1.0, 4.0), "breast cancer"),
)


def run(options):
    """Run each search, as far as the estimators exist."""
    bounds, rows = [], []
    for name, parameter, values, data in SEARCHES:
        X = StandardScaler().fit_transform(sklearn_table(data).read())
        model = getattr(sklearn_ae, name)(random_state=0)
        if options.quick:
            X, model = X[:QUICK_ROWS], model.set_params(max_epochs=QUICK_EPOCHS)
        folds = KFold(FOLDS, shuffle=True, random_state=0)
        search = GridSearchCV(model, {parameter: values}, cv=folds, error_score=np.nan)
        with quiet():
            seconds, _ = seconds_of(lambda s=search, X=X: s.fit(X))
        scores = search.cv_results_["mean_test_score"]
        chosen = search.best_params_[parameter]
        shown = ", ".join(
            f"{value}: {score:.4f}" for value, score in zip(values, scores, strict=True)
        )
        rows.append((name, parameter, data, shown, chosen, f"{seconds:.0f}"))
        note(*rows[-1])
        failed = int((~np.isfinite(scores)).sum())
        claim = f"{name}: values of {parameter} without a score"
        judge(bounds, _report.at_most(claim, failed, 0))
        if parameter == "corruption_rate":
            claim = f"{name}: rate chosen on {data} with swapped cells"
            judge(bounds, _report.at_least(claim, chosen, min(values[1:])))
    text = (
        f"GridSearchCV with {FOLDS} shuffled folds of standardised rows, else with "
        "defaults, and no scorer: every estimator is judged by its own `score`. Of the "
        "denoiser this is the R² to clean rows from rows with swapped cells, corrupted "
        "alike for every candidate. The scores of penalties are R² at unlike numbers "
        "of active units: they say which keeps more, not which is sparser. Those of "
        "beta are log-likelihoods."
    )
    header = ("estimator", "parameter", "data", "mean scores", "chosen", "s")
    return Part(bounds, [section("GridSearchCV", text, header, rows)])
