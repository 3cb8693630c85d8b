"""The dictionary network: codes, atoms, penalties, idle units."""

import pytest
import torch
from torch.nn import functional

from sklearn_ae.networks import Dictionary, DictionaryAutoencoder, keep_largest
from sklearn_ae.networks._dictionary import IDLE_STEPS, bernoulli_divergence

N_ROWS, N_FEATURES, N_UNITS = 12, 5, 8


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def make(penalty="topk", n_models=1, **changes):
    """Make a network from random atoms and their transpose."""
    network = DictionaryAutoencoder(
        **{
            "n_models": n_models,
            "n_features": N_FEATURES,
            "n_components": N_UNITS,
            "penalty": penalty,
            "n_active": 3,
            "penalty_weight": 0.5,
            "target_activation": 0.1,
            **changes,
        }
    ).double()
    models = []
    for model in range(n_models):
        atoms = functional.normalize(draw(N_UNITS, N_FEATURES, seed=model), dim=1)
        models.append(
            Dictionary(
                mean=draw(N_FEATURES, seed=10 + model),
                scale=draw(N_FEATURES, seed=20 + model).abs() + 0.1,
                encoder=0.7 * atoms.T,
                bias=draw(N_UNITS, seed=30 + model),
                atoms=atoms,
            )
        )
    network.set_anchor(Dictionary.stacked(models))
    return network


@pytest.fixture
def rows():
    return draw(N_ROWS, N_FEATURES, seed=5)


def test_the_start_is_taken_over(rows):
    network = make("l1")
    atoms = functional.normalize(draw(N_UNITS, N_FEATURES), dim=1)
    scaled = (rows - network.mean[0]) * network.scale[0]
    expected = torch.relu(scaled @ (0.7 * atoms.T) + draw(N_UNITS, seed=30))
    torch.testing.assert_close(network.encode_raw(rows)[0], expected)
    torch.testing.assert_close(network.dictionary()[0], atoms)


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_a_reconstruction_is_a_sum_of_atoms(rows, penalty):
    network = make(penalty)
    output = network(rows)
    code = output.code
    if penalty == "kl":
        code = (code - 0.1) * network.gain
    expected = code @ network.dictionary() / network.scale + network.mean
    torch.testing.assert_close(output.reconstruction, expected)


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_codes_decode_to_the_reconstruction(rows, penalty):
    network = make(penalty)
    network.show_codes_in(3.0)
    decoded = network.decode(network.encode(rows))
    torch.testing.assert_close(decoded, network(rows).reconstruction)


def test_topk_keeps_at_most_the_number_asked_for(rows):
    code = make(n_active=3).encode_raw(rows)
    assert int((code > 0).sum(dim=-1).max()) <= 3
    assert (code >= 0).all()


def test_corrections_choose_better_atoms(rows):
    network = make(n_active=2)
    corrected = (network(rows).reconstruction - rows).square().mean()
    products, bias = network.pre_activations(rows)
    first = keep_largest(products + bias, 2)
    once = network.combine(first, network.dictionary())
    assert corrected < (once - rows).square().mean()


