"""Defaults of fine-tuning beside their neighbours, on training rows of digits alone."""

import numpy as np
from _pretraining_labels import DIGITS, draw_labels, pretrained, split_digits
from _variants import Part, note, quiet, section
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderClassifier

N_LABELS, N_HELD_OUT = 50, 300
SEEDS = range(5)

SETTINGS = {
    "default": {},
    "corruption_rate=0": {"corruption_rate": 0},
    "corruption_rate=0.4": {"corruption_rate": 0.4},
    "reconstruction_weight=0": {"reconstruction_weight": 0},
    "reconstruction_weight=0.1": {"reconstruction_weight": 0.1},
    "head_layer_sizes=()": {"head_layer_sizes": ()},
    "learning_rate=0.003": {"learning_rate": 0.003},
    "freeze=10": {"freeze": 10},
    "early_stopping=False": {"early_stopping": False},
    "propagate=False": {"propagate": False},
    "propagate=False, early_stopping=False": {
        "propagate": False,
        "early_stopping": False,
    },
}


def run(options):
    """Compare settings on rows of which no label was given."""
    rows, found = split_digits(0), {}
    for seed in SEEDS[:1] if options.quick else SEEDS:
        X, X_out, y, y_out = train_test_split(
            rows.X, rows.y, test_size=N_HELD_OUT, random_state=seed, stratify=rows.y
        )
        encoder = FrozenEstimator(pretrained(rows._replace(X=X), DIGITS, seed, options))
        known = draw_labels(y, N_LABELS, seed)
        marked = np.full(len(y), -1)
        marked[known] = y[known]
        for name, setting in SETTINGS.items():
            model = AutoencoderClassifier(encoder, random_state=seed, **setting)
            if options.quick:
                model.set_params(max_epochs=2)
            with quiet():
                accuracy = model.fit(X, marked).score(X_out, y_out)
            note(f"seed {seed}, {name}: {accuracy:.4f}")
            found.setdefault(name, []).append(100 * accuracy)
    lines = [
        (name, f"{np.mean(values):.2f}", f"{np.min(values):.2f}")
        for name, values in found.items()
    ]
    text = (
        f"{N_LABELS} labels, other ones each time, of scikit-learn's digits without "
        f"those of the test; accuracy on {N_HELD_OUT} training rows that were held "
        f"out, over {len(found['default'])} draws. One pretraining for all settings of "
        "a draw."
    )
    header = ("setting", "mean accuracy, %", "least")
    return Part([], [section("Fine-tuning", text, header, lines)])
