"""Codes of labelled sequences, and what is rebuilt from them, beside those of PCA."""

import _report
import numpy as np
from _sequences_data import (
    NO_SERIES,
    SETS,
    load_labelled,
    padded,
    resample,
    resampled,
)
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from sklearn_ae import SequenceAutoencoder

K = 8

# Of the set of several lengths; the others must not be below PCA by more than a row.
ACCURACY = {"JapaneseVowels": 0.945}

# What PCA differs by from PCA, where ours stays at it.
ROUNDING = 1e-6

HEADER = ("data", "model", "accuracy", "R²", "fit s")


def run(options):
    """Classify test sequences by their nearest training sequence, code by code."""
    bounds, rows, gains = [], [], []
    for name in SETS:
        parts = load_labelled(options, name)
        if parts is None:
            continue
        results = _compare(parts, options)
        for model, (accuracy, kept, seconds) in results.items():
            rows.append((name, model, f"{accuracy:.4f}", f"{kept:.4f}", seconds))
            note(*rows[-1])
        pca = [values for model, values in results.items() if model != "ours"]
        accuracy, kept, _ = results["ours"]
        best = max(values[0] for values in pca)
        gains.append(accuracy - best)
        least = ACCURACY.get(name, best - 1 / len(parts[2]))
        judge(bounds, _report.at_least(f"{name}: accuracy", accuracy, least))
        gain = kept - max(values[1] for values in pca)
        judge(bounds, _report.at_least(f"{name}: R² above PCA's", gain, -ROUNDING))
    if not rows:
        return Part([], [NO_SERIES])
    claim = "accuracy above the better PCA's, mean"
    judge(bounds, _report.at_least(claim, np.mean(gains), 0))
    text = (
        f"Accuracy of the nearest neighbour in codes of k = {K}, with training and "
        "test sequences as published, and R² of the test sequences' reconstruction "
        "about the training sequences' mean, over the steps there are. Sequences of "
        "several lengths are given to PCA padded with zeros, and resampled to the "
        f"longest training sequence's length. Ours is `SequenceAutoencoder({K})` with "
        "its defaults else."
    )
    return Part(bounds, [section("Codes", text, HEADER, rows)])


def _compare(parts, options):
    """Return accuracy, R² and seconds by model."""
    train, of_train, test, of_test = parts
    lengths = {len(sequence) for sequence in (*train, *test)}
    n_steps = max(len(sequence) for sequence in train)
    forms = {"PCA": padded} if len(lengths) == 1 else {}
    if len(lengths) > 1:
        forms = {"PCA, padded": padded, "PCA, resampled": resampled}
    results = {}
    for name, as_rows in forms.items():
        X, X_test = as_rows(train, n_steps), as_rows(test, n_steps)
        pca = PCA(K, svd_solver="full")
        seconds, codes = seconds_of(lambda p=pca, X=X: p.fit_transform(X))
        of_codes = pca.transform(X_test)
        rebuilt = _as_sequences(pca.inverse_transform(of_codes), as_rows, test)
        results[name] = (
            nearest_accuracy(codes, of_train, of_codes, of_test),
            kept(train, test, rebuilt),
            f"{seconds:.1f}",
        )
    model = SequenceAutoencoder(K, random_state=0)
    X, X_test = (np.stack(X) if len(lengths) == 1 else X for X in (train, test))
    seconds, _ = seconds_of(lambda: fit(model, X, options))
    codes, of_codes = model.transform(X), model.transform(X_test)
    results["ours"] = (
        nearest_accuracy(codes, of_train, of_codes, of_test),
        kept(train, test, model.reconstruct(X_test)),
        f"{seconds:.1f}",
    )
    return results


def nearest_accuracy(codes, labels, of_test, test_labels):
    """Return the accuracy of the nearest neighbour in codes."""
    return KNeighborsClassifier(1).fit(codes, labels).score(of_test, test_labels)


def _as_sequences(rows, as_rows, like):
    """Return rows of one length as sequences of the lengths of others."""
    n_channels = like[0].shape[1]
    sequences = []
    for row, sequence in zip(rows, like, strict=True):
        steps = row.reshape(-1, n_channels)
        if as_rows is resampled:
            sequences.append(resample(steps, len(sequence)))
        else:  # of steps beyond the longest training sequence PCA knows nothing
            missing = max(0, len(sequence) - len(steps))
            steps = np.pad(steps, ((0, missing), (0, 0)))
            sequences.append(steps[: len(sequence)])
    return sequences


def kept(train, test, rebuilt):
    """Return the R² over all steps, about the mean of the training sequences."""
    lengths = {len(sequence) for sequence in (*train, *test)}
    if len(lengths) == 1:
        mean = np.mean(train, axis=0)
    else:
        mean = np.concatenate(train).mean(axis=0)
    pairs = zip(test, rebuilt, strict=True)
    error = sum(np.square(one - other).sum() for one, other in pairs)
    return 1 - error / sum(np.square(sequence - mean).sum() for sequence in test)
