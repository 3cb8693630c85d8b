"""Searches whose fits train together, beside scikit-learn's; ensembles beside one."""

from functools import partial

import _report
import numpy as np
from _data import make_table
from _timing import interleave, median_ratio
from _variants import QUICK_ROWS, Part, judge, note, quiet, section
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder, AutoencoderEnsemble
from sklearn_ae.model_selection import BatchedGridSearchCV

# Times GridSearchCV by device, times one member, and the difference of mean scores.
# On a CPU only dispatch is saved; on a GPU one small network leaves most of it idle.
FASTER, MEMBERS, AGREEMENT = {"cpu": 1.5, "cuda": 20}, 7, 1e-3

N_JOBS, N_FOLDS, REPETITIONS, N_MEMBERS = 2, 5, 3, 16

GRID = {
    "autoencoder__learning_rate": [1e-3, 3e-3, 1e-2],
    "autoencoder__weight_decay": [0, 0.01, 0.1, 1.0],
    "autoencoder__n_components": [4, 8],
}

# The network of the other bounds, whose epochs the search itself judges; and the
# package's defaults, whose steps are arithmetic, of which nothing is saved. Of the
# second there is one run, without a bound.
SMALL = {"hidden_layer_sizes": (64,), "batch_size": 64, "early_stopping": False}
SETTINGS = {"64-k, batch 64, 30 epochs": {**SMALL, "max_epochs": 30}, "defaults": {}}
SETS = {"breast cancer": load_breast_cancer, "digits": load_digits}

ROWS, BATCHES = 20_000, (64, 256)

HEADER = (
    *("rows", "estimator", "GridSearchCV", "batched", "times", "same best"),
    "largest difference",
)
ENSEMBLE_HEADER = ("batch", "processes", "one member", "16 members", "times")


def run(options):
    """Time searches and ensembles in turn with what they stand beside."""
    bounds, lines, n_jobs = [], [], jobs_on(options.device)
    for setting, parameters in SETTINGS.items():
        for name, load in SETS.items():
            if options.quick and setting == "defaults":
                continue
            lines.append(compare(name, load(), setting, parameters, options, bounds))
            note(*lines[-1])
    text = (
        f"{len(GRID['autoencoder__learning_rate'])} learning rates, 4 weight decays "
        f"and 2 code sizes, {N_FOLDS} folds, behind a StandardScaler: GridSearchCV "
        f"and BatchedGridSearchCV on {options.device}, processes: {n_jobs}, of one "
        f"thread each, started before. Seconds, medians of {REPETITIONS} runs in turn, "
        "of the package's defaults one run."
    )
    sections = [section("Searches", text, HEADER, lines)]
    lines = [
        line
        for batch_size in BATCHES
        for line in compare_members(batch_size, options, bounds)
    ]
    text = (
        f"`AutoencoderEnsemble` of {N_MEMBERS} beside one member, alone: {ROWS:,} rows "
        "of 30 columns, a hidden layer of 64 and codes of 8, as many epochs as by "
        f"default, nothing held out. Seconds, medians of {REPETITIONS} runs in turn; "
        "the bound is on the most processes."
    )
    sections.append(section("Ensembles", text, ENSEMBLE_HEADER, lines))
    return Part(bounds, sections)


def compare(name, data, setting, parameters, options, bounds):
    """Return the line of one set and setting, and judge it if it is bounded."""
    X = data.data[:QUICK_ROWS] if options.quick else data.data
    if options.quick:
        parameters = {**parameters, "max_epochs": 2}
    model = Autoencoder(random_state=0, device=options.device, **parameters)
    pipeline, n_jobs = make_pipeline(StandardScaler(), model), jobs_on(options.device)
    usual = GridSearchCV(pipeline, GRID, cv=N_FOLDS, n_jobs=n_jobs)
    batched = BatchedGridSearchCV(pipeline, GRID, cv=N_FOLDS, n_jobs=n_jobs)
    bounded = setting != "defaults"
    with quiet():
        start_workers(pipeline, X, n_jobs)
        ways = {"usual": lambda: usual.fit(X), "batched": lambda: batched.fit(X)}
        seconds = interleave(ways, REPETITIONS if bounded else 1)
    times = median_ratio(seconds["usual"], seconds["batched"])
    scores = [s.cv_results_["mean_test_score"] for s in (usual, batched)]
    gap = float(np.abs(scores[0] - scores[1]).max())
    same = usual.best_params_ == batched.best_params_
    where = f"{name}, {setting}"
    if bounded:
        least = FASTER[options.device]
        judge(bounds, _report.at_least(f"times faster: {where}", times, least))
    judge(bounds, _report.at_most(f"difference of scores: {where}", gap, AGREEMENT))
    judge(bounds, _report.at_least(f"same best parameters: {where}", float(same), 1))
    medians = [f"{np.median(of_way):.2f}" for of_way in seconds.values()]
    answer = "yes" if same else "no"
    return (name, setting, *medians, f"{times:.2f}", answer, f"{gap:.1e}")


def jobs_on(device):
    """Return how many processes fit: a GPU is one process's."""
    return N_JOBS if device == "cpu" else 1


def start_workers(pipeline, X, n_jobs):
    """Let GridSearchCV's processes load what they need."""
    grid = {"autoencoder__max_epochs": [1] * 2 * n_jobs}
    GridSearchCV(pipeline, grid, cv=N_FOLDS, n_jobs=n_jobs).fit(X)


def compare_members(batch_size, options, bounds):
    """Return the lines of one batch size; judge what two processes take."""
    X = make_table(QUICK_ROWS if options.quick else ROWS, 30)
    member = Autoencoder(
        8,
        hidden_layer_sizes=(64,),
        batch_size=batch_size,
        max_epochs=2 if options.quick else "auto",
        early_stopping=False,
        device=options.device,
        random_state=0,
    )
    ways, all_jobs = {0: partial(member.fit, X)}, sorted({1, jobs_on(options.device)})
    for n_jobs in all_jobs:
        ensemble = AutoencoderEnsemble(
            member, n_estimators=N_MEMBERS, n_jobs=n_jobs, random_state=0
        )
        ways[n_jobs] = partial(ensemble.fit, X)
    with quiet():
        seconds = interleave(ways, REPETITIONS)
    lines = []
    for n_jobs in all_jobs:
        times = median_ratio(seconds[n_jobs], seconds[0])
        medians = (f"{np.median(seconds[way]):.2f}" for way in (0, n_jobs))
        lines.append((batch_size, n_jobs, *medians, f"{times:.2f}"))
        note(*lines[-1])
    claim = f"16 members over one, batch {batch_size}"
    judge(bounds, _report.at_most(claim, times, MEMBERS))
    return lines
