"""What hidden units do with rows: how far the activation of each varies."""

import copy

import torch

from ._activations import ACTIVATIONS
from ._cells import RecurrentCell
from ._token import TokenAutoencoder

# Rows that are read at once.
BLOCK = 256

# Axis of the channels of maps, (M, n, channels, height, width); of others it is last.
MAP_DIM, CHANNELS = 5, 2


@torch.no_grad()
def activation_ranges(network, rows):
    """Return the largest less the smallest activation of each hidden unit.

    Units are those that an activation function or a recurrent cell answers; a channel
    of a map is one, over all its pixels, and so is a channel of a sequence.

    Parameters
    ----------
    network : torch module
        A stack of one. It stays as it is.
    rows : tensor of shape (n, n_features)
        Standardised.

    Returns
    -------
    ranges : tensor of shape (n_units,)
        Encoder first; empty of networks without hidden units.
    """
    network, seen = copy.deepcopy(network), []

    def watch(module, inputs, output):
        axis = CHANNELS if output.dim() == MAP_DIM else -1
        units = output.movedim(axis, -1).flatten(0, -2)
        seen.append((units.amin(dim=0), units.amax(dim=0)))

    for module in network.modules():
        if isinstance(module, (*ACTIVATIONS.values(), RecurrentCell)):
            module.register_forward_hook(watch)
    low = high = rows.new_zeros(0)
    for n_read, block in enumerate(rows.split(_block_size(network))):
        seen.clear()
        network(block)
        if not seen:
            break
        lows, highs = (torch.cat(parts) for parts in zip(*seen, strict=True))
        low = torch.minimum(low, lows) if n_read else lows
        high = torch.maximum(high, highs) if n_read else highs
    return high - low


def _block_size(network):
    """Return how many rows a network reads in one pass."""
    if isinstance(network, TokenAutoencoder):
        return min(BLOCK, network._part_size())
    return BLOCK