def test_keep_largest_by_hand():
    x = torch.tensor([[3.0, -1.0, 2.0, 1.0], [-3.0, -1.0, -2.0, -4.0]])
    expected = torch.tensor([[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(keep_largest(x, 2), expected)
    torch.testing.assert_close(keep_largest(x, 9), torch.relu(x))


def test_bounded_activations(rows):
    code = make("kl").encode_raw(rows)
    assert ((code > 0) & (code < 1)).all()


def test_l1_penalty_is_the_sum_of_the_code(rows):
    network = make("l1")
    output = network(rows)
    torch.testing.assert_close(output.penalty, 0.5 * output.code.sum(dim=-1))


def test_kl_penalty_weighs_rows_in_its_means(rows):
    network = make("kl")
    weight = torch.arange(1, N_ROWS + 1, dtype=torch.float64)[None]
    repeated = rows.repeat_interleave(weight[0].long(), dim=0)
    weighed = network(rows, row_weight=weight).penalty[0, 0]
    torch.testing.assert_close(weighed, network(repeated).penalty[0, 0])


def test_kl_penalty_by_hand(rows):
    network = make("kl")
    output = network(rows)
    mean = output.code.mean(dim=1)
    target = torch.tensor(0.1).double()
    expected = target * (target / mean).log()
    expected += (1 - target) * ((1 - target) / (1 - mean)).log()
    torch.testing.assert_close(
        output.penalty, 0.5 * expected.mean().expand(1, N_ROWS), rtol=1e-6, atol=1e-9
    )


def test_divergence_is_zero_at_the_target_only():
    mean = torch.tensor([0.05, 0.1, 0.2])
    values = bernoulli_divergence(0.1, mean)
    assert values[1] == pytest.approx(0, abs=1e-7)
    assert values[0] > 1e-3
    assert values[2] > 1e-3


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_gradients_are_those_of_autograd_checked_numerically(rows, penalty):
    network = make(penalty)
    with torch.no_grad():  # the choice of units has no gradient: keep clear of ties
        network.encoder.bias += 0.05

    def loss(weight, atoms):
        output = torch.func.functional_call(
            network, {"encoder.weight": weight, "atoms": atoms}, (rows,)
        )
        penalty = 0 if output.penalty is None else output.penalty.sum()
        return (output.reconstruction - rows).square().sum() + penalty

    tensors = (network.encoder.weight.detach(), network.atoms.detach())
    tensors = tuple(tensor.clone().requires_grad_() for tensor in tensors)
    assert torch.autograd.gradcheck(loss, tensors, eps=1e-7, atol=1e-4)


def test_models_of_a_stack_are_their_own(rows):
    stack, other = make(n_models=2), make(n_models=1)
    torch.testing.assert_close(stack(rows).code[:1], other(rows).code)
    assert not torch.allclose(stack(rows).code[0], stack(rows).code[1])


# -- idle units


def observe(network, rows, times):
    for _ in range(times):
        network.observe(network(rows), rows, None)


def make_with_one_idle_unit(penalty="topk"):
    network = make(penalty, n_active=N_UNITS)
    with torch.no_grad():
        network.encoder.bias[0, 0, 2] = -1e3
        network.encoder.weight[0, :, 2] = 0
    return network


def test_units_are_idle_after_long_silence(rows):
    network = make_with_one_idle_unit("l1")
    observe(network, rows, IDLE_STEPS - 1)
    assert not network.idle.any()
    observe(network, rows, 1)
    assert network.idle[0, 0, 2]


def test_idle_units_correct_in_training_only(rows):
    network = make_with_one_idle_unit().train()
    assert network(rows).correction is None
    observe(network, rows, IDLE_STEPS)
    assert network(rows).correction is not None
    assert network.eval()(rows).correction is None


def test_a_revived_unit_points_at_its_direction(rows):
    network = make_with_one_idle_unit()
    observe(network, rows, IDLE_STEPS)
    direction = draw(1, N_FEATURES, seed=9)
    network.revive(0, torch.tensor([2]), direction)
    assert not network.idle[0, 0, 2]
    expected = functional.normalize(direction * network.scale[0], dim=-1)
    torch.testing.assert_close(network.dictionary()[0, 2], expected[0])
    row = direction[0] + network.mean[0, 0]
    assert network.encode_raw(row[None])[0, 0, 2] > 0


def test_atoms_keep_unit_norm_as_parameters(rows):
    network = make()
    with torch.no_grad():
        network.atoms.mul_(3)
    observe(network, rows, 1)
    lengths = network.atoms.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, N_FEATURES**0.5))


def test_columns_that_count_for_nothing_come_back_as_their_mean(rows):
    network = make("l1")
    with torch.no_grad():
        network.scale[0, 0, 1] = 0
    back = network(rows).reconstruction[0, :, 1]
    torch.testing.assert_close(back, network.mean[0, 0, 1].expand(N_ROWS))
