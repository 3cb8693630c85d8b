"""Sparse codes: variance kept by few active units, dead units, selected columns."""

import warnings
from typing import NamedTuple

import _report
import numpy as np
from _timing import seconds_of
from _variants import (
    QUICK_ROWS,
    TEST_SHARE,
    Part,
    explained,
    fit,
    judge,
    load_images,
    note,
    section,
    sklearn_table,
)
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import SparseAutoencoder

# Active units per row at which penalties are compared, and how near L1 comes to them.
ACTIVE, QUICK_ACTIVE = (32, 16, 8), (4,)
ACTIVE_TOLERANCE, MOST_FITS, QUICK_FITS = 0.03, 12, 2

MOST_DEAD = 0.05
TARGETS, TARGET_TOLERANCE = (0.05, 0.1, 0.2), 0.1

# Of a thread's patience: 60,000 images take six times as long.
N_IMAGES = 10_000
N_UNITS = {"MNIST": 512, "digits": 128}


def run_images(options):
    """Run the comparison, the dead units and the targets of "kl" on MNIST."""
    images = load_images(options, N_IMAGES)
    if images is None:
        return Part([], ["MNIST was not among the data."])
    train, test = images
    bounds, dead = [], []
    text = (
        f"{len(train)} training images, drawn at random; {len(test)} test images; "
        "pixels in [0, 1]."
    )
    sections = [_compare("MNIST", train, test, text, bounds, dead, options)]
    sections += _hit_targets({"MNIST": train}, bounds, dead, options)
    _judge_dead("MNIST", dead, bounds)
    return Part(bounds, sections)


def run_tables(options):
    """Run the same on digits, the targets on more, and the selection of columns."""
    digits = sklearn_table("digits").read()
    train, test = train_test_split(digits, test_size=TEST_SHARE, random_state=0)
    if options.quick:
        train, test = train[:QUICK_ROWS], test[:QUICK_ROWS]
    bounds, dead = [], []
    text = f"{len(train)} training and {len(test)} test rows, not standardised."
    sections = [_compare("digits", train, test, text, bounds, dead, options)]
    tables = {"digits": train, **{name: _standardised(name) for name in SELECTED_IN}}
    sections += _hit_targets(tables, bounds, dead, options)
    _judge_dead("digits", dead, bounds)
    sections.append(_select_columns(bounds, options))
    return Part(bounds, sections)


def _standardised(name):
    return StandardScaler().fit_transform(sklearn_table(name).read())


def n_units(data, options):
    """Return the units of the models of some data; "auto" if nothing was said."""
    return 32 if options.quick else N_UNITS.get(data, "auto")


# -- variance kept at equal numbers of active units

COMPARE_HEADER = (
    *("model", "k", "active", "active, test", "as fitted", "refit rows"),
    *("refit decoder", "dead", "weight", "s", "fits"),
)


class Kept(NamedTuple):
    """Shares of the variance of test rows: as fitted and after two refits."""

    as_fitted: float
    refit_rows: float
    refit_decoder: float


def _compare(data, train, test, text, bounds, dead, options):
    units = n_units(data, options)
    rows, gains, misfits, weight = [], [], [], 0.1
    learned, seconds_of_dictionary = _dictionary(train, units)
    for k in QUICK_ACTIVE if options.quick else ACTIVE:
        topk = SparseAutoencoder(units, n_active=k, random_state=0)
        seconds, _ = seconds_of(lambda m=topk: fit(m, train, options))
        kept = [_record(rows, "top-k", k, topk, train, test, "", seconds, 1)]
        dead.append(("topk", data, topk.n_dead_ / len(topk.components_)))
        l1, weight, seconds, n_fits = _l1_with(k, units, train, weight, options)
        kept.append(_record(rows, "L1", k, l1, train, test, weight, seconds, n_fits))
        dead.append(("l1", data, l1.n_dead_ / len(l1.components_)))
        misfits.append(abs(count_active(l1.transform(train)) / k - 1))
        gains.append([kept[0].as_fitted - refitted for refitted in kept[1][1:]])
        share = _pursuit(learned, train, test, k)
        blank, took = [""] * 4, f"{seconds_of_dictionary:.0f}"
        line = ("dictionary, OMP", k, k, k, f"{share:.4f}", *blank, took, 1)
        rows.append(line)
        note(*line)
    claim = f"{data}: L1's active units per row away from k, largest share"
    judge(bounds, _report.at_most(claim, max(misfits), ACTIVE_TOLERANCE))
    for way, gain in zip(("rows", "decoder"), np.min(gains, axis=0), strict=True):
        claim = f"{data}: variance kept by top-k over L1's, {way} refitted, least"
        judge(bounds, _report.at_least(claim, gain, 0))
    text = (
        f"{text} {units} units. Shares of the variance of test rows at k active units "
        "per row of the training rows. L1 shrinks its codes, which two refits undo: "
        "each row by least squares on the atoms of its own active units, or a decoder "
        "with a constant by least squares from the training rows' codes. The weight of "
        f"L1 is found by fits to the training rows until k is met within "
        f"{ACTIVE_TOLERANCE:.0%}; seconds are of the last fit. The dictionary is "
        f"MiniBatchDictionaryLearning of {PASSES} passes over the same rows with "
        "orthogonal matching pursuit, which solves for every row anew; its alpha is "
        "half of L1's default weight, its unit that of L1 here."
    )
    return section(f"Active units: {data}", text, COMPARE_HEADER, rows)


