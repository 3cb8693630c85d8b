"""The variational autoencoder: likelihoods beside PCA's, samples beside rows."""

import _data
import _report
import numpy as np
import torch
from _timing import seconds_of
from _variants import (
    TEST_SHARE,
    Part,
    fit,
    judge,
    max_rows,
    note,
    pick_tables,
    section,
    sklearn_table,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.preprocessing import StandardScaler

from sklearn_ae import VariationalAutoencoder

MAX_ROWS = 4000
SPLITS = 3


def run(options):
    """Run every claim about the variational autoencoder."""
    bounds, sections = [], []
    claims = (start_at_pca, held_out_likelihood, divergence, samples, two_samples)
    for claim in claims:
        sections.append(claim(bounds, options))
    return Part(bounds, sections)


def n_splits(options):
    """Return the number of splits."""
    return 1 if options.quick else SPLITS


# -- untrained, it is PCA

START_SETS = ("iris", "wine", "breast cancer", "digits", "diabetes")
EXACT = 1e-6


def start_at_pca(bounds, options):
    """Compare the untrained model's score with PCA's."""
    rows, differences = [], []
    for name in START_SETS:
        X = sklearn_table(name).read()
        for k in sorted({2, X.shape[1] // 2}):
            model = VariationalAutoencoder(
                k, max_epochs=0, standardize=False, random_state=0
            )
            ours, pca = model.fit(X).score(X), PCA(k).fit(X).score(X)
            differences.append(abs(ours - pca) / abs(pca))
            rows.append(
                (name, k, f"{pca:.9f}", f"{ours:.9f}", f"{differences[-1]:.1e}")
            )
            note(*rows[-1])
    claim = "untrained: relative difference from PCA.score, largest"
    judge(bounds, _report.at_most(claim, max(differences), EXACT))
    text = "Mean log-likelihood of the rows, with `max_epochs=0, standardize=False`."
    header = ("data", "k", "PCA.score", "ours", "relative difference")
    return section("Untrained", text, header, rows)


# -- trained, it describes held-out rows better

LIKELIHOOD_SETS = ("iris", "wine", "breast cancer", "digits")
TOLERATED_LOSS, GAIN_ON_DIGITS, MEAN_GAIN = 0.02, 10, 1

LIKELIHOOD_HEADER = (
    *("data", "n", "d", "k", "PCA", "ours", "gain", "lowest", "highest"),
    *("trained", "normals", "s"),
)


def held_out_likelihood(bounds, options):
    """Compare held-out log-likelihoods with PCA's."""
    rows, gains, lowest = [], {}, {}
    tables = [sklearn_table(name) for name in LIKELIHOOD_SETS]
    for table in [*tables, *pick_tables(options, MAX_ROWS)]:
        cases = [
            _likelihoods(table, seed, options) for seed in range(n_splits(options))
        ]
        of_splits = [case["gain"] for case in cases]
        gains[table.name], lowest[table.name] = np.mean(of_splits), min(of_splits)
        rows.append(_likelihood_line(table.name, cases))
        note(*rows[-1])
    worst = min(lowest, key=lowest.get)
    claim = f"nats above PCA on held-out rows, lowest of all splits ({worst})"
    judge(bounds, _report.at_least(claim, lowest[worst], -TOLERATED_LOSS))
    claim = "nats above PCA on held-out rows of digits"
    judge(bounds, _report.at_least(claim, gains["digits"], GAIN_ON_DIGITS))
    claim = "nats above PCA on held-out rows, mean of the data"
    judge(bounds, _report.at_least(claim, np.mean(list(gains.values())), MEAN_GAIN))
    text = (
        f"Mean log-likelihood of {TEST_SHARE:.0%} held-out rows, in nats per row, with "
        "the defaults; densities per standard deviation of each column of the training "
        "rows. PCA has the same k on rows standardised alike, and its likelihood is "
        "exact; ours is a bound from below. Each column is dequantised: uniform noise "
        "of one measuring step, the least gap between its distinct values, is added "
        "before the split, lest values that repeat have a density without limit. "
        f"Columns that never vary are left out. At most {MAX_ROWS} rows; mean over "
        f"{n_splits(options)} splits, with the lowest and the highest gain. Trained is "
        "the number of splits in which training improved on PCA; normals, those of the "
        "prior in each split; seconds, one fit."
    )
    return section("Held-out rows", text, LIKELIHOOD_HEADER, rows)


def dequantise(X, seed):
    """Return rows with uniform noise of each column's step, without idle columns."""
    X = X[:, np.ptp(X, axis=0) > 0]
    step = np.array([np.diff(np.unique(column)).min() for column in X.T])
    return X + step * np.random.default_rng(seed).random(X.shape)


def _likelihoods(table, seed, options):
    X = _data.subsample(table.read(), max_rows(options, MAX_ROWS), seed)
    X = dequantise(X, seed)
    train, test = train_test_split(X, test_size=TEST_SHARE, random_state=seed)
    model = VariationalAutoencoder(random_state=seed)
    seconds, _ = seconds_of(lambda: fit(model, train, options))
    scaler = StandardScaler().fit(train)
    pca = PCA(model.n_components_, random_state=seed).fit(scaler.transform(train))
    scores = {"PCA": pca.score(scaler.transform(test)), "ours": model.score(test)}
    return {
        **scores,
        "gain": scores["ours"] - scores["PCA"],
        "shape": X.shape,
        "k": model.n_components_,
        "trained": bool(model.improved_on_pca_),
        "normals": model.n_prior_normals_,
        "seconds": seconds,
    }


def _likelihood_line(name, cases):
    def mean(key):
        return np.mean([case[key] for case in cases])

    gains = [case["gain"] for case in cases]
    return (
        name,
        *cases[0]["shape"],
        cases[0]["k"],
        *(f"{mean(key):.3f}" for key in ("PCA", "ours")),
        *(f"{gain:+.3f}" for gain in (np.mean(gains), min(gains), max(gains))),
        f"{sum(case['trained'] for case in cases)} of {len(cases)}",
        ", ".join(str(case["normals"]) for case in cases),
        f"{mean('seconds'):.1f}",
    )


# -- the divergence is felt

BETAS = (0.25, 1.0, 4.0)
DIVERGENCE_SETS = ("breast cancer", "digits")


def divergence(bounds, options):
    """Check the gradient of the divergence, and that beta weighs it."""
    rows = []
    for name in DIVERGENCE_SETS:
        X = sklearn_table(name).read()
        models = [
            fit(VariationalAutoencoder(beta=beta, random_state=0), X, options)
            for beta in BETAS
        ]
        norm, slope = gradient_of_divergence(models[BETAS.index(1.0)], X)
        totals = [model.kl_.sum() for model in models]
        fall = min(-np.diff(totals))
        rows.append(
            (name, f"{norm:.3g}", f"{slope:.3g}", *(f"{total:.2f}" for total in totals))
        )
        note(*rows[-1])
        claim = f"{name}: gradient of the divergence, norm"
        judge(bounds, _report.at_least(claim, norm, 1e-3))
        claim = f"{name}: the same by differences, relative error"
        judge(bounds, _report.at_most(claim, abs(slope / norm - 1), 1e-3))
        claim = f"{name}: nats by which the divergence falls as beta rises, least"
        judge(bounds, _report.at_least(claim, fall, 0.1))
    text = (
        "The norm of the gradient of the rows' mean divergence by the weights of the "
        "trained encoder, with beta of 1, and the slope of the divergence along it by "
        "central differences; the sum of `kl_`, in nats, for three values of beta."
    )
    header = ("data", "gradient", "slope", *(f"beta {beta:g}" for beta in BETAS))
    return section("Divergence from the prior", text, header, rows)


def gradient_of_divergence(model, X):
    """Return the norm of the gradient, and the slope along it by differences."""
    network = model.net_.module_
    rows = torch.tensor((X - model.mean_) / model.scale_, dtype=torch.float64)
    weights = [
        weight for weight in network.encoder_branch.parameters() if weight.requires_grad
    ]

    def divergence_of_rows():
        parts = network.bottleneck.divergences(*network.pre_code(rows))
        return parts.sum(dim=-1).mean()

    gradient = torch.autograd.grad(divergence_of_rows(), weights)
    norm = float(torch.sqrt(sum(part.square().sum() for part in gradient)))

    @torch.no_grad()
    def at(step):
        for weight, part in zip(weights, gradient, strict=True):
            weight += step / norm * part
        value = float(divergence_of_rows())
        for weight, part in zip(weights, gradient, strict=True):
            weight -= step / norm * part
        return value

    step = 1e-4
    return norm, (at(step) - at(-step)) / (2 * step)


# -- samples

N_SAMPLES = 10_000
SAMPLE_SET = "breast cancer"

# How far samples may lie from the rows, by what is compared.
TOLERANCES = {
    "mean, largest difference in standard deviations": 0.1,
    "standard deviation, lowest ratio": 0.75,
    "standard deviation, highest ratio": 1.15,
    "correlation, largest difference": 0.25,
    "covariance of standardised columns, relative Frobenius error": 0.15,
}


def samples(bounds, options):
    """Compare the moments of samples with those of the training rows."""
    X = sklearn_table(SAMPLE_SET).read()
    model = fit(VariationalAutoencoder(random_state=0), X, options)
    ours = moments(X, model.sample(N_SAMPLES, random_state=1))
    pca = moments(X, pca_samples(X, model.n_components_, N_SAMPLES, 1))
    rows = []
    for (name, limit), value, of_pca in zip(TOLERANCES.items(), ours, pca, strict=True):
        rows.append((name, f"{value:.3f}", f"{of_pca:.3f}", f"{limit:g}"))
        note(*rows[-1])
        check = _report.at_least if "lowest" in name else _report.at_most
        judge(bounds, check(f"samples: {name}", value, limit))
    text = (
        f"{N_SAMPLES} samples from the model fitted to all rows of {SAMPLE_SET} with "
        "its defaults, against these rows; beside them samples from probabilistic PCA "
        "of the same k, fitted to standardised rows."
    )
    header = ("largest or lowest over columns", "ours", "PCA", "tolerance")
    return section("Moments of samples", text, header, rows)


def pca_samples(X, k, n, seed):
    """Return samples from probabilistic PCA of standardised rows."""
    scaler = StandardScaler().fit(X)
    pca = PCA(k, random_state=0).fit(scaler.transform(X))
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal(pca.mean_, pca.get_covariance(), size=n)
    return scaler.inverse_transform(draws)


def moments(X, drawn):
    """Return the differences in the order of ``TOLERANCES``."""
    scaler = StandardScaler().fit(X)
    X, drawn = scaler.transform(X), scaler.transform(drawn)
    ratio = drawn.std(axis=0) / X.std(axis=0)
    correlation = np.corrcoef(drawn, rowvar=False) - np.corrcoef(X, rowvar=False)
    target = np.cov(X, rowvar=False)
    error = np.linalg.norm(np.cov(drawn, rowvar=False) - target)
    return (
        np.abs(drawn.mean(axis=0) - X.mean(axis=0)).max(),
        ratio.min(),
        ratio.max(),
        np.abs(correlation).max(),
        error / np.linalg.norm(target),
    )


# -- samples against rows, by a classifier

AUROC = 0.75
SAMPLE_SEEDS = 5


def two_samples(bounds, options):
    """See how well a classifier tells samples from held-out rows."""
    X = sklearn_table(SAMPLE_SET).read()
    rows, ours, pca = [], [], []
    for split in range(n_splits(options)):
        train, test = train_test_split(X, test_size=TEST_SHARE, random_state=split)
        model = fit(VariationalAutoencoder(random_state=split), train, options)
        k, n = model.n_components_, len(test)
        seeds = range(1 if options.quick else SAMPLE_SEEDS)
        drawn = [model.sample(n, random_state=seed) for seed in seeds]
        ours.append(np.mean([auroc(test, part, i) for i, part in enumerate(drawn)]))
        drawn = [pca_samples(train, k, n, seed) for seed in seeds]
        pca.append(np.mean([auroc(test, part, i) for i, part in enumerate(drawn)]))
        rows.append((split, k, n, f"{ours[-1]:.3f}", f"{pca[-1]:.3f}"))
        note(*rows[-1])
    claim = f"{SAMPLE_SET}: AUROC of samples against held-out rows"
    judge(bounds, _report.at_most(f"{claim}, highest", max(ours), AUROC))
    below = min(np.subtract(pca, ours))
    judge(bounds, _report.at_least(f"{claim}, below PCA's by at least", below, 0))
    text = (
        "ROC AUC of a HistGradientBoostingClassifier that tells samples from as many "
        f"held-out rows of {SAMPLE_SET}, by five-fold stratified cross-validation, "
        f"mean over {SAMPLE_SEEDS} seeds of samples; 0.5 is what nobody could tell. "
        "PCA's are samples from probabilistic PCA of the same k, of standardised rows."
    )
    header = ("split", "k", "held-out rows", "ours", "PCA")
    return section("Samples against held-out rows", text, header, rows)


def auroc(rows, drawn, seed):
    """Return how well a classifier tells them apart on folds it has not seen."""
    X = np.concatenate([rows, drawn])
    y = np.repeat([0, 1], [len(rows), len(drawn)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    classifier = HistGradientBoostingClassifier(random_state=seed)
    return cross_val_score(classifier, X, y, cv=folds, scoring="roc_auc").mean()
