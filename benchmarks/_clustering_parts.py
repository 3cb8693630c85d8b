"""The parts of ``clustering.py``: digits, MNIST, and the number of clusters."""

import warnings

import _data
import _report
import numpy as np
from _images_data import NO_MNIST, load_labels
from _timing import seconds_of
from _variants import QUICK_EPOCHS, QUICK_ROWS, Part, judge, note, quiet, section
from scipy.optimize import linear_sum_assignment
from sklearn import datasets
from sklearn.base import clone
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline

from sklearn_ae import Autoencoder, AutoencoderClustering

# Bounds of the mean accuracy.
DIGITS, MNIST = 0.85, 0.84

K = 10

HEADER = ("method", "accuracy", "lowest", "highest", "NMI", "minutes")

OURS = "ours"


def run_digits(options):
    """Cluster scikit-learn's digits."""
    X, y = datasets.load_digits(return_X_y=True)
    of_rows = {
        "k-means": k_means,
        "spectral clustering": lambda seed: SpectralClustering(
            K, affinity="nearest_neighbors", random_state=seed
        ),
    }
    return compare("digits", X, y, of_rows, Autoencoder(K), DIGITS, options)


def run_mnist(options):
    """Cluster all images of MNIST."""
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return Part([], [NO_MNIST])
    X, y = np.vstack(_data.load_mnist(path)), np.concatenate(load_labels(options))
    encoder = Autoencoder(K, precision="bfloat16")
    # Ten starts of so many pixels would take longer than all else.
    of_rows = {"k-means, one start": lambda seed: KMeans(K, random_state=seed)}
    return compare("MNIST", X, y, of_rows, encoder, MNIST, options)


def k_means(seed):
    """Return k-means with scikit-learn's habit of ten starts."""
    return KMeans(K, n_init=10, random_state=seed)


def compare(name, X, y, of_rows, encoder, least, options):
    """Return the part of one set of rows.

    Parameters
    ----------
    name : str
    X, y : ndarray
    of_rows : dict
        What makes clusterers of rows from a seed, by name.
    encoder : Autoencoder
        Fitted once for each seed, for all methods that take codes.
    least : float
        Bound of the mean accuracy.
    options : Namespace
    """
    seeds = range(1 if options.quick else options.seeds)
    if options.quick:
        X, y = X[: 3 * QUICK_ROWS], y[: 3 * QUICK_ROWS]
    results = {}
    for seed in seeds:
        for method, outcome in fits_of(X, y, of_rows, encoder, seed, options):
            note(name, seed, method, *(f"{value:.3f}" for value in outcome))
            results.setdefault(method, []).append(outcome)
    rows = [(method, *summary(fits)) for method, fits in results.items()]
    accuracy = np.mean([fit[0] for fit in results[OURS]])
    bounds = []
    judge(bounds, _report.at_least(f"{name}: mean accuracy", accuracy, least))
    text = (
        f"{len(X)} rows, {K} clusters, {len(seeds)} fits of each method. Ours is "
        f"`AutoencoderClustering({K})` with `encoder={encoder!r}`, and defaults else; "
        "with `n_neighbors=0` it starts from k-means and rows have no neighbours, as "
        "in IDEC. Minutes are those of the whole fit, the encoder's included."
    )
    return Part(bounds, [section(name, text, HEADER, rows)])


def fits_of(X, y, of_rows, encoder, seed, options):
    """Yield the name of each method, and its accuracy, NMI and minutes."""
    few = {"max_epochs": QUICK_EPOCHS} if options.quick else {}
    for method, make in of_rows.items():
        yield method, judged(make(seed), X, y)
    yield f"k-means, PCA({K})", judged(make_pipeline(PCA(K), k_means(seed)), X, y)
    encoder = clone(encoder).set_params(random_state=seed, **few)
    with quiet():
        seconds, codes = seconds_of(lambda: encoder.fit_transform(X))
    yield f"k-means, Autoencoder({K})", judged(k_means(seed), codes, y, seconds)
    for method, how in {OURS: {}, "ours, n_neighbors=0": {"n_neighbors": 0}}.items():
        model = AutoencoderClustering(
            K, encoder=encoder, random_state=seed, **few, **how
        )
        yield method, judged(model, X, y, seconds)


def summary(fits):
    """Return what a table says of several fits."""
    accuracy, nmi, minutes = np.transpose(fits)
    values = accuracy.mean(), accuracy.min(), accuracy.max(), nmi.mean()
    return *(f"{value:.3f}" for value in values), f"{minutes.mean():.2f}"


def judged(model, X, y, seconds=0.0):
    """Return accuracy, NMI and minutes of a fit that so many seconds went before."""
    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Graph is not fully connected")
        own, labels = seconds_of(lambda: model.fit_predict(X))
    nmi = normalized_mutual_info_score(y, labels)
    return matched_accuracy(y, labels), nmi, (seconds + own) / 60


def matched_accuracy(y, labels):
    """Return the accuracy of clusters, matched one to one with classes."""
    counts = confusion_matrix(y, labels)
    return counts[linear_sum_assignment(-counts)].sum() / len(y)


def run_count(options):
    """Let the number of clusters be chosen, where it is known."""
    few = {"max_epochs": QUICK_EPOCHS} if options.quick else {}
    seeds, rows = range(1 if options.quick else options.seeds), []
    for name, (X, y) in labelled_sets().items():
        encoder = Autoencoder(min(K, X.shape[1]), **few)
        counts = []
        for seed in seeds:
            # The number is chosen before codes are trained on.
            model = AutoencoderClustering(
                "auto", encoder=encoder, max_epochs=0, random_state=seed
            )
            with quiet():
                counts.append(str(model.fit(X).n_clusters_))
        rows.append((name, len(np.unique(y)), ", ".join(counts)))
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
