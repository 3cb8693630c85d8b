"""The denoising autoencoder beside PCA, KernelPCA and ``Autoencoder``."""

from itertools import product
from typing import NamedTuple

import _data
import _report
import numpy as np
from _timing import seconds_of
from _variants import (
    TEST_SHARE,
    Part,
    fit,
    judge,
    load_images,
    max_rows,
    note,
    pca_errors,
    pick_tables,
    section,
    sklearn_table,
    split_rows,
)
from sklearn.decomposition import PCA, KernelPCA
from sklearn.model_selection import train_test_split

from sklearn_ae import Autoencoder, DenoisingAutoencoder

# -- images

NOISE, SHARE = 0.5, 0.4
GAIN_DB = 2.5

GAUSSIAN = f"Gaussian noise of {NOISE}"
SALT_AND_PEPPER = f"{SHARE:.0%} salt and pepper"
TRAIN_SEED, TEST_SEED = 1, 2


def add_noise(images, seed):
    """Add normal noise, not clipped."""
    rng = np.random.default_rng(seed)
    return images + NOISE * rng.standard_normal(images.shape, dtype=np.float32)


def salt_and_pepper(images, seed):
    """Set a share of the pixels to black or white."""
    uniform = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return np.where(uniform < SHARE, np.float32(uniform < SHARE / 2), images)


def gaussian_denoiser(train):
    """Return the estimator told of the noise: in standard deviations of each pixel."""
    std = train.std(axis=0, dtype=np.float64)
    scale = np.divide(NOISE, std, out=np.zeros_like(std), where=std > 0)
    return DenoisingAutoencoder(
        corruption="gaussian", noise_scale=scale, evaluation_rate=scale, random_state=0
    )


def impulse_denoiser(train):
    """Return the estimator told of the share of the pixels."""
    return DenoisingAutoencoder(
        corruption="salt_and_pepper",
        corruption_rate=SHARE,
        evaluation_rate=SHARE,
        random_state=0,
    )


class Noise(NamedTuple):
    """A name, what it does to images, and our estimator for it."""

    name: str
    apply: object
    make_denoiser: object


NOISES = (
    Noise(GAUSSIAN, add_noise, gaussian_denoiser),
    Noise(SALT_AND_PEPPER, salt_and_pepper, impulse_denoiser),
)

IMAGES_HEADER = ("noise", "model", "fitted to", "k", "PSNR", "clipped", "fit s")


def run_images(options):
    """Run both noises on MNIST."""
    images = load_images(options)
    if images is None:
        return Part([], ["MNIST was not among the data."])
    bounds, rows = [], []
    for noise in NOISES:
        rows += _run_noise(noise, *images, bounds, options)
    text = (
        f"{len(images[0])} training and {len(images[1])} test images, pixels in [0, 1]."
        " PSNR is 10 log10(1 / MSE) over all pixels of all test images, in dB, as the "
        "models give them and clipped to [0, 1]. PCA has the k that is best on these "
        "very test images, which favours it; `Autoencoder` has the k of PCA fitted to "
        "noisy images. Ours is told of the noise, fitted to clean images, and has "
        "defaults else. The noise of the test images is the benchmark's own. Seconds "
        "on one thread."
    )
    return Part(bounds, [section("Images", text, IMAGES_HEADER, rows)])


def _run_noise(noise, train, test, bounds, options):
    noisy_train, noisy_test = (
        noise.apply(train, TRAIN_SEED),
        noise.apply(test, TEST_SEED),
    )
    rows = []

    def record(model, fitted_to, k, seconds, denoised):
        value = psnr(denoised, test)
        clipped = psnr(np.clip(denoised, 0, 1), test)
        figures = f"{value:.2f}", f"{clipped:.2f}", f"{seconds:.0f}"
        rows.append((noise.name, model, fitted_to, k, *figures))
        note(*rows[-1])
        return np.array([value, clipped])

    record("none", "", "", 0, noisy_test)
    best = {}
    for fitted_to, images in (("clean", train), ("noisy", noisy_train)):
        pca = PCA(svd_solver="covariance_eigh")
        seconds, _ = seconds_of(lambda pca=pca, images=images: pca.fit(images))
        k = 1 + int(np.argmin(pca_errors(pca, noisy_test, test)))
        denoised = pca_reconstruction(pca, noisy_test, k)
        best[fitted_to] = record("PCA", fitted_to, k, seconds, denoised)
    plain = Autoencoder(k, random_state=0)
    seconds, _ = seconds_of(lambda: fit(plain, noisy_train, options))
    rival = record("Autoencoder", "noisy", k, seconds, plain.reconstruct(noisy_test))
    ours = noise.make_denoiser(train)
    seconds, _ = seconds_of(lambda: fit(ours, train, options))
    denoised = ours.reconstruct(noisy_test)
    value = record("ours", "clean", ours.n_components_, seconds, denoised)
    gains, over = value - np.maximum(*best.values()), value - rival
    for way, gain in zip(("", ", all clipped"), gains, strict=True):
        claim = f"{noise.name}: dB above PCA{way}"
        judge(bounds, _report.at_least(claim, gain, GAIN_DB))
    claim = f"{noise.name}: dB above Autoencoder, clipped or not"
    judge(bounds, _report.at_least(claim, min(over), 0))
    return rows


