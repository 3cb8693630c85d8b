"""Cells of networks for sequences beside each other, on training sequences alone."""

from itertools import islice

import numpy as np
from _sequences_codes import K, kept, nearest_accuracy
from _sequences_data import SETS, load_heartbeats, load_labelled
from _timing import seconds_of
from _variants import Part, fit, note, section
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

from sklearn_ae import SequenceAutoencoder

FOLDS = 3

# Sets of which one fold is read: fits to them take minutes.
ONE_FOLD = ("ECG5000, normal", "digits, pixel by pixel")

# Of the few and long sequences of this set every cell leaves PCA as it is.
LEFT_OUT = "BasicMotions"

SETTINGS = {
    "no training": {"max_epochs": 0},
    "convolution": {"cell": "convolution"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "attention": {"cell": "attention"},
}

HEADER = ("data", "network", "accuracy", "R²", "fit s")


def run(options):
    """Cross-validate on training sequences of each set, and on normal heartbeats."""
    sets = {}
    for name in SETS:
        if name == LEFT_OUT:
            continue
        parts = load_labelled(options, name)
        if parts is not None:
            sets[name] = parts[:2]
    heartbeats = load_heartbeats(options)
    if heartbeats is not None:
        X, y = heartbeats
        sets["ECG5000, normal"] = list(X[y == 1, :, np.newaxis]), None
    X, y = load_digits(return_X_y=True)
    sets["digits, pixel by pixel"] = list(X[:, :, np.newaxis]), y
    rows = []
    for name, (sequences, labels) in sets.items():
        for setting, parameters in SETTINGS.items():
            n_read = 1 if name in ONE_FOLD else FOLDS
            values = _cross_validate(sequences, labels, parameters, n_read, options)
            accuracy, share, seconds = np.mean(values, axis=0)
            shown = "" if labels is None else f"{accuracy:.4f}"
            rows.append((name, setting, shown, f"{share:.4f}", f"{seconds:.1f}"))
            note(*rows[-1])
    text = (
        f"Cross-validation in {FOLDS} folds of the training sequences, k = {K}, of "
        f"{' and '.join(ONE_FOLD)} the first alone: "
        "accuracy of the nearest neighbour in codes and R² of the held-out sequences, "
        "seconds of a fit. No test sequence is read."
    )
    return Part([], [section("Cells", text, HEADER, rows)])


def _cross_validate(sequences, labels, parameters, n_read, options):
    """Return accuracy, R² and seconds of each fold."""
    values = []
    known = np.zeros(len(sequences)) if labels is None else labels
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for inner, outer in islice(folds.split(known, known), n_read):
        train, test = ([sequences[i] for i in part] for part in (inner, outer))
        is_even = len({len(sequence) for sequence in sequences}) == 1
        X, X_test = map(np.stack, (train, test)) if is_even else (train, test)
        model = SequenceAutoencoder(K, random_state=0, **parameters)
        seconds, _ = seconds_of(lambda m=model, X=X: fit(m, X, options))
        codes = model.transform(X), model.transform(X_test)
        accuracy = nearest_accuracy(codes[0], known[inner], codes[1], known[outer])
        share = kept(train, test, model.reconstruct(X_test))
        values.append((accuracy, share, seconds))
    return values
