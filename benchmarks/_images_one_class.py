"""One digit is normal, all others are not: how well scores tell them apart."""

import _data
import _report
import numpy as np
from _images_data import NO_MNIST, as_rows, load_labelled
from _timing import seconds_of
from _variants import Part, fit, judge, max_rows, note, section
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder

N_TRAIN = 2000
K = 32
AUROC = 0.965

# The parameter by which an estimator offers more scores than one, if it does.
CHOICE = "outlier_score"

DEFAULT, ERROR = "ours", "ours, error"


def run(options):
    """Score the test images with each digit in turn as the normal one."""
    images = load_labelled(options)
    if images is None:
        return Part([], [NO_MNIST])
    train, of_train, test, of_test = images
    digits = range(2 if options.quick else 10)
    bounds, values, seconds, sizes = [], [], [], []
    for digit in digits:
        normal = _data.subsample(
            train[of_train == digit], max_rows(options, N_TRAIN), 0
        )
        scores, took, k = _scores(normal, test, options)
        seconds.append(took)
        sizes.append(k)
        values.append(
            {
                name: roc_auc_score(of_test == digit, score)
                for name, score in scores.items()
            }
        )
        shown = (f"{name} {value:.4f}" for name, value in values[-1].items())
        note(f"{digit}, k = {k}, {took:.0f} s:", ", ".join(shown))
    rows, means = [], {}
    for name in values[0]:
        of_digits = [by_name[name] for by_name in values]
        means[name] = np.mean(of_digits)
        rows.append((name, *(f"{value:.4f}" for value in (*of_digits, means[name]))))
    claim = "AUROC of the default score, mean of the digits"
    judge(bounds, _report.at_least(claim, means[DEFAULT], AUROC))
    text = (
        f"AUROC on {len(test)} test images, of which those of one digit are normal; "
        f"fitted to {len(normal)} training images of that digit, drawn at random. "
        "Ours is the `score_samples` of `ConvolutionalAutoencoder` with its defaults, "
        f"whose codes have {min(sizes)} to {max(sizes)} numbers here"
        + (f"; beside it the other choices of `{CHOICE}`" if other_scores() else "")
        + f". Error is the squared error of the reconstruction; PCA has k = {K}; dense "
        "is `Autoencoder` with its defaults and its own `score_samples`. Labels choose "
        f"the training images and judge, nothing else. One fit of ours took "
        f"{np.mean(seconds):.0f} s."
    )
    header = ("score", *digits, "mean")
    return Part(bounds, [section("One digit is normal", text, header, rows)])


def _scores(normal, test, options):
    """Return the scores of the test images by name, seconds and k of our fit."""
    ours = ConvolutionalAutoencoder(random_state=0)
    seconds, _ = seconds_of(lambda: fit(ours, normal, options))
    scores = {DEFAULT: ours.score_samples(test)}
    for choice in other_scores():
        other = clone(ours).set_params(**{CHOICE: choice})
        name = f'ours, "{choice}"'
        scores[name] = fit(other, normal, options).score_samples(test)
    scores[ERROR] = minus_error(as_rows(ours.reconstruct(test)), as_rows(test))
    normal, test = as_rows(normal), as_rows(test)
    pca = PCA(K, svd_solver="full").fit(normal)
    kept = pca.inverse_transform(pca.transform(test))
    scores["PCA, error"] = minus_error(kept, test)
    dense = fit(Autoencoder(random_state=0), normal, options)
    scores["dense"] = dense.score_samples(test)
    forest = IsolationForest(random_state=0).fit(normal)
    scores["IsolationForest"] = forest.score_samples(test)
    return scores, seconds, ours.n_components_


def other_scores():
    """Return the choices of a score beside the default one."""
    default = ConvolutionalAutoencoder().get_params().get(CHOICE)
    rules = ConvolutionalAutoencoder._parameter_constraints.get(CHOICE, ())
    choices = set().union(*(getattr(rule, "options", ()) for rule in rules))
    return sorted(choices - {default})


def minus_error(reconstruction, rows):
    """Return minus the squared error of each row."""
    return -np.square(rows - reconstruction, dtype=np.float64).sum(axis=1)