def psnr(images, clean):
    """Return the peak signal-to-noise ratio in dB, for a peak of 1."""
    return float(-10 * np.log10(np.square(images - clean, dtype=np.float64).mean()))


def pca_reconstruction(pca, rows, k):
    """Return rows from their first ``k`` components."""
    axes = pca.components_[:k]
    return (rows - pca.mean_) @ axes.T @ axes + pca.mean_


# -- tables

MAX_ROWS, KERNEL_ROWS = 5000, 2000
SWAPPED = 0.2
VALIDATION_SHARE = 0.3
GAMMAS, ALPHAS = (0.03, 0.1, 0.3, 1.0), (0.001, 0.01, 0.1, 1.0)
KERNEL_SIZES = (0.5, 1.0, 2.0, 4.0)

RIVALS = ("PCA", "KernelPCA", "AE, clean", "AE, swapped")
TABLES_HEADER = (
    *("data", "n", "d", "k", "our k", "as swapped"),
    *(*RIVALS, "ours", "s", "rate"),
)


def run_tables(options):
    """Denoise test rows with swapped cells."""
    bounds, errors, lines = [], {}, []
    for table in pick_tables(options, MAX_ROWS):
        train, test = _split(table, 0, options)
        errors[table.name], line = _run_table(train, test, options)
        n_rows, n_features = len(train) + len(test), train.shape[1]
        lines.append((table.name, n_rows, n_features, *line))
        note(*lines[-1])
    if not errors:
        return Part([], ["There were no tables among the data."])
    for rival in RIVALS:
        ratio = max(error["ours"] / error[rival] for error in errors.values())
        claim = f"swapped cells: error over that of {rival}, largest of the tables"
        judge(bounds, _report.at_most(claim, ratio, 1))
    return Part(bounds, [_tables_section(lines)])


def _split(table, seed, options):
    X = _data.subsample(table.read(), max_rows(options, MAX_ROWS), seed)
    return split_rows(X, seed)


def swap_cells(rows, seed):
    """Return rows of which a share of the cells holds another row's value."""
    rng = np.random.default_rng(seed)
    n, d = rows.shape
    others = (np.arange(n)[:, None] + rng.integers(1, n, size=(n, d))) % n
    swapped = np.take_along_axis(rows, others, axis=0)
    return np.where(rng.random((n, d)) < SWAPPED, swapped, rows)


def _run_table(train, test, options):
    """Return the error of each model, and the cells of its line from k on."""
    corrupted = swap_cells(test, TEST_SEED)
    k, pca = best_pca(train)
    denoised = {
        "as swapped": corrupted,
        "PCA": pca_reconstruction(pca, corrupted, k),
        "KernelPCA": best_kernel_pca(train, options).denoise(corrupted),
    }
    for name, rows in (("clean", train), ("swapped", swap_cells(train, TRAIN_SEED))):
        plain = fit(Autoencoder(k, random_state=0), rows, options)
        denoised[f"AE, {name}"] = plain.reconstruct(corrupted)
    ours = DenoisingAutoencoder(random_state=0)
    seconds, _ = seconds_of(lambda: fit(ours, train, options))
    denoised["ours"] = ours.reconstruct(corrupted)
    errors = {name: mean_error(rows, test) for name, rows in denoised.items()}
    figures = (f"{error:.4f}" for error in errors.values())
    sizes = k, ours.n_components_
    return errors, [*sizes, *figures, f"{seconds:.1f}", f"{ours.corruption_rate_:g}"]


def mean_error(rows, clean):
    """Return the squared error per cell."""
    return float(np.square(rows - clean).mean())


def _validation(train):
    """Return rows to fit, rows to choose by, and these with swapped cells."""
    rest, held_out = train_test_split(train, test_size=VALIDATION_SHARE, random_state=0)
    return rest, held_out, swap_cells(held_out, TEST_SEED)


def best_pca(train):
    """Return the best k on validation rows, and PCA of all training rows."""
    rest, held_out, corrupted = _validation(train)
    errors = pca_errors(PCA().fit(rest), corrupted, held_out)
    return 1 + int(np.argmin(errors)), PCA().fit(train)


