"""A decoder whose layers start as the mirror of the encoder's: tried, and worse."""

from functools import partial

import torch

from sklearn_ae import Autoencoder
from sklearn_ae._layerwise import encoded, layer_rows, pretrain_layers
from sklearn_ae._principal import covariance_of

# What is added to the variances of a layer's inputs, as a share of their mean: units
# that say nearly the same would get weights that cancel.
RIDGE = 1e-2


class Mirrored(Autoencoder):
    """Layers of the encoder one by one, and the decoder's as their mirror."""

    @property
    def _pretrain(self):
        return pretrain_both if self.layerwise else None


def pretrain_both(run, seed):
    """Train the encoder's hidden layers, and make the decoder's their mirror."""
    pretrain_layers(run, seed)
    for depth, layer in enumerate(run.network.decoder_branch.hidden):
        unit = torch.ones(sum(layer.weight.shape[1:]), dtype=torch.float64)
        pairs = layer_rows(run, partial(mirrored, depth=depth), unit)
        for model, rows in enumerate(pairs):
            fill_layer(layer, model, *least_squares(rows, layer.weight.shape[1]))


@torch.no_grad()
def mirrored(network, rows, depth):
    """Return what a layer of the decoder reads, beside what it should answer."""
    branch, layers = network.decoder_branch, network.encoder_branch.hidden
    read = network.clip(network.encode_raw(rows) * network.inverse_spread)
    for layer in branch.hidden[:depth]:
        read = branch.activation(layer(read))
    twin = len(layers) - 1 - depth
    return torch.cat([read, layers[twin](encoded(network, rows, twin))], dim=-1)


def least_squares(rows, n_inputs):
    """Return weight and bias of the affine map from the first columns to the others."""
    mean, covariance = covariance_of(rows)
    square = covariance[:n_inputs, :n_inputs].clone()
    variances = square.diagonal()
    variances += RIDGE * variances.mean() or 1.0
    weight = torch.linalg.solve(square, covariance[:n_inputs, n_inputs:])
    return weight, mean[n_inputs:] - mean[:n_inputs] @ weight


@torch.no_grad()
def fill_layer(layer, model, weight, bias):
    """Give one model of a layer its weights."""
    layer.weight[model] = weight.to(layer.weight)
    layer.bias[model] = bias.to(layer.bias)
