"""Which scores tell outliers apart: the default, part by part, beside its neighbours.

One fit of a table serves all variants of its score; only what changes the network is
fitted anew. Labels are those of the choosing half; the confirming half is asked about
the default alone.
"""

from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from _adbench_tables import HALVES, divide, find_labelled, why_unsuited
from _class_tables import COLLECTION, NARROW, find_class_tables
from _variants import QUICK_ROWS, Part, fit, note, section
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_ae import Autoencoder, OutlierAutoencoder
from sklearn_ae.detection import _distances, _fits, _neighbors
from sklearn_ae.detection._scorer import MahalanobisScorer
from sklearn_ae.training import CPU

LABELLED, SETTINGS = ("adbench", "mvtec"), ("contaminated", "clean")
COLLECTIONS = (*LABELLED, COLLECTION, NARROW)
MAX_ROWS, SEED = 10_000, 0

DEFAULT = "OutlierAutoencoder()"


# -- scorers with another rule


class OnlyRows(_neighbors.NeighborScorer):
    """Distances of rows alone."""

    def score(self, rows, features, device=CPU):
        return 1 - np.log2(1 + self._distances(rows, features, device)[0])


class OnlyFeatures(_neighbors.NeighborScorer):
    """Distances of code and residual alone."""

    def score(self, rows, features, device=CPU):
        return 1 - np.log2(1 + self._distances(rows, features, device)[1])


class Mean(_neighbors.NeighborScorer):
    """The mean of both instead of the root of their mean square."""

    def score(self, rows, features, device=CPU):
        return 1 - np.log2(1 + self._distances(rows, features, device).mean(axis=0))


class Larger(_neighbors.NeighborScorer):
    """The larger of both."""

    def score(self, rows, features, device=CPU):
        return 1 - np.log2(1 + self._distances(rows, features, device).max(axis=0))


class Whitened(_neighbors.NeighborScorer):
    """Code and residual in units in which they are uncorrelated."""

    def fit(self, rows, features, floor, device=CPU, rounding=0.0):
        n_rows = len(features)
        self.bulk = MahalanobisScorer().fit(features, np.ones(n_rows), n_rows, floor)
        return super().fit(rows, self._white(features), 0.0, device, rounding)

    def score(self, rows, features, device=CPU):
        return super().score(rows, self._white(features), device)

    def _white(self, features):
        units = (features - self.bulk.center) / self.bulk.spread
        return self.bulk.covariance.whiten(units)


# -- variants


class Variant(NamedTuple):
    """Another score of the same fit.

    Attributes
    ----------
    parameters : dict
        Of the estimator, when it makes its score.
    constants : dict
        Of the modules of the scorer and its references.
    scorer : type
    """

    parameters: dict = {}
    constants: dict = {}
    scorer: type = _neighbors.NeighborScorer


def _with(**constants):
    return Variant(constants=constants)


# Code and residual multiplied by nothing.
ALIKE = {"weight_of": lambda features_vary, columns_vary: 1.0}

# Variants of one fit, by what is changed in the default.
SCORES = {
    DEFAULT: Variant(),
    'outlier_score="mahalanobis"': Variant({"outlier_score": "mahalanobis"}),
    'outlier_score="reconstruction"': Variant({"outlier_score": "reconstruction"}),
    "trim=0": Variant({"trim": 0.0}),
    "only rows": Variant(scorer=OnlyRows),
    "only code and residual": Variant(scorer=OnlyFeatures),
    "code and residual whitened": Variant(constants=ALIKE, scorer=Whitened),
    "residuals count by column": Variant(constants=ALIKE),
    "mean of both spaces": Variant(scorer=Mean),
    "larger of both spaces": Variant(scorer=Larger),
    "512 references": _with(N_REFERENCES=512),
    "1024 references": _with(N_REFERENCES=1024),
    "4096 references": _with(N_REFERENCES=4096, REFERENCE_CELLS=2**22),
    "moderate is 1": _with(MODERATE=1.0),
    "moderate is 3": _with(MODERATE=3.0),
    "all is moderate": _with(MODERATE=np.inf),
    "nearness is 0.7": _with(NEARNESS=0.7),
    "nearness is 0.9": _with(NEARNESS=0.9),
    "nearness is 1.2": _with(NEARNESS=1.2),
    "the power is always 2": _with(GENTLE=0.0),
    "the dense count as 0.4": _with(GENTLE=0.4),
    "the dense count as 0.64": _with(GENTLE=0.64),
    "as 0.64, with any power": _with(GENTLE=0.64, FLATTEST=0.0),
    "the nearest alone": _with(N_NEAREST=1),
    "five nearest": _with(N_NEAREST=5),
    "density counts nothing": _with(LOCALITY=0.0),
    "density counts by its root": _with(LOCALITY=0.5),
    "density by the fifth": _with(LOCAL_RANK=5),
    "density by the twentieth": _with(LOCAL_RANK=20),
    "far by the √m-th": _with(RANK_PER_ROOT=1),
    "far by the 4√m-th": _with(RANK_PER_ROOT=4),
    "half of the points central": _with(CENTRAL=0.5),
    "all points central": _with(CENTRAL=1.0),
}


