"""What ours has to reach, in each collection and setting."""

import numpy as np
from _adbench_methods import OURS
from _adbench_spread import VARIANTS
from _adbench_summary import FAR_BELOW, MEASURES, TIMED
from _adbench_tables import RAW
from _report import at_least, at_most

# Means over the tables of ADBench, which say nothing of other tables.
LEAST_MEANS = {
    "contaminated": {"auroc": 0.800, "ap": 0.39},
    "clean": {"auroc": 0.885, "ap": 0.63},
}
MOST_SPREAD = 0.01
MOST_TIME = 0.5
MOST_MOVED_BY_SCALING = MOST_MOVED_BY_PARAMETER = 0.01

# Embeddings of images, where these have to be beaten and no others.
EMBEDDINGS = "mvtec"
RIVALS_ON_EMBEDDINGS = ("IsolationForest", "kNN-5", "kNN-sqrt", "PCA")


def judge(groups):
    """Return all bounds on what was run, by collection and setting.

    Parameters
    ----------
    groups : dict of Results
        By collection and setting.
    """
    bounds = []
    for (collection, setting), results in groups.items():
        if OURS not in results.methods:
            continue
        where = f"{collection}, {setting}"
        if setting.startswith(RAW):
            scaled = groups.get((collection, setting.removeprefix(RAW)))
            bounds += _about_scaling(where, results, scaled)
        elif collection == EMBEDDINGS:
            bounds += _above(where, results, RIVALS_ON_EMBEDDINGS)
        else:
            if collection == "adbench":
                bounds += _about_means(where, results, setting)
            bounds += _above(where, results, results.methods)
            bounds += _about_ranks(where, results)
            bounds += _about_far_below(where, results)
            bounds += _about_spread(where, results)
    return bounds + _about_time(groups)


def judge_moves(groups):
    """Return the bounds on how far a parameter, halved or doubled, moves the means.

    Parameters
    ----------
    groups : dict of Results
        By collection and setting.
    """
    bounds = []
    for (collection, setting), results in groups.items():
        variants = [name for name in results.methods if name in VARIANTS]
        if collection == EMBEDDINGS or OURS not in results.methods or not variants:
            continue
        for measure, name in MEASURES.items():
            figures = dict(zip(results.methods, results.by_table(measure), strict=True))
            # A figure that is missing leaves no mean, which meets no bound.
            moves = [np.mean(figures[one] - figures[OURS]) for one in variants]
            claim = f"{collection}, {setting}: mean {name}, largest move"
            largest = float(np.max(np.abs(moves)))
            bounds.append(at_most(claim, largest, MOST_MOVED_BY_PARAMETER))
    return bounds


def _about_means(where, results, setting):
    limits = LEAST_MEANS[setting]
    return [
        at_least(f"{where}: mean {name}", results.means(measure)[OURS], limits[measure])
        for measure, name in MEASURES.items()
    ]


def _above(where, results, rivals):
    rivals = [name for name in rivals if name in results.methods and name != OURS]
    bounds = []
    for measure, name in MEASURES.items() if rivals else ():
        means = results.means(measure)
        best = max(rivals, key=means.get)
        claim = f"{where}: mean {name}, less {best}'s"
        bounds.append(at_least(claim, means[OURS] - means[best], 0))
    return bounds


def _about_ranks(where, results):
    bounds = []
    for measure, name in MEASURES.items() if len(results.methods) > 1 else ():
        ranks = results.mean_ranks(measure)
        best = min((m for m in ranks if m != OURS), key=ranks.get)
        claim = f"{where}: mean rank by {name}, less {best}'s"
        bounds.append(at_most(claim, ranks[OURS] - ranks[best], 0))
    return bounds


def _about_far_below(where, results):
    tables = results.far_below(OURS, "auroc")
    if tables is None:
        return []
    claim = f"{where}: tables with an AUROC {FAR_BELOW} below IsolationForest and kNN"
    return [at_most(claim, len(tables), 0)]


def _about_spread(where, results):
    if len(results.seeds) < 2:
        return []
    return [
        at_most(
            f"{where}: mean {name}, standard deviation over seeds",
            results.spreads(measure)[OURS],
            MOST_SPREAD,
        )
        for measure, name in MEASURES.items()
    ]


def _about_time(groups):
    """Return a bound on the seconds of all settings with rows that are scaled."""
    totals = {}
    for (collection, setting), results in groups.items():
        judged = collection != EMBEDDINGS and not setting.startswith(RAW)
        if judged and {OURS, TIMED} <= set(results.methods):
            own, other = totals.get(collection, (0.0, 0.0))
            more, others = results.seconds_of_both(OURS)
            totals[collection] = own + more, other + others
    return [
        at_most(f"{collection}: seconds over {TIMED}'s", own / other, MOST_TIME)
        for collection, (own, other) in totals.items()
        if other
    ]


def _about_scaling(where, raw, scaled):
    if scaled is None or OURS not in scaled.methods:
        return []
    return [
        at_most(
            f"{where}: mean {name}, distance from the scaled",
            abs(raw.means(measure)[OURS] - scaled.means(measure)[OURS]),
            MOST_MOVED_BY_SCALING,
        )
        for measure, name in MEASURES.items()
    ]
