"""Scores of sequences beside each other, on training sequences alone."""

from unittest import mock

import numpy as np
from _sequences_data import NO_SERIES, SETS, load_labelled
from _variants import Part, fit, note, section
from sklearn.metrics import roc_auc_score

from sklearn_ae import SequenceAutoencoder, SequenceNetwork
from sklearn_ae.detection import fit_isotropic

SHARE, SPLITS, QUICK_SPLITS = 0.6, 10, 1

HEADER = ("data", "score", "AUROC, k = 8", "k for 0.9 of the variance")


def scorer_of(contrast, noise_share):
    """Return what stands for ``SequenceNetwork.fit_scorer``."""

    def fit_scorer(self, fitted, network, index):
        n_channels = None
        if (
            contrast and "n_channels" not in network.arguments
        ):  # but for several lengths
            n_channels = network.arguments["branches"]["n_channels"]
        return fit_isotropic(
            fitted, network, index, n_channels=n_channels, noise_share=noise_share
        )

    return fit_scorer


SCORES = {
    "default: by contrast": (True, 0.0),
    "not by contrast": (False, 0.0),
    "by contrast, noise of 0.01": (True, 0.01),
    "by contrast, noise of 0.05": (True, 0.05),
}


def run(options):
    """Fit to one class, score the rest of it and all others; no network is trained."""
    rows, splits = [], QUICK_SPLITS if options.quick else SPLITS
    for name in SETS:
        parts = load_labelled(options, name)
        if parts is None:
            continue
        sequences, labels = parts[0], np.asarray(parts[1])
        for score, arguments in SCORES.items():
            with mock.patch.object(
                SequenceNetwork, "fit_scorer", scorer_of(*arguments)
            ):
                means = [
                    _auroc(sequences, labels, k, splits, options) for k in (8, 0.9)
                ]
            rows.append((name, score, *(f"{mean:.4f}" for mean in means)))
            note(*rows[-1])
    if not rows:
        return Part([], [NO_SERIES])
    text = (
        f"Mean AUROC over the classes of the training sequences and {splits} splits: "
        f"PCA of {SHARE:.0%} of one class, without training, tells the rest of it from "
        "all others. No test sequence is read."
    )
    return Part([], [section("Scores", text, HEADER, rows)])


def _auroc(sequences, labels, k, splits, options):
    values = []
    is_even = len({len(sequence) for sequence in sequences}) == 1
    for label in np.unique(labels):
        own, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        n_train = int(SHARE * len(own))
        for split in range(splits):
            order = np.random.default_rng(split).permutation(own)
            test = np.concatenate([order[n_train:], others])
            X, X_test = (
                [sequences[i] for i in part] for part in (order[:n_train], test)
            )
            if is_even:
                X, X_test = np.stack(X), np.stack(X_test)
            most = min(k, n_train - 1) if k > 1 else k
            model = SequenceAutoencoder(most, max_epochs=0, random_state=split)
            fit(model, X, options)
            is_odd = np.arange(len(test)) >= len(own) - n_train
            values.append(roc_auc_score(is_odd, -model.score_samples(X_test)))
    return np.mean(values)