class Longer(OutlierAutoencoder):
    """As many steps again."""

    _schedule = OutlierAutoencoder._schedule._replace(steps=800, small_steps=400)


# Those that take fits of their own.
FITS = {
    "trim=0.1": lambda: OutlierAutoencoder(trim=0.1, random_state=SEED),
    "trim=0.2": lambda: OutlierAutoencoder(trim=0.2, random_state=SEED),
    "corruption=None": lambda: OutlierAutoencoder(corruption=None, random_state=SEED),
    "corruption_rate=0.2": lambda: OutlierAutoencoder(
        corruption_rate=0.2, random_state=SEED
    ),
    "twice the steps": lambda: Longer(random_state=SEED),
    "Autoencoder()": lambda: Autoencoder(random_state=SEED),
    "random_state=1": lambda: OutlierAutoencoder(random_state=SEED + 1),
}


class Remembering(OutlierAutoencoder):
    """What other scores are made of, kept."""

    def _fit_detector(self, fitted):
        self.fitted = fitted
        super()._fit_detector(fitted)

    def score_by(self, variant, X):
        """Return the scores of rows by another score of the same network."""
        self.set_params(outlier_score="auto", trim="auto")
        self.set_params(**variant.parameters)
        with ExitStack() as stack:
            for name, value in variant.constants.items():
                module = _neighbors if hasattr(_neighbors, name) else _distances
                stack.enter_context(patch.object(module, name, value))
            stack.enter_context(patch.object(_fits, "NeighborScorer", variant.scorer))
            network, plan = self.fitted.network, self.fitted.plan
            seen = plan.seen_by(plan.final)
            scorer = self._chosen_scorer(self.fitted, network, seen)
            return self._score_rows(self._read(X), scorer)


# -- the tables


def find_tables(options):
    """Return the tables of all collections, or those that ``--tables`` names."""
    tables = [t for t in find_labelled(options.data) if t.collection in LABELLED]
    if not tables:
        return []
    tables += find_class_tables(options.data)
    if options.tables:
        return [table for table in tables if table.name in options.tables]
    return tables[:2] if options.quick else tables


def figures(score, rows):
    """Return AUROC and average precision of a function that scores rows."""
    scores = score(rows.train if rows.test is None else rows.test)
    truth = rows.is_anomaly
    return roc_auc_score(truth, -scores), average_precision_score(truth, -scores)


def try_table(table, setting, options):
    """Return figures by the name of what was tried; of the confirming half one."""
    read = table.read(QUICK_ROWS if options.quick else MAX_ROWS)
    if why_unsuited(*read):
        return {}
    rows = divide(*read, setting, SEED)
    model = fit(Remembering(random_state=SEED), rows.train, options)
    found = {DEFAULT: figures(model.score_samples, rows)}
    if table.half != HALVES[0]:
        return found
    for name, variant in SCORES.items():
        found[name] = figures(partial(model.score_by, variant), rows)
    for name, make in FITS.items():
        model = fit(make(), rows.train, options)
        found[name] = figures(model.score_samples, rows)
    return found


