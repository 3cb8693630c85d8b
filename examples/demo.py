"""A short tour: Autoencoder beside PCA, OutlierAutoencoder beside IsolationForest.

Run it with ``make demo``, or with ``python examples/demo.py``. It fits them to data
that come with scikit-learn, all with their defaults, prints two tables and writes four
pictures to ``demo_output/``. The figures are printed as they come out.
"""

from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_sample_image,
    load_wine,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder, OutlierAutoencoder
from sklearn_ae.metrics import reconstruction_r2
from sklearn_ae.plotting import (
    CodeDisplay,
    OutlierScoreDisplay,
    ReconstructionDisplay,
    TrainingCurveDisplay,
)

OUTPUT = Path("demo_output")
SPLITS = 3

# Pixels share one unit and stay as they are; measurements in different units do not.
SAME_UNITS = {"digits", "photographs"}


def main():
    """Print the tables and write the pictures."""
    start = perf_counter()
    compare_codes()
    compare_detectors()
    draw_pictures()
    print(f"\nDone in {perf_counter() - start:.0f} s.")


# -- the data


def load_tables():
    """Return (X, y) by name; y is None where there are no classes."""
    return {
        "digits": load_digits(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "photographs": (patches("china.jpg"), None),
    }


def patches(name, size=8):
    """Cut a photograph into square grey patches that do not overlap, one per row."""
    image = load_sample_image(name).mean(axis=2) / 255
    height, width = (length // size for length in image.shape)
    image = image[: height * size, : width * size]
    grid = image.reshape(height, size, width, size).swapaxes(1, 2)
    return grid.reshape(height * width, size * size)


def scaled(name, train, test):
    """Standardise where the columns' units differ, as the training rows say."""
    if name in SAME_UNITS:
        return train, test
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


# -- the first table: Autoencoder in the place of PCA


def compare_codes():
    """Print how much the codes keep and how well they tell classes apart."""
    print(
        f"""
In the place of PCA
===================
R²: share of the variance of held-out rows that the reconstruction keeps.
kNN: accuracy on held-out rows of KNeighborsClassifier() on the codes.
Equal number of components (k) for both; means over {SPLITS} random splits, 70 % of the
rows for training; columns standardised, except pixels. "photographs" are the 8 × 8
patches of scikit-learn's china.jpg, in grey; they have no classes.
"""
    )
    table = Table(
        ["Data", "Rows × columns", "k"],
        ["R² PCA", "R² AE", "kNN PCA", "kNN AE", "s PCA", "s AE"],
        widths=[13, 14, 1],
    )
    for name, (X, y) in load_tables().items():
        for k in (2, 8):
            runs = [measure_codes(name, X, y, k, seed) for seed in range(SPLITS)]
            table.row(name, f"{len(X)} × {X.shape[1]}", k, *np.mean(runs, axis=0))


def measure_codes(name, X, y, k, seed):
    """Return R², kNN accuracy and seconds of PCA and Autoencoder on one split."""
    train, test = train_test_split(
        np.arange(len(X)), test_size=0.3, random_state=seed, stratify=y
    )
    X_train, X_test = scaled(name, X[train], X[test])
    r2, accuracy, seconds = [], [], []
    for model in (
        PCA(k, random_state=seed),
        Autoencoder(k, random_state=seed),
    ):
        seconds.append(timed_fit(model, X_train))
        r2.append(reconstruction_r2(model, X_test))
        if y is None:
            accuracy.append(np.nan)
        else:
            knn = KNeighborsClassifier().fit(model.transform(X_train), y[train])
            accuracy.append(knn.score(model.transform(X_test), y[test]))
    return [*r2, *accuracy, *seconds]


# -- the second table: OutlierAutoencoder in the place of IsolationForest


def compare_detectors():
    """Print how well the scores rank outliers below inliers."""
    print(
        f"""
In the place of IsolationForest
===============================
AUROC: probability that an outlier is scored as more abnormal than an inlier, on rows
that were not trained on. "PCA" scores by the reconstruction error of PCA(0.9), which
keeps as many components as OutlierAutoencoder() does. Training rows are 60 % of the
inliers; with "10 % outliers" one training row in ten is an outlier that no one has
marked.
  digits         each digit in turn is normal, the other nine are outliers
  breast cancer  benign is normal, malignant are outliers; {SPLITS} random splits
  wine           each cultivar in turn is normal, the other two are outliers
"""
    )
    table = Table(
        ["Data", "Trained on"],
        ["IForest", "PCA", "AE", "s IForest", "s PCA", "s AE"],
        widths=[13, 13],
    )
    for name, tasks in load_tasks().items():
        for share, words in ((0.0, "inliers only"), (0.1, "10 % outliers")):
            runs = [
                measure_detectors(name, X, is_outlier, share, seed)
                for seed, (X, is_outlier) in enumerate(tasks)
            ]
            table.row(name, words, *np.mean(runs, axis=0))


def load_tasks():
    """Return lists of (X, is_outlier) by name."""
    X_digits, digit = load_digits(return_X_y=True)
    X_cancer, is_benign = load_breast_cancer(return_X_y=True)
    X_wine, cultivar = load_wine(return_X_y=True)
    return {
        "digits": [(X_digits, digit != normal) for normal in range(10)],
        "breast cancer": [(X_cancer, is_benign == 0)] * SPLITS,
        "wine": [(X_wine, cultivar != normal) for normal in range(3)],
    }


def measure_detectors(name, X, is_outlier, share, seed):
    """Return AUROC and seconds of the three detectors on one split."""
    random = np.random.default_rng(seed)
    inliers = random.permutation(np.flatnonzero(~is_outlier))
    outliers = random.permutation(np.flatnonzero(is_outlier))
    n_inliers = int(0.6 * len(inliers))
    n_outliers = round(share / (1 - share) * n_inliers)
    train = np.concatenate([inliers[:n_inliers], outliers[:n_outliers]])
    test = np.concatenate([inliers[n_inliers:], outliers[n_outliers:]])
    X_train, X_test = scaled(name, X[train], X[test])
    auroc, seconds = [], []
    for model in (
        IsolationForest(random_state=seed),
        PCA(0.9, random_state=seed),
        OutlierAutoencoder(random_state=seed),
    ):
        seconds.append(timed_fit(model, X_train))
        auroc.append(roc_auc_score(is_outlier[test], abnormality(model, X_test)))
    return [*auroc, *seconds]


def abnormality(model, X):
    """Return what rises with abnormality; for PCA, the reconstruction error."""
    if isinstance(model, PCA):
        rebuilt = model.inverse_transform(model.transform(X))
        return np.square(X - rebuilt).sum(axis=1)
    return -model.score_samples(X)


# -- the pictures


def draw_pictures():
    """Write the pictures and print where they are."""
    OUTPUT.mkdir(exist_ok=True)
    print("\nPictures\n========")
    X, y = load_digits(return_X_y=True)
    X_train, X_test, _, y_test = train_test_split(X, y, random_state=0, stratify=y)
    # One of each digit first.
    first = np.concatenate([np.flatnonzero(y_test == digit)[:1] for digit in range(10)])

    pca, ae = PCA(8).fit(X_train), Autoencoder(8, random_state=0).fit(X_train)
    display = ReconstructionDisplay.from_estimators(
        {"PCA": pca, "Autoencoder": ae}, X_test[first], image_shape=(8, 8), n_samples=10
    )
    save(display.figure_, "reconstructions", "Held-out digits from 8 components")
    display = TrainingCurveDisplay.from_estimator(ae)
    save(display.figure_, "training_curve", "Digits, 8 components")

    figure, (left, right) = plt.subplots(ncols=2, figsize=(12, 5), layout="constrained")
    for ax, model in ((left, PCA(2)), (right, Autoencoder(2, random_state=0))):
        model.fit(X_train)
        CodeDisplay.from_estimator(model, X_test, y_test, ax=ax)
        r2 = reconstruction_r2(model, X_test)
        ax.set_title(f"{type(model).__name__}, R² {r2:.2f}")
    left.get_legend().remove()  # the other's serves both
    save(figure, "codes", "Held-out digits in 2 components")

    X, is_benign = load_breast_cancer(return_X_y=True)
    is_malignant = is_benign == 0
    X_train, X_new = train_test_split(X[~is_malignant], test_size=0.4, random_state=0)
    X_train, X_test = scaled(
        "breast cancer", X_train, np.vstack([X_new, X[is_malignant]])
    )
    is_outlier = np.arange(len(X_test)) >= len(X_new)
    figure, axes = plt.subplots(ncols=2, figsize=(12, 4.5), layout="constrained")
    detectors = (IsolationForest(random_state=0), OutlierAutoencoder(random_state=0))
    for ax, model in zip(axes, detectors, strict=True):
        OutlierScoreDisplay.from_estimator(
            model.fit(X_train), X_test, is_outlier.astype(int), ax=ax
        )
        ax.set_title(type(model).__name__)
    save(
        figure,
        "outlier_scores",
        "Breast cancer, trained on benign rows: new benign (0) and malignant (1) ones",
    )


def save(figure, name, title):
    """Write a figure to a file and print its path."""
    figure.suptitle(title)
    path = OUTPUT / f"{name}.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(path)


# -- the rest


def timed_fit(model, X):
    """Fit the model and return the seconds it took."""
    start = perf_counter()
    model.fit(X)
    return perf_counter() - start


class Table:
    """A table that is printed row by row, as the figures come in."""

    def __init__(self, words, figures, widths):
        self.widths = [*widths, *(max(len(name), 6) for name in figures)]
        self.n_words = len(words)
        self._print([*words, *figures])
        rule = ["-" * width for width in self.widths]
        print("|", "-|-".join(rule), "|", sep="-")

    def row(self, *cells):
        words, figures = cells[: self.n_words], cells[self.n_words :]
        self._print([*words, *("–" if np.isnan(f) else f"{f:.3f}" for f in figures)])

    def _print(self, cells):
        words = [f"{c!s:<{w}}" for c, w in zip(cells, self.widths, strict=True)]
        print("|", " | ".join(words), "|", flush=True)


if __name__ == "__main__":
    main()
