"""What the estimators for tables share: hidden layers and their limits."""

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
