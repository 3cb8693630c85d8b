"""The parts of ``clustering.py``: digits, MNIST, and the number of clusters."""

import warnings

import _data
import _report
import numpy as np
from _images_data import NO_MNIST, load_labels
from _timing import seconds_of
from _variants import QUICK_EPOCHS, QUICK_ROWS, Part, judge, note, section
from scipy.optimize import linear_sum_assignment
from sklearn import datasets
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import confusion_matrix, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline

from sklearn_ae import Autoencoder, AutoencoderClustering

# Bounds of the mean accuracy.
DIGITS, MNIST = 0.85, 0.84

K = 10

HEADER = ("method", "accuracy", "lowest", "highest", "NMI", "minutes")


def run_digits(options):
    """Cluster scikit-learn's digits."""
    X, y = datasets.load_digits(return_X_y=True)
    methods = {
        "k-means": k_means,
        "spectral clustering": lambda seed: SpectralClustering(
            K, affinity="nearest_neighbors", random_state=seed
        ),
        **of_codes(options),
    }
    return compare("digits", X, y, methods, DIGITS, options)


def run_mnist(options):
    """Cluster all images of MNIST."""
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return Part([], [NO_MNIST])
    X, y = np.vstack(_data.load_mnist(path)), np.concatenate(load_labels(options))
    methods = {"k-means": k_means, **of_codes(options)}
    return compare("MNIST", X, y, methods, MNIST, options)


def k_means(seed):
    """Return k-means of the rows themselves."""
    return KMeans(K, n_init=10, random_state=seed)


def of_codes(options):
    """Return what makes a clustering of codes from a seed, by name; ours last."""
    few = {"max_epochs": QUICK_EPOCHS} if options.quick else {}

    def plain(seed):
        encoder = Autoencoder(10, random_state=seed, **few)
        return make_pipeline(encoder, k_means(seed))

    def ours(seed, **how):
        encoder = Autoencoder(10, **few) if options.quick else None
        return AutoencoderClustering(
            K, encoder=encoder, random_state=seed, **few, **how
        )

    return {
        "k-means, PCA(10)": lambda seed: make_pipeline(PCA(10), k_means(seed)),
        "k-means, Autoencoder(10)": plain,
        "ours, n_neighbors=0": lambda seed: ours(seed, n_neighbors=0),
        "ours": ours,
    }


def compare(name, X, y, methods, least, options):
    """Return the part of one set of rows."""
    seeds = range(1 if options.quick else options.seeds)
    if options.quick:
        X, y = X[: 3 * QUICK_ROWS], y[: 3 * QUICK_ROWS]
    rows = []
    for method, make in methods.items():
        fits = [judged(make(seed), X, y) for seed in seeds]
        accuracy, nmi, seconds = np.transpose(fits)
        values = accuracy.mean(), accuracy.min(), accuracy.max(), nmi.mean()
        rows.append((method, *(f"{v:.3f}" for v in values), minutes(seconds)))
        note(name, *rows[-1])
    bounds = []
    judge(bounds, _report.at_least(f"{name}: mean accuracy", values[0], least))
    text = (
        f"{len(X)} rows, {K} clusters, {len(seeds)} fits of each method. Ours is "
        "`AutoencoderClustering` with its defaults; with `n_neighbors=0` it starts "
        "from k-means and rows have no neighbours, as in IDEC."
    )
    return Part(bounds, [section(name, text, HEADER, rows)])


def judged(model, X, y):
    """Return accuracy, NMI and seconds of a fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Graph is not fully connected")
        seconds, labels = seconds_of(lambda: model.fit_predict(X))
    return matched_accuracy(y, labels), normalized_mutual_info_score(y, labels), seconds


def matched_accuracy(y, labels):
    """Return the accuracy of clusters, matched one to one with classes."""
    counts = confusion_matrix(y, labels)
    return counts[linear_sum_assignment(-counts)].sum() / len(y)


def minutes(seconds):
    """Return the mean of seconds, in minutes."""
    return f"{seconds.mean() / 60:.2f}"


def run_count(options):
    """Let the number of clusters be chosen, where it is known."""
    few = {"max_epochs": QUICK_EPOCHS} if options.quick else {}
    rows = []
    for name, (X, y) in labelled_sets().items():
        counts = [
            AutoencoderClustering("auto", encoder=Autoencoder(**few), random_state=seed)
            .fit(X)
            .n_clusters_
            for seed in range(1 if options.quick else options.seeds)
        ]
        rows.append((name, len(np.unique(y)), ", ".join(map(str, counts))))
        note(*rows[-1])
    text = 'Classes, and clusters that `n_clusters="auto"` comes to, seed by seed.'
    header = ("data", "classes", "clusters")
    return Part([], [section("Number of clusters", text, header, rows)])


def labelled_sets():
    """Return sets of rows and their classes by name."""
    blobs = {
        f"{n} blobs": datasets.make_blobs(500, n_features=20, centers=n, random_state=0)
        for n in (3, 6, 12)
    }
    loaders = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "digits": datasets.load_digits,
    }
    return blobs | {name: load(return_X_y=True) for name, load in loaders.items()}
