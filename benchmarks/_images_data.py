"""What the parts of ``images.py`` read: images, not rows, with pixels in [0, 1]."""

import _data
import numpy as np
from _variants import QUICK_ROWS, load_images, max_rows, note

SIDE = 28

NO_MNIST = "MNIST was not among the data."
NO_FACES = "Olivetti was not among the data."
NO_PHOTOGRAPHS = "There were no photographs among the data."

# Test photographs; all others are for training.
TEST_PHOTOGRAPHS = ("05", "06")

# Side of the piece of each photograph that a trial takes.
QUICK_SIDE = 64


def as_images(rows):
    """Return rows of MNIST as images."""
    return rows.reshape(-1, SIDE, SIDE)


def as_rows(images):
    """Return images as rows."""
    return images.reshape(len(images), -1)


def load_mnist(options, most=None):
    """Return MNIST's training and test images, or None if there is no such file."""
    parts = load_images(options, most)
    return None if parts is None else tuple(map(as_images, parts))


def load_judged(options, n_fitted, n_judges):
    """Return some training images of MNIST to fit to, and others to judge, or None."""
    images = load_mnist(options)
    if images is None:
        return None
    order = np.random.default_rng(0).permutation(len(images[0]))
    n_fitted, n_judges = max_rows(options, n_fitted), max_rows(options, n_judges)
    judges = order[n_fitted : n_fitted + n_judges]
    return images[0][order[:n_fitted]], images[0][judges]


def load_labels(options):
    """Return the labels of all of MNIST's training and test images."""
    with np.load(_data.mnist_path(options.data)) as file:
        return file["y_train"], file["y_test"]


def load_labelled(options):
    """Return training images, their labels, test images and theirs, or None."""
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return None
    train, test = map(as_images, _data.load_mnist(path))
    of_train, of_test = load_labels(options)
    most = QUICK_ROWS if options.quick else len(test)
    return train, of_train, test[:most], of_test[:most]


def load_faces(options):
    """Return the images of Olivetti, or None if there is no such file."""
    path = options.data / "images" / "olivetti.npz"
    if not path.exists():
        note("Olivetti is left out: images/olivetti.npz is not among the data.")
        return None
    with np.load(path) as file:
        return file["X"].astype(np.float32) / 255


def load_photographs(options):
    """Return grey photographs for training and for testing, by name; maybe none."""
    from PIL import Image

    folders = (options.data / "images" / name for name in ("natural", "kodak"))
    paths = [path for folder in folders for path in sorted(folder.glob("*.png"))]
    train, test = {}, {}
    for path in paths:
        is_test = path.parent.name == "kodak" and path.stem in TEST_PHOTOGRAPHS
        grey = np.asarray(Image.open(path).convert("L"), dtype=np.float32) / 255
        if options.quick:
            grey = grey[:QUICK_SIDE, : QUICK_SIDE + 8]
        (test if is_test else train)[f"{path.parent.name} {path.stem}"] = grey
    return train, test
