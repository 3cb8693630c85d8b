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
from _variants import QUICK_ROWS, Part, fit, note, section
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_ae import Autoencoder, OutlierAutoencoder
from sklearn_ae.detection import _fits, _neighbors
from sklearn_ae.detection._scorer import MahalanobisScorer

COLLECTIONS, SETTINGS = ("adbench", "mvtec"), ("contaminated", "clean")
MAX_ROWS, SEED = 10_000, 0

DEFAULT = "OutlierAutoencoder()"


# -- scorers with another rule


class OnlyRows(_neighbors.NeighborScorer):
    """Distances of rows alone."""

    def _outlyingness(self, distances):
        return self._z(distances)[0]

    def _z(self, distances):
        centered = self._logarithms(distances) - self.centers[:, None]
        return centered / np.sqrt(self.spreads)[:, None]


class OnlyFeatures(OnlyRows):
    """Distances of code and residual alone."""

    def _outlyingness(self, distances):
        return self._z(distances)[1]


class Sum(OnlyRows):
    """The mean of both instead of the larger."""

    def _outlyingness(self, distances):
        return self._z(distances).mean(axis=0)


class Unscaled(_neighbors.NeighborScorer):
    """Logarithms as they are, whatever their spread."""

    power = 0.0

    def _outlyingness(self, distances):
        # The scorer divides by the square root of what it takes for spreads.
        with patch.object(self, "spreads", self.spreads ** (2 * self.power)):
            return super()._outlyingness(distances)


class Scaled(Unscaled):
    """Logarithms in units of their spread."""

    power = 1.0


class Whitened(_neighbors.NeighborScorer):
    """Code and residual in units in which they are uncorrelated."""

    def fit(self, rows, features, floor):
        n_rows = len(features)
        self.bulk = MahalanobisScorer().fit(features, np.ones(n_rows), n_rows, floor)
        return super().fit(rows, self._white(features), 0.0)

    def score(self, rows, features):
        return super().score(rows, self._white(features))

    def _white(self, features):
        white = (features - self.bulk.center) / self.bulk.spread
        # A diagonal covariance has no whitening.
        return white if self.bulk.whitening is None else white @ self.bulk.whitening


# -- variants


class Variant(NamedTuple):
    """Another score of the same fit.

    Attributes
    ----------
    parameters : dict
        Of the estimator, when it makes its score.
    constants : dict
        Of the module of the scorer.
    scorer : type
    """

    parameters: dict = {}
    constants: dict = {}
    scorer: type = _neighbors.NeighborScorer


def _ranks(*names):
    rank = {"√m": lambda root: root}
    ranks = tuple(rank.get(name, lambda root, name=name: name) for name in names)
    return Variant(constants={"RANKS": ranks})


# Variants of one fit, by what is changed in the default.
SCORES = {
    DEFAULT: Variant(),
    'outlier_score="mahalanobis"': Variant({"outlier_score": "mahalanobis"}),
    'outlier_score="reconstruction"': Variant({"outlier_score": "reconstruction"}),
    "trim=0": Variant({"trim": 0.0}),
    "only rows": Variant(scorer=OnlyRows),
    "only code and residual": Variant(scorer=OnlyFeatures),
    "code and residual whitened": Variant(scorer=Whitened),
    "sum instead of soft maximum": Variant(scorer=Sum),
    "spreads to the power 0": Variant(scorer=Unscaled),
    "spreads to the power 1": Variant(scorer=Scaled),
    "neighbour 5": _ranks(5),
    "neighbour √m": _ranks("√m"),
    "neighbours 1, 5, √m": _ranks(1, 5, "√m"),
    "512 references": Variant(constants={"N_REFERENCES": 512}),
    "2048 references": Variant(constants={"N_REFERENCES": 2048}),
    "moderate is 2": Variant(constants={"MODERATE": 2.0}),
    "moderate is 6": Variant(constants={"MODERATE": 6.0}),
    "all is moderate": Variant(constants={"MODERATE": np.inf}),
    "far is 1": Variant(constants={"FAR": 1.0}),
    "far is 2": Variant(constants={"FAR": 2.0}),
    "far is 3": Variant(constants={"FAR": 3.0}),
}

# Those that take fits of their own.
FITS = {
    "trim=0.1": lambda: OutlierAutoencoder(trim=0.1, random_state=SEED),
    "trim=0.2": lambda: OutlierAutoencoder(trim=0.2, random_state=SEED),
    'corruption="swap", corruption_rate=0.1': lambda: OutlierAutoencoder(
        corruption="swap", corruption_rate=0.1, random_state=SEED
    ),
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
                stack.enter_context(patch.object(_neighbors, name, value))
            stack.enter_context(patch.object(_fits, "NeighborScorer", variant.scorer))
            everything = np.arange(len(self.fitted.weight))
            network = self.fitted.network
            scorer = self._chosen_scorer(self.fitted, network, everything)
            return self._score_rows(self._read(X), scorer)


# -- the tables


def find_tables(options):
    """Return the tables of both collections, or those that ``--tables`` names."""
    tables = [t for t in find_labelled(options.data) if t.collection in COLLECTIONS]
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
    counts = [
        f"{len(found.get((half, DEFAULT, name, SETTINGS[0]), []))} of {name}"
        for half in HALVES
        for name in COLLECTIONS
    ]
    return TEXT.format(chosen=" and ".join(counts[:2]), other=" and ".join(counts[2:]))


TEXT = (
    "Mean AUROC / average precision of `OutlierAutoencoder()` with one thing changed, "
    f"on at most {MAX_ROWS:,} rows of a table, with columns standardised by the rows "
    "of the fit. All but the last line are of the choosing half, {chosen}: the tables "
    "at even places in the order of their names, by whose labels the default was "
    "chosen. The last line is the default on the other half, {other}; these are other "
    "tables, so that its level says nothing about the lines above. The first lines "
    'share one fit of each table, from "trim=0.1" on each line has its own. "Far" is '
    "how far above the median a first score must be for a row to be no reference, in "
    "distances of the lower quartile from the median; it is "
    f"{_neighbors.FAR:g} by default, and with trim=0 no row is far. Values are "
    '"moderate" up to so many standard deviations, by default '
    f"{_neighbors.MODERATE:g}; beyond, they count by their logarithms.\n\n"
    "A table that moves by 0.1 moves the mean of eleven by 0.01: smaller differences "
    "are noise, and of four tables larger ones, too. What a seed alone does is in the "
    'line "random_state=1". The default is a round choice on a plateau, and need not '
    "be the best line of any column."
)