def _record(rows, name, k, model, train, test, weight, seconds, n_fits):
    """Append the line of a model; return what it keeps."""
    codes = model.transform(test)
    kept = Kept(
        explained(test, model.reconstruct(test), model.mean_),
        explained(test, refit_rows(codes, test, model), model.mean_),
        explained(test, refit_decoder(model, train, codes), model.mean_),
    )
    active = count_active(model.transform(train)), count_active(codes)
    line = (
        *(name, k, *(f"{value:.2f}" for value in active)),
        *(f"{share:.4f}" for share in kept),
        f"{model.n_dead_} of {len(model.components_)}",
        f"{weight:.4g}" if weight else "",
        f"{seconds:.0f}",
        n_fits,
    )
    rows.append(line)
    note(*line)
    return kept


def count_active(codes):
    """Return the mean number of active units per row."""
    return float((codes != 0).sum(axis=1).mean())


def refit_rows(codes, rows, model):
    """Return each row by least squares on the atoms of its active units."""
    centred, out = rows - model.mean_, np.empty(rows.shape)
    for i, code in enumerate(codes):
        atoms = model.components_[code != 0]
        out[i] = np.linalg.lstsq(atoms.T, centred[i], rcond=None)[0] @ atoms
    return out + model.mean_


def refit_decoder(model, train, codes):
    """Return rows from codes by a linear decoder fitted to training rows' codes."""

    def with_constant(codes):
        return np.column_stack([codes, np.ones(len(codes))])

    inputs = with_constant(model.transform(train).astype(np.float64))
    decoder = np.linalg.lstsq(inputs, train.astype(np.float64), rcond=None)[0]
    return with_constant(codes) @ decoder


def _l1_with(k, units, train, weight, options):
    """Return L1 with k active units, its weight, the seconds and number of fits.

    Brackets the weight, then takes the straight line between the ends in logarithms,
    and halves where that is slow.
    """
    more, fewer = None, None
    most_fits = QUICK_FITS if options.quick else MOST_FITS
    for n_fits in range(1, most_fits + 1):
        model = SparseAutoencoder(
            units, penalty="l1", penalty_weight=weight, random_state=0
        )
        seconds, _ = seconds_of(lambda m=model: fit(m, train, options))
        active = max(count_active(model.transform(train)), 0.01)
        note(f"L1 of weight {weight:.4g}: {active:.2f} active, {k} wanted")
        if abs(active / k - 1) <= ACTIVE_TOLERANCE or n_fits == most_fits:
            break
        if active > k:
            more = (weight, active)
        else:
            fewer = (weight, active)
        if more is None or fewer is None:
            weight *= np.clip((active / k) ** 1.5, 0.25, 4)
        elif n_fits > most_fits / 2:
            weight = np.sqrt(more[0] * fewer[0])
        else:
            share = np.log(more[1] / k) / np.log(more[1] / fewer[1])
            weight = more[0] * (fewer[0] / more[0]) ** share
    return model, weight, seconds, n_fits


# -- dictionary learning

PASSES, ALPHA = 5, 0.05


