import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sklearn_ae import networks
from sklearn_ae.networks import ACTIVATIONS
from sklearn_ae.networks._layers import (
    LOG_VARIANCE_RANGE,
    PreciseLinear,
    ResidualBranch,
    SoftClip,
    StackedLinear,
    bounded,
)

MODULES = sorted(Path(networks.__file__).parent.rglob("*.py"))

REFERENCES = {
    "elu": F.elu,
    "gelu": F.gelu,
    "logistic": torch.sigmoid,
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def make_layer(*seeds, n_inputs=4, n_outputs=3):
    layer = StackedLinear(len(seeds), n_inputs, n_outputs).double()
    layer.initialise(generators(*seeds))
    with torch.no_grad():
        for bias, generator in zip(layer.bias, generators(*seeds), strict=True):
            bias.normal_(generator=generator)
    return layer


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_modules_were_found():
    assert len(MODULES) > 4


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_networks_know_nothing_of_scikit_learn_nor_of_the_package(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            assert node.level < 2, f"{path.name} reaches outside networks/"
        else:
            continue
        for name in names:
            assert name.split(".")[0] not in {"sklearn", "skorch", "sklearn_ae"}


def test_stacked_linear_is_zero_until_initialised():
    assert not StackedLinear(2, 4, 3)(torch.ones(5, 4)).any()


def test_stacked_linear_is_one_affine_map_per_model():
    layer, x = make_layer(0, 1), draw(2, 6, 4)
    for m, answer in enumerate(layer(x)):
        expected = F.linear(x[m], layer.weight[m].T, layer.bias[m, 0])
        torch.testing.assert_close(answer, expected)


def test_every_model_reads_rows_without_model_axis():
    layer, x = make_layer(0, 1, 2), draw(6, 4)
    assert layer(x).equal(layer(x.expand(3, -1, -1).contiguous()))


def test_models_start_alike_alone_and_in_a_stack():
    stack = make_layer(3, 5, 8)
    assert stack.weight[1].equal(make_layer(5).weight[0])
    assert not stack.weight[0].equal(stack.weight[1])


def test_a_seed_means_the_same_weights_in_both_precisions():
    single = StackedLinear(1, 4, 3)
    single.initialise(generators(5))
    assert make_layer(5).weight.float().equal(single.weight)
    assert make_layer(5).weight.equal(single.weight.double())


def test_initial_weights_are_he_uniform():
    weight = make_layer(0, n_inputs=600, n_outputs=200).weight
    bound = (6 / 600) ** 0.5
    assert 0.99 * bound < weight.abs().max() <= bound
    assert weight.var().item() == pytest.approx(2 / 600, rel=0.02)
    assert abs(weight.mean()) < 0.01 * bound


def test_initialising_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    make_layer(0, 1)
    assert torch.get_rng_state().equal(before)


def test_initialising_needs_one_generator_per_model():
    with pytest.raises(ValueError, match="shorter"):
        StackedLinear(2, 4, 3).initialise(generators(0))


def test_a_models_gradient_does_not_depend_on_the_other_models():
    stack, x = make_layer(0, 1), draw(2, 6, 4)
    stack(x).square().sum().backward()
    alone = make_layer(1)
    alone(x[1:]).square().sum().backward()
    torch.testing.assert_close(stack.weight.grad[1:], alone.weight.grad)
    torch.testing.assert_close(stack.bias.grad[1:], alone.bias.grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(), (3,), (3, 2)], ids=str)
def test_gradients_of_a_branch_are_those_of_finite_differences(activation, sizes):
    branch = ResidualBranch(2, 4, sizes, 3, activation).double()
    branch.initialise(generators(0, 1))
    branch.output.initialise(generators(2, 3))
    names = [name for name, _ in branch.named_parameters()]

    def call(x, *parameters):
        tensors = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(branch, tensors, x)

    x = draw(2, 5, 4).requires_grad_()
    assert torch.autograd.gradcheck(call, (x, *branch.parameters()))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_branch_answers_zero_until_it_is_trained(activation):
    branch = ResidualBranch(2, 4, (6, 5), 3, activation).double()
    branch.initialise(generators(0, 1))
    assert not branch(draw(7, 4)).any()
    assert all(layer.weight.any() for layer in branch.hidden)


def test_a_branch_at_zero_can_learn():
    branch = ResidualBranch(1, 4, (6,), 3, "silu").double()
    branch.initialise(generators(0))
    (branch(draw(7, 4)) - 1).square().sum().backward()
    assert branch.output.weight.grad.any()


def test_a_branch_without_hidden_layers_is_affine():
    branch = ResidualBranch(1, 4, (), 3, "tanh").double()
    branch.output.initialise(generators(0))
    x, y = draw(7, 4), draw(7, 4, seed=1)
    torch.testing.assert_close(branch(x + y), branch(x) + branch(y))


def test_every_activation_has_a_reference():
    assert set(ACTIVATIONS) == set(REFERENCES)


@pytest.mark.parametrize("name", REFERENCES)
def test_activations_are_what_their_names_say(name):
    x = draw(50)
    torch.testing.assert_close(ACTIVATIONS[name]()(x), REFERENCES[name](x))


def test_activation_follows_each_hidden_layer_and_not_the_output():
    branch = ResidualBranch(1, 4, (3,), 2, "relu").double()
    branch.initialise(generators(0))
    branch.output.initialise(generators(1))
    x = draw(8, 4)
    expected = F.relu(x @ branch.hidden[0].weight[0]) @ branch.output.weight[0]
    torch.testing.assert_close(branch(x)[0], expected)
    assert (branch(x) < 0).any()


def test_soft_clip_is_the_identity_near_zero():
    x = torch.linspace(-1e-6, 1e-6, 9, dtype=torch.float64)
    torch.testing.assert_close(SoftClip(3.0)(x), x, rtol=1e-5, atol=0)


def test_soft_clip_is_odd_increasing_and_draws_inwards():
    x = torch.linspace(-50, 50, 1001, dtype=torch.float64)
    clipped = SoftClip(3.0)(x)
    torch.testing.assert_close(clipped, -clipped.flip(0))
    assert (clipped.diff() > 0).all()
    assert (clipped.abs() <= x.abs()).all()


def test_soft_clip_grows_as_the_square_root():
    x = torch.tensor([1e9, 1e12, 1e15, 1e100], dtype=torch.float64)
    torch.testing.assert_close(SoftClip(3.0)(x), (3 * x).sqrt())
    torch.testing.assert_close(SoftClip(3.0)(4 * x), 2 * SoftClip(3.0)(x))


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_soft_clip_is_what_its_docstring_says(scale):
    x = torch.tensor([0.0, 0.1, 1.0, 3.0, 10.0, -2.0], dtype=torch.float64)
    torch.testing.assert_close(SoftClip(scale)(x), x / (1 + (x / scale) ** 2) ** 0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradient_of_the_soft_clip_is_one_at_zero(dtype):
    x = torch.tensor([0.0, -0.0, 1e-30, -1e-30], dtype=dtype, requires_grad=True)
    SoftClip(3.0)(x).sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradient_of_the_soft_clip_falls_and_stays_finite(dtype):
    x = torch.tensor([0, 1, 10, 1e3, 1e6, 1e15], dtype=dtype, requires_grad=True)
    SoftClip(3.0)(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad > 0).all()
    assert (x.grad.diff() < 0).all()


def test_gradient_of_the_soft_clip_is_that_of_finite_differences():
    assert torch.autograd.gradcheck(SoftClip(3.0), draw(20).mul(5).requires_grad_())


# -- what is added to log-variances


def test_bounded_values_are_bounded_and_ordered():
    x = torch.linspace(-20, 20, 401).double()
    y = bounded(x)
    assert (y.abs() <= LOG_VARIANCE_RANGE).all()
    assert (y.diff() > 0).all()
    torch.testing.assert_close(y, -bounded(-x))
    far = bounded(torch.tensor([-1e30, 1e30, torch.inf]))
    np.testing.assert_allclose(far, LOG_VARIANCE_RANGE * np.array([-1, 1, 1]))


def test_bounded_is_the_identity_near_zero():
    x = torch.tensor([-1e-4, 0.0, 1e-4]).double().requires_grad_()
    y = bounded(x)
    torch.testing.assert_close(y, x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones(3).double())


def test_a_precise_layer_is_not_cast_by_what_surrounds_it():
    layer = PreciseLinear(2, 40, 30)
    layer.initialise([torch.Generator().manual_seed(seed) for seed in (0, 1)])
    x = torch.randn(7, 40, generator=torch.Generator().manual_seed(2))
    expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert StackedLinear.forward(layer, x).dtype == torch.bfloat16
        assert torch.equal(layer(x), expected)
        assert layer(x.bfloat16()).dtype == torch.float32
