import pytest
import torch

from sklearn_ae.networks import ACTIVATIONS, AnchoredAutoencoder, activation_ranges
from sklearn_ae.networks._activity import BLOCK
from sklearn_ae.networks._cells import CELLS, make_cell
from sklearn_ae.networks._convolutional import ConvolutionalEncoder


def dense(activation="relu", sizes=(6, 4)):
    branches = {
        "kind": "dense",
        "hidden_layer_sizes": sizes,
        "activation": activation,
    }
    network = AnchoredAutoencoder(
        n_models=1, n_features=3, n_components=2, branches=branches
    )
    network.initialise([0])
    return network.eval()


@pytest.fixture
def rows():
    return torch.randn(2 * BLOCK + 40, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_there_is_a_range_for_each_unit_of_both_branches(rows, activation):
    ranges = activation_ranges(dense(activation), rows)
    assert ranges.shape == (2 * (6 + 4),)
    assert (ranges > 0).any()


def test_ranges_are_those_of_the_activations_over_all_rows(rows):
    network = dense()
    ranges = activation_ranges(network, rows)
    branch = network.encoder_branch
    first = branch.activation(branch.hidden[0](network.clip(rows)))[0]
    expected = first.amax(dim=0) - first.amin(dim=0)
    torch.testing.assert_close(ranges[:6], expected)


def test_a_dead_unit_has_none(rows):
    network = dense()
    with torch.no_grad():
        network.encoder_branch.hidden[0].bias[..., 2] = -1e3
    ranges = activation_ranges(network, rows)
    assert ranges[2] == 0
    assert (ranges[[0, 1]] > 0).all()


def test_without_hidden_layers_there_are_none(rows):
    assert activation_ranges(dense(sizes=()), rows).shape == (0,)


def test_of_maps_a_channel_is_a_unit(rows):
    encoder = ConvolutionalEncoder(1, (4, 4, 1), (3, 5), 1, (7,), "relu", 2)
    encoder.initialise([torch.Generator().manual_seed(0)])
    images = torch.randn(9, 16, generator=torch.Generator().manual_seed(1))
    # Maps down, both activations of the residual block, the dense layer.
    assert activation_ranges(encoder, images).shape == (3 + 5 + 5 + 5 + 7,)


@pytest.mark.parametrize("kind", list(CELLS))
def test_of_sequences_a_channel_is_a_unit(kind):
    arguments = {"kind": kind, "width": 8, "n_layers": 1}
    if kind in ("attention", "convolution"):
        arguments["activation"] = "relu"
    cell = make_cell(arguments, 1, 2)
    cell.initialise([torch.Generator().manual_seed(0)])
    steps = torch.randn(1, 5, 6, 2, generator=torch.Generator().manual_seed(1))
    ranges = activation_ranges(Lone(cell, steps), torch.zeros(5, 1))
    assert ranges.shape == ({"attention": 16, "convolution": 16}.get(kind, 8),)
    assert (ranges > 0).any()


class Lone(torch.nn.Module):
    """A cell that reads the same steps whatever it is given."""

    def __init__(self, cell, steps):
        super().__init__()
        self.cell, self.steps = cell, steps

    def forward(self, x):
        return self.cell(self.steps)


def test_the_network_stays_as_it_is(rows):
    network = dense()
    activation_ranges(network, rows)
    assert not any(module._forward_hooks for module in network.modules())
