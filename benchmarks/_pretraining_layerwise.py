"""A deep network on MNIST: what training its layers one by one first is worth."""

from functools import partial
from itertools import product

import _report
import numpy as np
import torch
from _timing import seconds_of
from _variants import Part, judge, load_images, note, quiet, section
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder
from sklearn_ae._anchor import principal_anchor
from sklearn_ae._layerwise import (
    decoded,
    encoded,
    fit_decoder,
    layer_rows,
    least_squares,
    train_encoder,
)
from sklearn_ae._principal import fit_principal

# The network of Hinton and Salakhutdinov (2006), and about its size of a code.
NETWORK = {"n_components": 30, "hidden_layer_sizes": (1000, 500, 250)}
EPOCHS = (5, 20, 60)
LIMIT = 4.0

# How training computes; on a CPU without AMX or AVX-512 BF16 it takes much longer.
PRECISION = "bfloat16"

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
        return pretrain_all_layers if self.layerwise else None


def pretrain_all_layers(run, seed):
    """Train hidden layers one by one, and make the last layers of what they answer.

    The code is PCA of what the encoder's hidden layers answer; the reconstruction,
    least squares of what the decoder's do.
    """
    network = run.network
    encoder, decoder = network.encoder_branch, network.decoder_branch
    depth = len(encoder.hidden)
    train_encoder(run, seed)
    n_units = encoder.output.weight.shape[1]
    unit = torch.ones(n_units, dtype=torch.float64)
    read = partial(encoded, depth=depth)
    for model, rows in enumerate(layer_rows(run, read, unit)):
        principal = fit_principal(rows, network.n_components, seed)
        axes = (principal.axes / principal.variances.sqrt().unsqueeze(1)).T
        fill(encoder.output, model, axes, -principal.mean @ axes)
    fit_decoder(run)

    def pairs(one, rows):
        return torch.cat([decoded(one, rows, depth), rows[None]], dim=-1)

    n_units = decoder.output.weight.shape[1]
    unit = torch.ones(n_units + network.n_features, dtype=torch.float64)
    for model, rows in enumerate(layer_rows(run, pairs, unit)):
        fill(decoder.output, model, *least_squares(rows, n_units))


@torch.no_grad()
def fill(layer, model, weight, bias):
    """Give one model of a layer its weights."""
    layer.weight[model] = weight.to(layer.weight)
    layer.bias[model] = bias.to(layer.bias)


KINDS = (("PCA", Autoencoder), ("none", Unanchored))
HEADER = ("linear path", "hidden layers", "epochs", "squared error", "s")


def run(options):
    """Fit over few epochs and many, layers one by one first and not."""
    images = load_images(options)
    if images is None:
        return Part([], [])
    train, test = images
    bounds, rows = [], []
    for epochs, (path, kind), layerwise in product(EPOCHS, KINDS, (False, True)):
        error, seconds = measure(kind, epochs, layerwise, images, options)
        rows.append((path, WHICH[layerwise], epochs, f"{error:.2f}", f"{seconds:.0f}"))
        note(*rows[-1])
        if kind is Autoencoder and epochs == EPOCHS[-1]:
            claim = f"squared error per test image, {WHICH[layerwise]}"
            judge(bounds, _report.at_most(claim, error, LIMIT))
    # The sort keeps the epochs in order within each kind.
    rows.sort(key=lambda row: (row[0] != "PCA", row[1]))
    text = TEXT.format(n_rows=len(train), pca=pca_error(train, test))
    return Part(bounds, [section("Few epochs and many", text, HEADER, rows)])


TEXT = (
    "A network of {n_rows} training images, 784-1000-500-250-30 and back, else with "
    "defaults: the squared error of a test image of pixels between 0 and 1, summed "
    "over its pixels; PCA has {pca:.2f}. Where layers are trained one by one first, "
    "each has a quarter of the epochs, before all have theirs. Without a linear path "
    "the last layers start at random, or, where the others are trained one by one, as "
    "PCA of what the encoder's answer and as least squares of what the decoder's do. "
    f'One fit each, one seed, one thread, `precision="{PRECISION}"`; seconds are those '
    "of the whole `fit`."
)


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