def run(options):
    """Try every variant on the choosing half, and the default on both."""
    tables = find_tables(options)
    if not tables:
        return Part([], ["The tables of ADBench are not there: nothing is scored."])
    found = defaultdict(list)
    for table in tables:
        for setting in SETTINGS:
            results = try_table(table, setting, options)
            for name, values in results.items():
                found[table.half, name, table.collection, setting].append(values)
            if results:
                auroc, ap = results[DEFAULT]
                note(table.name, f"{setting}: {auroc:.3f} / {ap:.3f}")
    return Part([], [section("Scores of tables", _text(found), HEADER, _lines(found))])


PLACES = [(name, setting) for name in COLLECTIONS for setting in SETTINGS]
HEADER = ("what is changed", *(f"{name}, {setting}" for name, setting in PLACES))


def _lines(found):
    """Return the lines of the table: the last is of the other half."""
    chosen, confirming = HALVES
    lines = [(name, chosen, name) for name in (*SCORES, *FITS)]
    lines.append((f"{DEFAULT}, {confirming} half", confirming, DEFAULT))
    return [
        (label, *(_mean(found.get((half, name, *place))) for place in PLACES))
        for label, half, name in lines
    ]


def _mean(values):
    return " / ".join(f"{x:.3f}" for x in np.mean(values, axis=0)) if values else ""


def _text(found):
    """Return what the table shows, with the numbers of tables."""
    chosen, confirming = HALVES
    numbers = {
        name: len(found.get((half, DEFAULT, collection, SETTINGS[0]), []))
        for name, half, collection in (
            ("chosen", chosen, "adbench"),
            ("chosen_images", chosen, "mvtec"),
            ("other", confirming, "adbench"),
            ("other_images", confirming, "mvtec"),
            ("classes", chosen, COLLECTION),
            ("narrow", chosen, NARROW),
        )
    }
    return TEXT.format(**numbers)


TEXT = (
    "Mean AUROC / average precision of `OutlierAutoencoder()` with one thing changed, "
    f"on at most {MAX_ROWS:,} rows of a table, with columns standardised by the rows "
    "of the fit. All but the last line are of the choosing half, {chosen} of adbench "
    "and {chosen_images} of mvtec, the tables at even places in the order of their "
    "names, of {classes} tables of classes: wine, iris, penguins, the census and "
    "handwritten digits, with one class as the outliers or as the normal rows; and of "
    "{narrow} such tables of few columns: frames of speech, sensors at a wrist and "
    "colours of photographs. Of the first two, steps of one series lie on both sides "
    "of a split. By the labels of these the default was chosen, and of tables of "
    "classes from scikit-learn's digits and breast cancer, which are left out here: "
    "optdigits and WPBC of the other half are of the same sources. The last line is "
    "the default on the other half, {other} of adbench and {other_images} of mvtec; "
    "these are other "
    "tables, so that its level says nothing about the lines above. The first "
    'lines share one fit of each table, from "trim=0.1" on each line has its own. '
    '"Nearness" is what a usual reference row counts as, at the least, in distances '
    f"usual between neighbours, by default {_distances.NEARNESS:g}. How far out it is "
    f"counts with a power of {_distances.STEEPEST:g}, or with less, down to "
    f"{_distances.FLATTEST:g}, if else a reference row at the lower quartile, one of "
    f'"the dense", would count as less than {_distances.GENTLE:g} times a usual one. '
    "Residuals count as the directions that the code leaves, or by column. The default "
    "is the "
    f"mean of the {_distances.N_NEAREST} smallest distances, each divided by the "
    f"{_distances.LOCALITY:g}-th power of how far its reference row lies from its "
    f'{_distances.LOCAL_RANK}-th neighbour, which is its "density", in medians. With '
    'trim=0 there is neither nearness nor density. "Far" '
    "is what lies far from most, by default by the distance to the "
    f"{_distances.RANK_PER_ROOT:g}√m-th of the central "
    f"{_distances.CENTRAL * 100:g} % of the m references. Values are "
    '"moderate" up to so many standard deviations, by default '
    f"{_neighbors.MODERATE:g}; beyond, they count by their logarithms.\n\n"
    "A table that moves by 0.1 moves the mean of eleven by 0.01: smaller differences "
    "are noise, and of four tables larger ones, too. What a seed alone does is in the "
    'line "random_state=1". What is better on clean rows is often worse on '
    "contaminated ones: the default is a round choice on a plateau between the two, "
    "and need not be the best line of any column."
)
