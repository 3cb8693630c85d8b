"""Odd heartbeats among normal ones, beside PCA and IsolationForest."""

import _report
import numpy as np
from _sequences_data import NO_HEARTBEATS, load_heartbeats
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from sklearn_ae import SequenceAutoencoder

K, SHARE, SPLITS = 8, 0.6, 10
AUROC = 0.992

HEADER = ("model", "AUROC, mean", "least", "fit s")


def run(options):
    """Fit to most of the normal heartbeats, score the rest and all others."""
    data = load_heartbeats(options)
    if data is None:
        return Part([], [NO_HEARTBEATS])
    X, y = data
    normal, odd = X[y == 1], X[y != 1]
    values = {}
    for split in range(1 if options.quick else SPLITS):
        order = np.random.default_rng(split).permutation(len(normal))
        n_train = int(SHARE * len(normal))
        train = normal[order[:n_train]]
        test = np.concatenate([normal[order[n_train:]], odd])
        is_odd = np.arange(len(test)) >= len(normal) - n_train
        for name, score in _scores(train, split, options).items():
            seconds, scores = seconds_of(lambda s=score, t=test: s(t))
            value = roc_auc_score(is_odd, -scores)
            values.setdefault(name, []).append((value, seconds))
    rows, means = [], {}
    for name, pairs in values.items():
        aurocs, seconds = np.transpose(pairs)
        means[name] = aurocs.mean()
        figures = (f"{figure:.4f}" for figure in (means[name], aurocs.min()))
        rows.append((name, *figures, f"{seconds.mean():.1f}"))
        note(*rows[-1])
    bounds, ours = [], means["ours"]
    judge(bounds, _report.at_least("AUROC", ours, AUROC))
    for rival in ("PCA, reconstruction", "IsolationForest"):
        gain = ours - means[rival]
        judge(bounds, _report.at_least(f"AUROC above that of {rival}", gain, 0))
    text = (
        f"ECG5000: {len(normal)} normal heartbeats of {X.shape[1]} steps and "
        f"{len(odd)} others. Fitted to {SHARE:.0%} of the normal ones, AUROC on the "
        f"rest and all others, over {SPLITS} splits; PCA has k = {K}. Ours is "
        "`SequenceAutoencoder` with its defaults and its default score; then its "
        "reconstruction error. Seconds of one fit and the scores."
    )
    return Part(bounds, [section("Heartbeats", text, HEADER, rows)])


def _scores(train, seed, options):
    """Return functions that fit and score, the lower the odder, by name."""

    def ours(test, k=K):
        model = SequenceAutoencoder(k, random_state=seed)
        fit(model, train, options)
        return model.score_samples(test)

    def by_reconstruction(test):
        model = SequenceAutoencoder(K, random_state=seed)
        fit(model, train, options)
        return -np.square(model.reconstruct(test) - test).sum(axis=1)

    def pca(test):
        model = PCA(K, svd_solver="full").fit(train)
        rebuilt = model.inverse_transform(model.transform(test))
        return -np.square(rebuilt - test).sum(axis=1)

    def forest(test):
        return IsolationForest(random_state=seed).fit(train).score_samples(test)

    return {
        "PCA, reconstruction": pca,
        "IsolationForest": forest,
        "ours": ours,
        "ours, reconstruction": by_reconstruction,
    }