def _dictionary(train, units):
    """Return dictionary learning on the rows in units of their norm, and seconds."""
    model = MiniBatchDictionaryLearning(
        units,
        alpha=ALPHA,
        batch_size=256,
        max_iter=PASSES,
        tol=0,
        max_no_improvement=None,
        fit_algorithm="cd",
        transform_algorithm="omp",
        random_state=0,
    )
    mean, norm = _centre_and_norm(train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seconds, _ = seconds_of(lambda: model.fit((train - mean) / norm))
    return model, seconds


def _centre_and_norm(train):
    mean = train.mean(axis=0, dtype=np.float64)
    return mean, np.sqrt(np.square(train - mean).sum(axis=1).mean())


def _pursuit(model, train, test, k):
    mean, norm = _centre_and_norm(train)
    model.set_params(transform_n_nonzero_coefs=k)
    with warnings.catch_warnings():
        # Where fewer atoms describe a row to the last digit.
        warnings.simplefilter("ignore", RuntimeWarning)
        codes = model.transform((test - mean) / norm)
    return explained(test, codes @ model.components_ * norm + mean, mean)


# -- targets and dead units


def _hit_targets(tables, bounds, dead, options):
    """Fit "kl" to each table for each target; return the section, as a list."""
    rows, misses = [], []
    for name, X in tables.items():
        for target in TARGETS[:1] if options.quick else TARGETS:
            model = SparseAutoencoder(
                n_units(name, options),
                penalty="kl",
                target_activation=target,
                random_state=0,
            )
            seconds, _ = seconds_of(lambda m=model, X=X: fit(m, X, options))
            units = len(model.components_)
            mean = float(model.mean_activation_.mean())
            misses.append(abs(mean / target - 1))
            dead.append(("kl", name, model.n_dead_ / units))
            spread = np.std(model.mean_activation_)
            figures = f"{mean:.4f}", f"{spread:.4f}", f"{model.score(X):.4f}"
            rows.append(
                (name, units, target, *figures, model.n_dead_, f"{seconds:.0f}")
            )
            note("kl:", *rows[-1])
    names = ", ".join(tables)
    claim = f'"kl" on {names}: mean activation away from its target, largest share'
    judge(bounds, _report.at_most(claim, max(misses), TARGET_TOLERANCE))
    text = (
        "Mean activation over units and training rows, its standard deviation over "
        "units, R² of the training rows."
    )
    header = ("data", "units", "target", "mean", "spread", "R²", "dead", "s")
    if len(tables) > 1:
        text += " Breast cancer and wine are standardised, with as many units as usual."
    return [section('Mean activation with "kl"', text, header, rows)]


def _judge_dead(data, dead, bounds):
    for penalty in ("topk", "l1", "kl"):
        shares = [share for name, where, share in dead if name == penalty]
        claim = f'{data}: share of dead units with "{penalty}", largest of all fits'
        judge(bounds, _report.at_most(claim, max(shares), MOST_DEAD))


# -- which columns matter

SELECTED_IN = ("breast cancer", "wine")
N_NOISE, NOISE_SEEDS = 20, 5


def _select_columns(bounds, options):
    """Rank columns of pure noise among real ones by ``feature_importances_``."""
    rows = []
    for name in SELECTED_IN:
        X = _standardised(name)
        n_real = X.shape[1]
        for penalty in ("topk", "l1", "kl"):
            wrong, ratios = 0, []
            for seed in range(1 if options.quick else NOISE_SEEDS):
                noise = np.random.default_rng(seed).standard_normal((len(X), N_NOISE))
                model = SparseAutoencoder(penalty=penalty, random_state=seed)
                fit(model, np.column_stack([X, noise]), options)
                importances = model.feature_importances_
                median = np.median(importances[:n_real])
                wrong += int((importances[n_real:] >= median).sum())
                ratios.append(importances[n_real:].max() / median)
            rows.append((name, penalty, n_real, wrong, f"{max(ratios):.3f}"))
            note(*rows[-1])
    for penalty in ("topk", "l1", "kl"):
        wrong = sum(row[3] for row in rows if row[1] == penalty)
        claim = f'"{penalty}": noise columns not below the median of the real ones'
        judge(bounds, _report.at_most(claim, wrong, 0))
    text = (
        f"{N_NOISE} columns of normal noise beside the standardised columns, "
        f"{NOISE_SEEDS} seeds of noise and model, defaults. Counted are noise columns "
        "whose `feature_importances_` is not below the median of the real columns; the "
        "ratio is that of the largest importance of noise to this median, largest of "
        "the seeds."
    )
    header = ("data", "penalty", "real columns", "not below", "largest ratio")
    return section("Columns told from noise", text, header, rows)
