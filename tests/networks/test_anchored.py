import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae.networks import Anchor, AnchoredAutoencoder

from .conftest import generators, make_anchor


def stack_of(pcas):
    """An untrained stack anchored at PCAs, in float64."""

    def tensor(arrays):
        return torch.tensor(np.stack(arrays))

    n_components, n_features = pcas[0].components_.shape
    network = AnchoredAutoencoder(
        n_models=len(pcas),
        n_features=n_features,
        n_components=n_components,
        branches={"kind": "dense", "hidden_layer_sizes": (6,), "activation": "silu"},
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


# -- where codes and rows have distributions


def likely(seeds=(0,), *, likelihood="gaussian", beta=1.0, awake=True):
    """A stack in float64 whose codes and rows have distributions."""
    spec = {"kind": likelihood}
    if likelihood == "gaussian":
        spec["noise"] = "heteroscedastic"
    network = AnchoredAutoencoder(
        n_models=len(seeds),
        n_features=5,
        n_components=2,
        branches={"kind": "dense", "hidden_layer_sizes": (7, 4), "activation": "silu"},
        bottleneck={"kind": "gaussian", "beta": beta, "free_bits": 0.0},
        likelihood=spec,
    ).double()
    network.initialise(seeds)
    network.set_anchor(Anchor.stacked([one_anchor(100 + seed) for seed in seeds]))
    if awake:
        for branch in (network.encoder_branch, network.decoder_branch):
            branch.output.initialise(generators(seeds))
    return network


def one_anchor(seed):
    """The anchor of one model, without model axis, with all that there may be."""
    generator = torch.Generator().manual_seed(seed)

    def draw(width):
        return torch.rand(width, generator=generator, dtype=torch.float64) + 0.1

    return Anchor(
        *(part[0] for part in make_anchor(seed)[:4]),
        varies=torch.ones(5).double(),
        code_variance=draw(2),
        noise_variance=draw(5),
        row_center=draw(5),
        row_scale=draw(5),
    )


def normals(*shape, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_a_stack_of_anchors_has_each_at_its_place():
    anchors = [one_anchor(seed) for seed in range(3)]
    stacked = Anchor.stacked(anchors)
    for name in Anchor._fields:
        parts = [getattr(anchor, name) for anchor in anchors]
        if parts[0] is None:
            assert getattr(stacked, name) is None
        else:
            assert getattr(stacked, name).equal(torch.stack(parts))
    assert stacked.input_mean is None


def test_rows_that_are_encoded_may_have_a_mean_of_their_own(make_network, rows):
    network, anchor = make_network(awake=False), make_anchor(100)
    origin = normals(1, 5)
    network.set_anchor(anchor._replace(input_mean=origin))
    code = (rows - origin) @ anchor.encoder[0]
    output = network(rows)
    torch.testing.assert_close(output.code[0], code)
    expected = code @ anchor.decoder[0] + anchor.mean
    torch.testing.assert_close(output.reconstruction[0], expected)
    network.set_anchor(anchor)
    torch.testing.assert_close(
        network(rows).code[0], (rows - anchor.mean) @ anchor.encoder[0]
    )


def test_only_a_noisy_bottleneck_takes_noise(make_network):
    assert make_network().noise_width == 0
    assert likely().noise_width == 2


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_without_noise_codes_are_their_means(rows, likelihood):
    network = likely((0, 1), likelihood=likelihood)
    mean, log_variance = network.posterior(rows)
    assert network(rows).code.equal(mean)
    assert network.encode_raw(rows).equal(mean)
    assert mean.shape == log_variance.shape == (2, 10, 2)


def test_noise_moves_codes_and_rows(rows):
    network, noise = likely(), normals(10, 2)
    mean, log_variance = network.posterior(rows)
    output = network(rows, noise)
    code = mean + (log_variance / 2).exp() * noise
    torch.testing.assert_close(output.code, code)
    expected = network.decode_output(code)
    torch.testing.assert_close(output.reconstruction, expected.reconstruction)
    torch.testing.assert_close(output.noise, expected.noise)
    assert not output.reconstruction.allclose(network(rows).reconstruction)


def test_the_penalty_is_beta_times_the_divergence(rows):
    network = likely(beta=3.0)
    expected = 3 * network.divergences(rows).sum(dim=-1)
    torch.testing.assert_close(network(rows).penalty, expected)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_linear_path_is_what_an_untrained_network_answers(rows, likelihood, noisy):
    noise = normals(10, 2) if noisy else None
    awake = likely((0, 1), likelihood=likelihood).linear(rows, noise)
    start = likely((0, 1), likelihood=likelihood, awake=False)(rows, noise)
    for ours, expected in zip(awake, start, strict=True):
        if expected is None:
            assert ours is None
        else:
            # The noise of the start is one for all rows.
            torch.testing.assert_close(ours.expand_as(expected), expected)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_decoded_codes_are_the_mean_of_rows(rows, likelihood):
    network = likely((0, 1), likelihood=likelihood)
    network.map_code(*rotation(network))
    torch.testing.assert_close(
        network.decode(network.encode(rows)), network(rows).reconstruction
    )


def test_drawn_rows_have_the_mean_and_the_noise_of_their_code(rows):
    network = likely()
    raw = network.encode_raw(rows)[:, :1]
    uniform = torch.rand(1, 40_000, 5, generator=torch.Generator().manual_seed(0))
    draws = network.draw(raw.expand(1, 40_000, 2), uniform.double())[0]
    output = network.decode_output(raw)
    np.testing.assert_allclose(
        draws.mean(dim=0), output.reconstruction.detach()[0, 0], atol=0.1
    )
    expected = output.noise.detach().exp()[0, 0]
    np.testing.assert_allclose(draws.var(dim=0), expected, rtol=0.05)


def test_only_a_network_with_noise_learns_from_residuals(make_network, rows):
    network = make_network()
    before = {name: part.clone() for name, part in network.state_dict().items()}
    network.observe(network(rows), rows, None)
    assert all(part.equal(before[name]) for name, part in network.state_dict().items())
    network = likely(awake=False)
    network.observe(network(rows), rows, None)
    residuals = (rows - network(rows).reconstruction).detach()
    expected = residuals.square().mean(dim=1)
    variance = network.likelihood.noise_variance().detach()[:, 0]
    torch.testing.assert_close(variance, expected)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_gradients_through_noise_are_those_of_finite_differences(rows, likelihood):
    network = likely((0, 1), likelihood=likelihood)
    trained = {
        name: part
        for name, part in network.named_parameters()
        if part.requires_grad and not name.endswith("growth")
    }
    noise = normals(3, 2)

    def call(x, *parameters):
        tensors = dict(zip(trained, parameters, strict=True))
        output = torch.func.functional_call(network, tensors, (x, noise))
        return tuple(part for part in output if part is not None)

    x = rows[:3].clone().requires_grad_()
    assert torch.autograd.gradcheck(call, (x, *trained.values()))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_likely_models_of_a_stack_answer_as_alone(rows, likelihood):
    network, noise = likely((0, 1), likelihood=likelihood), normals(10, 2)
    both = network(rows, noise)
    for m in range(2):
        alone = likely((m,), likelihood=likelihood)(rows, noise)
        torch.testing.assert_close(both.reconstruction[m], alone.reconstruction[0])
        torch.testing.assert_close(both.penalty[m], alone.penalty[0])
