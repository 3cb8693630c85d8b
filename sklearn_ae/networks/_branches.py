"""The residual branches of a network, by kind: what lies beside its linear path."""

from ._convolutional import ConvolutionalDecoder, ConvolutionalEncoder
from ._layers import ResidualBranch
from ._sequential import SequenceDecoder, SequenceEncoder


def make_branches(spec, *, n_models, n_features, n_components, n_coded, n_decoded):
    """Return the encoder's branch and the decoder's.

    Parameters
    ----------
    spec : dict
        The ``kind`` and its arguments, plain values.
    n_models, n_features, n_components : int
    n_coded : int
        Numbers that the encoder's branch answers for each component.
    n_decoded : int
        Numbers that the decoder's branch answers for each feature.
    """
    arguments = {name: value for name, value in spec.items() if name != "kind"}
    return BRANCHES[spec["kind"]](
        n_models, n_features, n_components, n_coded, n_decoded, **arguments
    )


def dense_branches(
    n_models,
    n_features,
    n_components,
    n_coded,
    n_decoded,
    *,
    hidden_layer_sizes,
    activation,
):
    """Return multilayer perceptrons; the decoder's layers are the encoder's, reversed.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
    activation : str
        A key of ``ACTIVATIONS``.
    """
    sizes = tuple(hidden_layer_sizes)
    return (
        ResidualBranch(n_models, n_features, sizes, n_components * n_coded, activation),
        ResidualBranch(
            n_models, n_components, sizes[::-1], n_features * n_decoded, activation
        ),
    )


def convolutional_branches(
    n_models,
    n_features,
    n_components,
    n_coded,
    n_decoded,
    *,
    image_shape,
    channels,
    n_blocks,
    hidden_layer_sizes,
    activation,
):
    """Return convolutions down to a small map, and up again.

    Parameters
    ----------
    image_shape : tuple (height, width, n_channels)
        Of which ``n_features`` is the product.
    channels : tuple of int
        Of the maps after each halving of the sides.
    n_blocks : int
        Residual blocks at the smallest map, on either side.
    hidden_layer_sizes : tuple of int
        Dense layers between the smallest map and the code; the decoder's, reversed.
    activation : str
    """
    sizes = tuple(hidden_layer_sizes)
    shared = (image_shape, tuple(channels), n_blocks, sizes, activation)
    return (
        ConvolutionalEncoder(n_models, *shared, n_components * n_coded),
        ConvolutionalDecoder(n_models, n_components, *shared, n_decoded),
    )


def sequential_branches(
    n_models,
    n_features,
    n_components,
    n_coded,
    n_decoded,
    *,
    n_channels,
    cell,
    n_places,
    hidden_layer_sizes,
    activation,
):
    """Return a cell over the steps with dense layers, and the way back.

    Parameters
    ----------
    n_channels : int
    cell : dict
        The ``kind`` of cell, and its arguments.
    n_places : int
        Places between which the decoder interpolates.
    hidden_layer_sizes : tuple of int
        Dense layers between the places and the code; the decoder's, reversed.
    activation : str
    """
    sizes = tuple(hidden_layer_sizes)
    shared = n_channels, dict(cell), n_places, sizes, activation
    n_steps = n_features // n_channels
    return (
        SequenceEncoder(n_models, *shared, n_components * n_coded),
        SequenceDecoder(n_models, n_components, *shared, n_steps, n_decoded),
    )


BRANCHES = {
    "dense": dense_branches,
    "convolutional": convolutional_branches,
    "sequential": sequential_branches,
}
