import pytest
import torch
from torch.testing import assert_close

from sklearn_ae.networks import (
    TokenAutoencoder,
    TokenStart,
    from_state,
    select_model,
    to_state,
)
from sklearn_ae.networks import _token as module

N_STEPS, N_TOKENS = 6, 5
SHARE = torch.tensor([0.1, 0.2, 0.3, 0.25, 0.15]).double()


def make(n_models=2, cell="convolution"):
    spec = {"kind": cell, "width": 8, "n_layers": 1}
    if cell in ("attention", "convolution"):
        spec["activation"] = "silu"
    network = TokenAutoencoder(
        n_models=n_models,
        n_features=N_STEPS + 1,
        n_components=3,
        n_tokens=N_TOKENS,
        cell=spec,
        n_blocks=4,
        hidden_layer_sizes=(7,),
        activation="silu",
    )
    network.double().initialise(range(n_models))
    shape = n_models, N_STEPS + 1, 3
    network.set_anchor(TokenStart(torch.zeros(shape), SHARE.log()))
    return network


def rows(n=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(N_TOKENS, (n, N_STEPS + 1), generator=generator).double()
    x[:, -1] = torch.arange(n) % N_STEPS + 1
    return x


def trained(**options):
    """Return a network whose layers that start at zero are drawn, too."""
    network = make(**options)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in network.parameters():
            draw = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.3 * draw)
    return network


def test_before_training_tokens_have_their_shares():
    x = rows()
    likelihood = make()(x).log_likelihood
    expected = SHARE.log()[x[:, :-1].long()]
    inside = torch.arange(N_STEPS) < x[:, -1:]
    assert_close(likelihood * inside, (expected * inside).expand(2, -1, -1))


@pytest.mark.parametrize("cell", ["attention", "convolution", "gru", "lstm"])
def test_what_is_beyond_the_end_changes_nothing(cell):
    network, x = trained(cell=cell).eval(), rows()
    other = x.clone()
    beyond = torch.arange(N_STEPS) >= x[:, -1:]
    other[:, :-1][beyond] = 3.0
    with torch.no_grad():
        assert_close(network.encode(other), network.encode(x))
        rebuilt = network(x).reconstruction
        assert_close(network(other).reconstruction, rebuilt)


@pytest.mark.parametrize(
    ("n_components", "n_blocks"), [(1, 1), (3, 4), (4, 4), (5, 4), (13, 8), (64, 8)]
)
def test_every_block_has_a_part_of_the_code(n_components, n_blocks):
    network = TokenAutoencoder(
        n_models=1,
        n_features=65,
        n_components=n_components,
        n_tokens=N_TOKENS,
        cell={"kind": "gru", "width": 2, "n_layers": 1},
        n_blocks=n_blocks,
        hidden_layer_sizes=(),
        activation="silu",
    )
    assert network.n_blocks <= min(n_blocks, n_components)
    assert network.n_blocks * network.block >= 64
    last = n_components - (network.n_blocks - 1) * network.part
    assert 0 < last <= network.part


def test_models_are_each_their_own():
    both, x = trained(), rows()
    for model in range(2):
        alone = select_model(both, model)
        assert_close(alone(x).log_likelihood[0], both(x).log_likelihood[model])
        assert_close(alone.encode(x)[0], both.encode(x)[model])


def test_rows_may_differ_by_model():
    network = trained()
    x, y = rows(), rows(seed=1)
    answer = network(torch.stack([x, y])).log_likelihood
    assert_close(answer[0], network(x).log_likelihood[0])
    assert_close(answer[1], network(y).log_likelihood[1])


@torch.no_grad()
def test_parts_are_the_whole(monkeypatch):
    network, x = trained().eval(), rows(9)
    whole, codes = network(x), network.encode(x)
    monkeypatch.setattr(module, "ANSWERS", 4 * N_TOKENS * (N_STEPS + 1))
    parts = network(x)
    assert_close(parts.log_likelihood, whole.log_likelihood)
    assert_close(parts.reconstruction, whole.reconstruction)
    assert_close(network.encode(x), codes)
    decoded = network.decode(codes, network.lengths_of(x))
    monkeypatch.undo()
    assert_close(network.decode(codes, network.lengths_of(x)), decoded)


@torch.no_grad()
def test_likeliest_tokens_are_decoded():
    network, x = trained().eval(), rows()
    lengths = network.lengths_of(x)
    decoded = network.decode(network.encode(x), lengths)
    rebuilt = network(x).reconstruction
    n_steps = decoded.shape[-1] - 1
    assert_close(decoded[..., :n_steps], rebuilt[..., :n_steps])
    assert_close(decoded[..., -1], x[:, -1].expand(2, -1))
    logits = network._logits(network.encode_raw(x), lengths)
    assert_close(decoded[0, 3, :4], logits[0, 3, :4].argmax(dim=-1).double())


def test_states_hold_all():
    network, x = trained(), rows()
    again = from_state(to_state(network))
    assert_close(again(x).log_likelihood, network(x).log_likelihood)


def test_gradients_are_those_of_differences():
    network, x = trained(n_models=1), rows()
    names = ["vectors", "encoder.output.weight", "output.bias"]
    parameters = dict(network.named_parameters())
    inside = torch.arange(N_STEPS) < x[:, -1:]

    def loss():
        return (network(x).log_likelihood * inside).sum()

    loss().backward()
    for name in names:
        parameter = parameters[name]
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for position in (0, len(flat) // 2):
            kept, step = flat[position].item(), 1e-5
            with torch.no_grad():
                flat[position] = kept + step
                above = loss()
                flat[position] = kept - step
                below = loss()
                flat[position] = kept
            slope = (above - below) / (2 * step)
            assert_close(slope, gradient[position], rtol=1e-4, atol=1e-6)
