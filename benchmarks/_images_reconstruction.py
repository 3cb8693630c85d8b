"""Reconstruction of images, beside PCA and ``Autoencoder`` of the same code size."""

import _report
import numpy as np
from _images_data import NO_FACES, NO_MNIST, as_rows, load_faces, load_mnist
from _timing import seconds_of
from _variants import Part, explained, fit, judge, note, section, squares
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import Autoencoder, ConvolutionalAutoencoder

K = 32

# -- MNIST

RATIO, SECONDS = 0.18, 480

MNIST_HEADER = ("model", "squared error", "over PCA's", "over dense", "fit s")


def run_mnist(options):
    """Compare squared errors per test image."""
    images = load_mnist(options)
    if images is None:
        return Part([], [NO_MNIST])
    bounds, rows, errors, seconds = [], [], {}, {}
    train, test = map(as_rows, images)
    for name, model in models(0).items():
        # The one that takes images gets them, as users hold them.
        X, X_test = images if name == "ours" else (train, test)
        seconds[name], _ = seconds_of(lambda m=model, X=X: fit(m, X, options))
        rest = test - as_rows(reconstruct(model, X_test))
        errors[name] = squares(rest) / len(test)
        note(f"{name}: {errors[name]:.3f}, {seconds[name]:.0f} s")
    for name, error in errors.items():
        ratios = error / errors["PCA"], error / errors["dense"]
        figures = (f"{figure:.3f}" for figure in (error, *ratios))
        rows.append((name, *figures, f"{seconds[name]:.0f}"))
    ratio = errors["ours"] / errors["PCA"]
    judge(bounds, _report.at_most("squared error over PCA's", ratio, RATIO))
    ratio = errors["ours"] / errors["dense"]
    judge(bounds, _report.at_most("squared error over that of Autoencoder", ratio, 1))
    judge(bounds, _report.at_most("seconds of our fit", seconds["ours"], SECONDS))
    text = (
        f"{len(train)} training and {len(test)} test images, pixels in [0, 1], k = {K}."
        " Squared error per test image, summed over its pixels. Ours is "
        f"`ConvolutionalAutoencoder({K})`, dense is `Autoencoder({K})`, both with "
        "their defaults else. Each fit takes the threads it asks for: ours two."
    )
    return Part(bounds, [section("Images of digits", text, MNIST_HEADER, rows)])


def models(seed):
    """Return the models by name."""
    return {
        "PCA": PCA(K, svd_solver="covariance_eigh"),
        "dense": Autoencoder(K, random_state=seed),
        "ours": ConvolutionalAutoencoder(K, random_state=seed),
    }


def reconstruct(model, X):
    """Return what a model makes of rows or images."""
    if isinstance(model, PCA):
        return model.inverse_transform(model.transform(X))
    return model.reconstruct(X)


# -- Olivetti

N_TRAIN, SPLITS = 300, 3

# What PCA differs by from PCA, where ours stays at it.
ROUNDING = 1e-6

OLIVETTI_HEADER = ("split", "PCA", "dense", "ours", "gain", "dense s", "ours s")


def run_olivetti(options):
    """Compare shares of the variance of test images, split by split."""
    faces = load_faces(options)
    if faces is None:
        return Part([], [NO_FACES])
    bounds, rows, gains, gains_over_dense = [], [], [], []
    for split in range(1 if options.quick else SPLITS):
        images = train_test_split(faces, train_size=N_TRAIN, random_state=split)
        kept, seconds = _split(images, split, options)
        gains.append(kept["ours"] - kept["PCA"])
        gains_over_dense.append(kept["ours"] - kept["dense"])
        figures = *(f"{share:.4f}" for share in kept.values()), f"{gains[-1]:+.4f}"
        took = (f"{seconds[name]:.0f}" for name in ("dense", "ours"))
        rows.append((split, *figures, *took))
        note(*rows[-1])
    claim = "R² above PCA's, least of the splits"
    judge(bounds, _report.at_least(claim, min(gains), -ROUNDING))
    text = (
        f"R² of test images about the mean of the training images; {N_TRAIN} training "
        f"and {len(faces) - N_TRAIN} test images of {faces.shape[1]} × "
        f"{faces.shape[2]} pixels by random splits, k = {K}. Above dense: "
        f"{np.mean(gains_over_dense):+.4f} in the mean. Where training does not "
        f"improve on PCA our model is PCA, up to rounding, hence {-ROUNDING:g} in place"
        " of 0."
    )
    return Part(bounds, [section("Faces", text, OLIVETTI_HEADER, rows)])


def _split(images, seed, options):
    """Return the share of the variance that each model keeps, and seconds of fits."""
    kept, seconds = {}, {}
    train, test = map(as_rows, images)
    mean = train.mean(axis=0, dtype=np.float64)
    for name, model in models(seed).items():
        X, X_test = images if name == "ours" else (train, test)
        seconds[name], _ = seconds_of(lambda m=model, X=X: fit(m, X, options))
        kept[name] = explained(test, as_rows(reconstruct(model, X_test)), mean)
    return kept, seconds
