"""What the estimators for tables share: hidden layers and their limits."""

import math

import pytest

from sklearn_ae import (
    Autoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)


def test_hidden_layers_follow_the_parameter(blob):
    model = Autoencoder(2, hidden_layer_sizes=[7, 3], max_epochs=1).fit(blob)
    shapes = [
        tuple(layer.weight.shape[1:])
        for layer in model.net_.module_.encoder_branch.hidden
    ]
    assert shapes == [(5, 7), (7, 3)]


@pytest.mark.parametrize("sizes", [(0,), (4.5,), (8, -1), ("a",)])
def test_hidden_layers_out_of_range(blob, sizes):
    message = "must be 'auto' or hold positive integers, one per hidden layer"
    with pytest.raises(ValueError, match=message):
        Autoencoder(hidden_layer_sizes=sizes).fit(blob)


@pytest.mark.parametrize(
    "kind", [Autoencoder, DenoisingAutoencoder, VariationalAutoencoder]
)
@pytest.mark.parametrize(
    ("name", "value"), [("hidden_layer_sizes", [8, 4]), ("activation", "relu")]
)
def test_parameters_of_the_dense_network_are_refused_next_to_another(
    blob, kind, name, value
):
    model = kind(network=ConvolutionalNetwork(), **{name: value})
    with pytest.raises(ValueError, match="is for network='dense'") as error:
        model.fit(blob)
    assert str(error.value) == (
        f"{name}={value!r} is for network='dense', and network=ConvolutionalNetwork"
        f"(...) has its own. Give ConvolutionalNetwork({name}={value!r}), and leave "
        f"{name} out of {kind.__name__}."
    )
    assert not hasattr(model, "net_")


@pytest.mark.parametrize(
    ("parameters", "weights"),
    [
        ({"hidden_layer_sizes": (7, 3)}, 10 * 7 + 7 * 3 + 3 * 4),
        ({"hidden_layer_sizes": ()}, 10 * 4),
        ({"n_components": 0.5, "hidden_layer_sizes": (7,)}, 10 * 7 + 7 * 10),
    ],
)
def test_operations_of_a_step_are_those_of_its_products(parameters, weights):
    model = Autoencoder(**{"n_components": 4, **parameters})
    assert model._step_flops(32, 10, 100) == 12 * 32 * weights


def test_operations_of_other_networks_are_not_counted():
    model = Autoencoder(network=ConvolutionalNetwork())
    assert model._step_flops(32, 10, 100) == math.inf