class KernelDenoiser:
    """KernelPCA with the kernel's width in units of the number of columns."""

    def __init__(self, gamma, alpha, size):
        self.gamma, self.alpha, self.size = gamma, alpha, size

    def fit(self, rows):
        """Fit to rows, at most ``KERNEL_ROWS`` of them."""
        rows = _data.subsample(rows, KERNEL_ROWS, 0)
        n, d = rows.shape
        self.model = KernelPCA(
            min(n - 1, max(1, round(self.size * d))),
            kernel="rbf",
            gamma=self.gamma / d,
            alpha=self.alpha,
            fit_inverse_transform=True,
            eigen_solver="randomized" if n > 10 * self.size * d else "dense",
            random_state=0,
        )
        self.model.fit(rows)
        return self

    def denoise(self, rows):
        """Return rows through their codes."""
        return self.model.inverse_transform(self.model.transform(rows))


def best_kernel_pca(train, options):
    """Return KernelPCA with the grid point that is best on validation rows."""
    rest, held_out, corrupted = _validation(_data.subsample(train, KERNEL_ROWS, 0))
    grid = list(product(GAMMAS, ALPHAS, KERNEL_SIZES))[:: 16 if options.quick else 1]
    errors = {}
    for point in grid:
        denoiser = KernelDenoiser(*point).fit(rest)
        errors[point] = mean_error(denoiser.denoise(corrupted), held_out)
    best = min(errors, key=errors.get)
    note("KernelPCA: gamma d, alpha, k / d =", best)
    return KernelDenoiser(*best).fit(train)


def _tables_section(lines):
    text = (
        f"Squared error per cell to the clean test rows, in standard deviations, when "
        f"{SWAPPED:.0%} of their cells hold the value of another test row. At most "
        f"{MAX_ROWS} rows, {1 - TEST_SHARE:.0%} of them for training; of the data, the "
        "middle table of each sixth by number of cells. Columns that do not vary in "
        "the training rows are left out, for they have no unit. PCA and KernelPCA are "
        "fitted to clean rows and have what is best on validation rows, a part of the "
        "training rows with cells swapped: PCA its k; KernelPCA, of at most "
        f"{KERNEL_ROWS} rows, gamma of {GAMMAS} over d, alpha of {ALPHAS} and k of "
        f"{KERNEL_SIZES} times d. `Autoencoder` (AE) has PCA's k and is fitted to "
        "clean or to swapped rows. Ours has its defaults; our k and rate are its own. "
        "Seconds are its fit, the choice of the rate included."
    )
    return section("Tables with swapped cells", text, TABLES_HEADER, lines)


# -- the rate that is chosen

RATES, QUICK_RATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6), (0.1, 0.4)
SPLITS = 3
SHORTFALL = 0.02


def run_rates(options):
    """Compare the rate that "auto" chooses with a sweep of rates."""
    bounds, lines, shortfalls = [], [], []
    for table in [sklearn_table("digits"), *pick_tables(options, MAX_ROWS)]:
        sweeps, rates = [], []
        for seed in range(1 if options.quick else SPLITS):
            scores, rate = _sweep(*_split(table, seed, options), seed, options)
            note(f"{table.name}, rate {rate:g}:", *map(_four, scores))
            sweeps.append(scores)
            rates.append(f"{rate:g}")
        each = [_shortfall(scores) for scores in sweeps]
        means = np.mean(sweeps, axis=0)
        shortfalls.append(_shortfall(means))
        shown = f"{shortfalls[-1]:+.2%}", f"{max(each):+.2%}"
        lines.append((table.name, *map(_four, means), ", ".join(rates), *shown))
        note(*lines[-1])
    claim = 'rate "auto": share of the best mean score that it falls short by, largest'
    judge(bounds, _report.at_most(claim, max(shortfalls), SHORTFALL))
    text = (
        "`score` on test rows, R² to the clean rows from rows with swapped cells at "
        "the default `evaluation_rate`, for fixed training rates and for the one that "
        f"the estimator chooses from training rows; means over {len(sweeps)} splits. "
        'How far "auto" is short of the best rate is bounded for the means; beside it '
        "stands the largest of the single splits, where the best of "
        f"{len(RATES)} rates is partly luck."
    )
    rates = QUICK_RATES if options.quick else RATES
    header = ("data", *map(str, rates), "auto", "rates chosen", "short", "one split")
    return Part(bounds, [section("The rate that is chosen", text, header, lines)])


def _sweep(train, test, seed, options):
    """Return the scores of all rates and then of "auto", and the rate it chose."""
    scores = []
    for rate in [*(QUICK_RATES if options.quick else RATES), "auto"]:
        model = DenoisingAutoencoder(corruption_rate=rate, random_state=seed)
        scores.append(fit(model, train, options).score(test))
    return scores, model.corruption_rate_


def _shortfall(scores):
    *fixed, auto = scores
    return (max(fixed) - auto) / abs(max(fixed))


def _four(value):
    return f"{value:.4f}"
