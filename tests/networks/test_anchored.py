import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae.networks import Anchor, DenseAutoencoder

from .conftest import make_anchor


def stack_of(pcas):
    """An untrained stack anchored at PCAs, in float64."""

    def tensor(arrays):
        return torch.tensor(np.stack(arrays))

    n_components, n_features = pcas[0].components_.shape
    network = DenseAutoencoder(
        n_models=len(pcas),
        n_features=n_features,
        n_components=n_components,
        hidden_layer_sizes=(6,),
        activation="silu",
    ).double()
    network.initialise(range(len(pcas)))
    network.set_anchor(
        Anchor(
            mean=tensor([pca.mean_ for pca in pcas]),
            encoder=tensor([pca.components_.T for pca in pcas]),
            decoder=tensor([pca.components_ for pca in pcas]),
            spread=tensor([np.sqrt(pca.explained_variance_) for pca in pcas]),
        )
    )
    return network


def rotation(network, seed=0):
    """A centre and an invertible map, as `map_code` takes them."""
    shape = (network.n_models, network.n_components, network.n_components)
    generator = torch.Generator().manual_seed(seed)
    center = torch.randn(shape[:2], generator=generator, dtype=torch.float64)
    code_map = torch.randn(shape, generator=generator, dtype=torch.float64)
    return center, code_map, torch.linalg.inv(code_map)


def test_untrained_network_is_pca(blob):
    halves = [blob[:30], blob[30:]]
    pcas = [PCA(2).fit(half) for half in halves]
    network = stack_of(pcas)
    output = network(torch.tensor(blob))
    codes = network.encode(torch.tensor(blob))
    for m, pca in enumerate(pcas):
        code = pca.transform(blob)
        np.testing.assert_allclose(codes[m].detach(), code, atol=1e-12)
        np.testing.assert_allclose(
            output.reconstruction[m].detach(), pca.inverse_transform(code), atol=1e-12
        )


def test_linear_path_is_pca_whatever_the_branches_answer(make_network, rows):
    network = make_network((0, 1))
    untrained = make_network((0, 1), awake=False)
    for ours, expected in zip(
        network.linear(rows)[:2], untrained(rows)[:2], strict=True
    ):
        torch.testing.assert_close(ours, expected)
    assert not network(rows).code.allclose(network.linear(rows).code)


def test_forward_is_linear_path_plus_residuals(make_network, rows):
    network, anchor = make_network(), make_anchor(100)
    raw = (rows - anchor.mean) @ anchor.encoder[0]
    raw = raw + anchor.spread * network.encoder_branch(network.clip(rows))[0]
    back = raw @ anchor.decoder[0] + anchor.mean
    back = back + network.decoder_branch(network.clip(raw / anchor.spread))[0]
    output = network(rows)
    torch.testing.assert_close(output.code[0], raw)
    torch.testing.assert_close(output.reconstruction[0], back)
    assert output.penalty is None


def test_models_read_their_own_rows(make_network):
    network = make_network((0, 1))
    x = torch.randn(2, 4, 5, dtype=torch.float64, generator=torch.Generator())
    both = network(x).reconstruction
    for m in range(2):
        torch.testing.assert_close(both[m], network(x[m]).reconstruction[m])


def test_linear_path_and_units_are_not_trained(make_network, rows):
    network = make_network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for _ in range(3):
        optimizer.zero_grad()
        (network(rows).reconstruction - rows).square().mean().backward()
        optimizer.step()
    moved = {
        name.split(".")[0]
        for name, tensor in network.state_dict().items()
        if not tensor.equal(before[name])
    }
    assert moved == {"encoder_branch", "decoder_branch"}


@pytest.mark.parametrize(
    # The clip grows as the square root; what is bounded stays where it is.
    ("activation", "factor"),
    [("silu", 0.1), ("tanh", 0.01)],
)
def test_a_far_row_is_left_to_the_linear_path(make_network, rows, activation, factor):
    network = make_network(activation=activation)
    shares = []
    for distance in (1e1, 1e3, 1e5, 1e7):
        far = rows[:1] * distance
        linear, full = network.linear(far).code, network(far).code
        shares.append(((full - linear).norm() / linear.norm()).item())
    assert shares[2] == pytest.approx(factor * shares[1], rel=0.05)
    assert shares[3] < 1.05 * factor * shares[2]
    assert shares[1] < 0.2 * shares[0]


def test_gradients_are_those_of_finite_differences(make_network, rows):
    network = make_network((0, 1), hidden_layer_sizes=(3,))
    trained = {n: p for n, p in network.named_parameters() if p.requires_grad}

    def call(x, *parameters):
        tensors = dict(zip(trained, parameters, strict=True))
        return tuple(torch.func.functional_call(network, tensors, x)[:2])

    x = rows[:3].clone().requires_grad_()
    assert torch.autograd.gradcheck(call, (x, *trained.values()))


def test_code_map_turns_codes(make_network, rows):
    network = make_network((0, 1))
    center, code_map, code_unmap = rotation(network)
    network.map_code(center, code_map, code_unmap)
    raw = network.encode_raw(rows)
    torch.testing.assert_close(network.encode(rows), (raw - center[:, None]) @ code_map)


def test_code_map_inverts(make_network, rows):
    network = make_network((0, 1))
    before = network(rows)
    network.map_code(*rotation(network))
    after = network(rows)
    assert after.code.equal(before.code)
    assert after.reconstruction.equal(before.reconstruction)
    torch.testing.assert_close(
        network.decode(network.encode(rows)), before.reconstruction
    )


def test_codes_are_raw_until_mapped(make_network, rows):
    network = make_network()
    assert network.encode(rows).equal(network.encode_raw(rows))


def test_initialising_draws_each_branch_from_the_models_own_seed(make_network):
    stack, alone = make_network((3, 5), awake=False), make_network((5,), awake=False)
    for ours, expected in zip(stack.parameters(), alone.parameters(), strict=True):
        assert ours[1:].equal(expected)
