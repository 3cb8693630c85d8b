"""What the default network, its start and its steps are worth, on training images.

Chosen here, so not on test images: of MNIST's training images some are fitted to and
others judge.
"""

from contextlib import ExitStack
from unittest.mock import patch

from _images_data import NO_MNIST, as_rows, load_judged
from _timing import seconds_of
from _variants import Part, fit, note, section, squares
from sklearn.decomposition import PCA

from sklearn_ae import ConvolutionalAutoencoder, _defaults
from sklearn_ae.networks import _convolutional

K = 32
N_FITTED, N_JUDGES = 10_000, 5000

# Where the constants are, of which each setting below may replace some.
MODULES = (_convolutional, _defaults)

# Parameters by name of the setting, and constants of the network.
SETTINGS = {
    "default": ({}, {}),
    "batches of 256": ({"batch_size": 256}, {}),
    "He's initial weights": ({}, {"GAIN": 1.0}),
    "half of them": ({}, {"GAIN": 0.5}),
    "no linear layers": ({}, {"READ": 0.0, "WRITE": 0.0}),
    "linear layers as they are": ({}, {"READ": 28.0, "WRITE": 1.0}),
    "dense layer of 256": ({"hidden_layer_sizes": (256,)}, {}),
    "8, 32 channels": ({"channels": (8, 32)}, {}),
    "24, 48 channels": ({"channels": (24, 48)}, {}),
    "relu": ({"activation": "relu"}, {}),
    "gelu": ({"activation": "gelu"}, {}),
    "no weight decay": ({"weight_decay": 0.0}, {}),
    "learning rate of 0.0045": ({"learning_rate": 0.0045}, {}),
    "learning rate of 0.002": ({"learning_rate": 0.002}, {}),
    "0.999 of Adam's squares kept": ({}, {"IMAGE_BETA2": 0.999}),
    "0.95 of them": ({}, {"IMAGE_BETA2": 0.95}),
}

HEADER = ("setting", "squared error over PCA's", "fit s")


def run(options):
    """Fit with each setting in turn."""
    images = load_judged(options, N_FITTED, N_JUDGES)
    if images is None:
        return Part([], [NO_MNIST])
    train, judges = images
    pca = PCA(K, svd_solver="covariance_eigh").fit(as_rows(train))
    kept = pca.inverse_transform(pca.transform(as_rows(judges)))
    unit = squares(as_rows(judges) - kept)
    rows = []
    for name, (parameters, constants) in SETTINGS.items():
        model = ConvolutionalAutoencoder(K, **{"random_state": 0, **parameters})
        with ExitStack() as stack:
            for constant, value in constants.items():
                module = next(one for one in MODULES if constant in vars(one))
                stack.enter_context(patch.object(module, constant, value))
            seconds, _ = seconds_of(lambda m=model: fit(m, train, options))
            error = squares(judges - model.reconstruct(judges)) / unit
        rows.append((name, f"{error:.3f}", f"{seconds:.0f}"))
        note(*rows[-1])
    text = (
        f"{len(train)} of MNIST's training images for the fit, {len(judges)} others to "
        f"judge, k = {K}. Fits are whole: after a few epochs other settings are ahead "
        "that are not at the end. One setting differs from the default in each line. "
        "Initial weights are shares of He's; the linear layers' factors are "
        "learning rates beside those of the convolutions; 0.98 is what Adam keeps of "
        "the mean squared gradients at each step."
    )
    return Part([], [section("Defaults", text, HEADER, rows)])
