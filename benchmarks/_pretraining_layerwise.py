"""A deep network on MNIST: what training its layers one by one first is worth."""

from functools import partial
from itertools import product

import _data
import _report
import numpy as np
import torch
from _pretraining_mirror import Mirrored, fill_layer
from _timing import seconds_of
from _variants import Part, judge, load_images, note, quiet, section
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder
from sklearn_ae._anchor import principal_anchor
from sklearn_ae._layerwise import encoded, layer_rows, pretrain_layers
from sklearn_ae._principal import fit_principal

# The network of Hinton and Salakhutdinov (2006), and about its size of a code.
NETWORK = {"n_components": 30, "hidden_layer_sizes": (1000, 500, 250)}
EPOCHS = (5, 20, 60)
LIMIT = 4.0

# How training computes; on a CPU without AMX or AVX-512 BF16 it takes much longer.
PRECISION = "bfloat16"

# Images on which epochs are compared; of all of them it would take hours.
TABLE_IMAGES = 10_000

# Of the training images, one in so many judges which layers are trained first, and the
# epochs it takes to see.
JUDGES, FEW_EPOCHS = 6, 12

WHICH = {False: "all at once", True: "one by one first"}


class Unanchored(Autoencoder):
    """The usual network: no linear path, and last layers that start at random.

    Layer by layer it is a stack of autoencoders, with nothing to be PCA in the end.
    """

    @staticmethod
    def _make_anchor(problem):
        anchor = principal_anchor(problem)
        return anchor._replace(
            encoder=torch.zeros_like(anchor.encoder),
            decoder=torch.zeros_like(anchor.decoder),
            spread=torch.ones_like(anchor.spread),
        )

    def _make_network(self, *, n_models, **shape):
        network = super()._make_network(n_models=n_models, **shape)
        for branch in (network.encoder_branch, network.decoder_branch):
            generators = [torch.Generator().manual_seed(self.random_state)] * n_models
            branch.output.initialise(generators, gain=0.5**0.5)
        return network

    @property
    def _pretrain(self):
        return pretrain_to_code if self.layerwise else None


def pretrain_to_code(run, seed):
    """Train hidden layers one by one, and make the code PCA of what they answer."""
    encoder = run.network.encoder_branch
    pretrain_layers(run, seed)
    unit = torch.ones(encoder.output.weight.shape[1], dtype=torch.float64)
    read = partial(encoded, depth=len(encoder.hidden))
    for model, rows in enumerate(layer_rows(run, read, unit)):
        principal = fit_principal(rows, run.network.n_components, seed)
        axes = (principal.axes / principal.variances.sqrt().unsqueeze(1)).T
        fill_layer(encoder.output, model, axes, -principal.mean @ axes)


KINDS = (("PCA", Autoencoder), ("none", Unanchored))


def run(options):
    """Fit with and without: to all images once, and to some of them at length."""
    images = load_images(options)
    if images is None:
        return Part([], [])
    train, test = images
    bounds, rows = [], []
    for layerwise in (False, True):
        note("all images,", WHICH[layerwise])
        error, seconds = measure(Autoencoder, EPOCHS[-1], layerwise, images, options)
        claim = f"squared error per test image, {WHICH[layerwise]}"
        judge(bounds, _report.at_most(claim, error, LIMIT))
        rows.append((WHICH[layerwise], f"{error:.2f}", f"{seconds:.0f}"))
    text = (
        f"A network of {len(train)} training images, 784-1000-500-250-30 and back, "
        f"{EPOCHS[-1]} epochs, else with defaults: the squared error of a test image "
        "of pixels between 0 and 1, summed over its pixels; PCA has "
        f"{pca_error(train, test):.2f}. One fit, one thread, "
        f'`precision="{PRECISION}"`; seconds are those of the whole `fit`.'
    )
    header = ("hidden layers", "squared error", "s")
    sections = [
        section("All images", text, header, rows),
        at_length(images, options),
        which_layers(train, options),
    ]
    return Part(bounds, sections)


def at_length(images, options):
    """Return the section on some images, over few epochs and many."""
    train, test = _data.subsample(images[0], TABLE_IMAGES, 0), images[1]
    rows = []
    for epochs, (path, kind), layerwise in product(EPOCHS, KINDS, (False, True)):
        error, seconds = measure(kind, epochs, layerwise, (train, test), options)
        shown = f"{error:.2f}", f"{seconds:.0f}"
        rows.append((path, WHICH[layerwise], epochs, *shown))
        note(*rows[-1])
    rows.sort(key=lambda row: (row[0] != "PCA", row[1]))
    text = (
        f"The same network and {len(train)} of the images; PCA has "
        f"{pca_error(train, test):.2f}. Layers one by one have a quarter of the epochs "
        "each. Without a linear path the last layers start at random, but where the "
        "encoder's are trained one by one its last one is PCA of what they answer."
    )
    header = ("linear path", "hidden layers", "epochs", "squared error", "s")
    return section("Few epochs and many", text, header, rows)


def which_layers(train, options):
    """Return the section that decided which layers are trained first."""
    order = np.random.default_rng(0).permutation(len(train))
    judges, train = np.split(train[order], [len(train) // JUDGES])
    rows = []
    for name, kind, layerwise in (
        ("none", Autoencoder, False),
        ("encoder's", Autoencoder, True),
        ("encoder's, decoder's as their mirror", Mirrored, True),
    ):
        error, _ = measure(kind, FEW_EPOCHS, layerwise, (train, judges), options)
        rows.append((name, f"{error:.2f}"))
        note(*rows[-1])
    text = (
        f"The network from PCA, fitted to {len(train)} of the training images for "
        f"{FEW_EPOCHS} epochs; the squared error of the {len(judges)} others. A mirror "
        "is least squares: from what the decoder's layers before make of a row's code, "
        "to what the encoder's layer makes of the row."
    )
    header = ("hidden layers trained first", "squared error")
    return section("Which layers", text, header, rows)


def measure(kind, epochs, layerwise, images, options):
    """Return the error of a test image, and the seconds of the fit."""
    train, test = images
    model = kind(
        **NETWORK,
        max_epochs=min(epochs, 2) if options.quick else epochs,
        layerwise=layerwise,
        precision=PRECISION,
        random_state=0,
    )
    with quiet():
        seconds, _ = seconds_of(lambda: model.fit(train))
    return error_of(test, model.reconstruct(test)), seconds


def pca_error(train, test):
    """Return the error of a test image by PCA."""
    pca = PCA(NETWORK["n_components"], random_state=0).fit(train)
    return error_of(test, pca.inverse_transform(pca.transform(test)))


def error_of(rows, reconstruction):
    """Return the mean squared error of a row, summed over its columns."""
    errors = np.square(rows - reconstruction, dtype=np.float64)
    return float(errors.sum(axis=1).mean())
