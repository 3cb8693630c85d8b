"""The encoder's layers trained one after the other, before all are trained together.

Greedy layer-wise pretraining (Bengio, Lamblin, Popovici and Larochelle, 2006). Last
layers of the branches stay at zero: the network still starts at its linear path. The
decoder's hidden layers stay as they are drawn: as mirrors of the encoder's, they were
worse on held-out images.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from ._anchor import Metric, as_anchor
from ._principal import Rows, fit_principal
from .networks import AnchoredAutoencoder, select_model
from .training import ReconstructionLoss, train_on

# Each layer is trained for one epoch where the network is for so many.
EPOCHS_PER_EPOCH = 4

# Share of the variance that is nothing but rounding.
ROUNDING = 1e-6


def pretrain_layers(run, seed):
    """Train the encoder's hidden layers one by one, from the rows to the code.

    Each is trained inside a small autoencoder of what the layers before it make of the
    rows: PCA plus branches of this one hidden layer. Every model learns from its own
    training rows alone, and no row judges.

    Parameters
    ----------
    run : Run
        Of dense networks at their start; their hidden layers are trained in place.
    seed : int
        Of the weights that the small autoencoders do not share with the network.
    """
    if not run.settings.max_epochs:
        return
    run.network.to(run.settings.device)
    n_epochs = math.ceil(run.settings.max_epochs / EPOCHS_PER_EPOCH)
    nobody = [np.empty(0, dtype=np.intp)] * run.network.n_models
    run = run._replace(
        settings=replace(run.settings, max_epochs=n_epochs, callbacks=()),
        plan=replace(run.plan, held_out=nobody),
    )
    for depth, layer in enumerate(run.network.encoder_branch.hidden):
        unit = _unit_of(run, depth)
        made = [
            fit_principal(rows, run.network.n_components, seed)
            for rows in layer_rows(run, partial(encoded, depth=depth), unit)
        ]
        if run.corruptions.training is None and not _leaves_any(made):
            continue
        small, loss = _small_autoencoder(run, depth, seed, made, unit)
        own = small.encoder_branch.hidden[0]
        own.load_state_dict(layer.state_dict())
        read = partial(encoded, run.network, depth=depth)
        train_on(run._replace(network=small, loss=loss), read)
        layer.load_state_dict(own.state_dict())


@torch.no_grad()
def encoded(network, rows, depth):
    """Return what the first ``depth`` hidden layers of the encoder make of rows."""
    branch = network.encoder_branch
    x = network.clip(rows * network.input_scale)
    for layer, _ in zip(branch.hidden, range(depth), strict=False):
        x = branch.activation(layer(x))
    return x


def _unit_of(run, depth):
    """Return what the columns that a layer reads count."""
    n_inputs = run.network.encoder_branch.hidden[depth].weight.shape[1]
    unit = torch.ones(n_inputs, dtype=torch.float64)
    if depth == 0:  # as errors of the rows do
        weight = run.loss.column_weight.double().cpu()
        unit = torch.where(weight > 0, weight, 1.0).sqrt()
    return unit


def _leaves_any(principals):
    """Whether there is anything that PCA leaves, but for rounding."""
    return any(
        principal.total - float(principal.variances.sum()) > ROUNDING * principal.total
        for principal in principals
    )


def _small_autoencoder(run, depth, seed, principals, unit):
    """Return networks around one layer, at PCA of what it reads, and their loss."""
    network, branches = run.network, run.network.arguments["branches"]
    n_inputs, n_units = network.encoder_branch.hidden[depth].weight.shape[1:]
    small = AnchoredAutoencoder(
        n_models=network.n_models,
        n_features=n_inputs,
        n_components=network.n_components,
        branches={**branches, "hidden_layer_sizes": (n_units,)},
    )
    small.to(run.settings.dtype)
    small.initialise([seed] * network.n_models)
    small.set_anchor(as_anchor(principals, Metric(unit, torch.ones_like(unit), 1.0)))
    # What the layer reads is clipped already, or need not be.
    small.clip.scale = math.inf
    weights = [unit.square() / (principal.total or 1.0) for principal in principals]
    return small, ReconstructionLoss(torch.stack(weights).unsqueeze(1))


# -- what layers make of the rows, as rows


class LayerRows:
    """What a function makes of the rows of a source, as another source.

    Parameters
    ----------
    source : RowSource
    function : callable
        Takes rows and returns a tensor of shape ``(1, n, n_features)``.
    n_features : int
    """

    def __init__(self, source, function, n_features):
        self.source, self.function = source, function
        self.n_rows, self.n_features = source.n_rows, n_features

    def take(self, index):
        """Return what is made of the rows at ``index``, on the CPU."""
        return self.function(self.source.take(index))[0].cpu()


def layer_rows(run, function, unit):
    """Yield the training rows of each model, as a function of its network has them.

    Parameters
    ----------
    run : Run
    function : callable
        Takes a network of one model and rows; returns a tensor of shape
        ``(1, n, n_features)``.
    unit : tensor of shape (n_features,)

    Yields
    ------
    rows : Rows
    """
    for model, weight in enumerate(run.plan.train_weight):
        own = partial(function, select_model(run.network, model))
        source = LayerRows(run.source, own, len(unit))
        yield Rows(source, torch.from_numpy(weight), unit)
