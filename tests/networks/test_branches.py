import pytest
import torch

from sklearn_ae.networks import AnchoredAutoencoder


def train(network, rows, n_steps=5):
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(n_steps):
        optimizer.zero_grad()
        errors = (network(rows).reconstruction - rows).square().mean(dim=(1, 2))
        errors.sum().backward()
        optimizer.step()


def slices(network, m):
    return {name: tensor[m : m + 1] for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("activation", ["silu", "relu"])
def test_a_model_in_a_stack_answers_as_it_does_alone(make_network, rows, activation):
    seeds = (3, 4, 5)
    stack = make_network(seeds, activation=activation)(rows)
    for m, seed in enumerate(seeds):
        alone = make_network((seed,), activation=activation)(rows)
        torch.testing.assert_close(stack.code[m : m + 1], alone.code)
        torch.testing.assert_close(
            stack.reconstruction[m : m + 1], alone.reconstruction
        )


@pytest.mark.parametrize("m", [0, 2])
def test_a_model_in_a_stack_learns_as_it_does_alone(make_network, rows, m):
    seeds = (3, 4, 5)
    stack, alone = (
        make_network(seeds, awake=False),
        make_network((seeds[m],), awake=False),
    )
    start = slices(alone, 0)["decoder_branch.output.weight"].clone()
    train(stack, rows)
    train(alone, rows)
    trained = slices(stack, m)
    for name, tensor in alone.state_dict().items():
        torch.testing.assert_close(trained[name], tensor, rtol=1e-8, atol=1e-10)
    assert not trained["decoder_branch.output.weight"].allclose(start)


def test_the_decoders_hidden_layers_mirror_the_encoders(make_network):
    network = make_network(hidden_layer_sizes=(9, 7, 4))

    def widths(branch):
        layers = [*branch.hidden, branch.output]
        return [layer.weight.shape[1] for layer in layers] + [layers[-1].bias.shape[2]]

    assert widths(network.encoder_branch) == [5, 9, 7, 4, 2]
    assert widths(network.decoder_branch) == [2, 4, 7, 9, 5]


@pytest.mark.parametrize("sizes", [(), (4,), (6, 3)], ids=str)
def test_arguments_build_the_same_network_again(make_network, rows, sizes):
    network = make_network((0, 1), hidden_layer_sizes=sizes)
    twin = AnchoredAutoencoder(**network.arguments).double()
    twin.load_state_dict(network.state_dict())
    assert twin(rows).reconstruction.equal(network(rows).reconstruction)


def test_every_tensor_has_the_model_axis_first(make_network):
    tensors = make_network((0, 1, 2)).state_dict()
    assert {tensor.shape[0] for tensor in tensors.values()} == {3}
