import pytest
import torch

from sklearn_ae.networks import _step_layers
from sklearn_ae.networks._layers import StackedLinear
from sklearn_ae.networks._step_layers import (
    FEWEST_WEIGHTS,
    Bfloat16Layer,
    NarrowLayer,
    StepLayer,
    step_layers,
)

N_MODELS, N_ROWS = 2, 40


def make_layer(n_inputs=64, n_outputs=64, dtype=torch.float32):
    layer = StackedLinear(N_MODELS, n_inputs, n_outputs)
    layer.initialise([torch.Generator().manual_seed(seed) for seed in range(N_MODELS)])
    layer.bias.data.fill_(0.1)
    layer.to(dtype)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    return layer


def draw(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(*shape, generator=generator).to(dtype)


def both_ways(kind, dtype):
    """Return the sums, the inputs' gradient and those of the parameters."""
    layer = make_layer(dtype=dtype)
    step = kind(layer)
    sums, read = step.forward(draw(N_MODELS, N_ROWS, 64, dtype=dtype))
    back = step.backward(read, 2 * sums, to_inputs=True)
    return sums, back, layer.weight.grad, layer.bias.grad


def test_products_in_bfloat16_are_those_in_float64_to_eight_bits():
    exact = both_ways(StepLayer, torch.float64)
    for ours, theirs in zip(
        both_ways(Bfloat16Layer, torch.float32), exact, strict=True
    ):
        assert ours.dtype == torch.float32
        error = (ours - theirs).norm() / theirs.norm()
        assert 1e-4 < error < 1e-2


@pytest.mark.parametrize("kind", [StepLayer, Bfloat16Layer])
def test_the_first_layer_needs_no_gradient_of_its_inputs(kind):
    layer = make_layer()
    step = kind(layer)
    sums, read = step.forward(draw(N_MODELS, N_ROWS, 64))
    assert step.backward(read, sums, to_inputs=False) is sums
    assert torch.isfinite(layer.weight.grad).all()


def test_sums_over_rows_are_not_cut():
    layer = make_layer()
    step = Bfloat16Layer(layer)
    _, read = step.forward(draw(N_MODELS, N_ROWS, 64))
    gradient = draw(N_MODELS, N_ROWS, 64)
    step.backward(read, gradient, to_inputs=False)
    assert torch.equal(layer.bias.grad, gradient.sum(dim=1, keepdim=True))


def test_small_layers_stay_as_they_are():
    small, large = make_layer(64, FEWEST_WEIGHTS // 64 - 1), make_layer()
    kinds = [type(layer) for layer in step_layers([small, large], bfloat16=True)]
    assert kinds == [StepLayer, Bfloat16Layer]
    kinds = [type(layer) for layer in step_layers([small, large])]
    assert kinds == [StepLayer, StepLayer]


@pytest.mark.parametrize(
    ("dtype", "n_outputs"),
    [(torch.float32, 8), (torch.float32, 30), (torch.float64, 3), (torch.float64, 10)],
    ids=str,
)
@pytest.mark.parametrize("n_rows", [40, 200])  # so that products are turned or not
def test_turned_products_are_the_same(dtype, n_outputs, n_rows):
    x = draw(N_MODELS, n_rows, 64, dtype=dtype)
    x = x[:1].expand_as(x)  # as all models of a stack read rows
    results = []
    for kind in (StepLayer, NarrowLayer):
        layer = make_layer(64, n_outputs, dtype)
        step = kind(layer)
        sums, read = step.forward(x)
        assert sums.is_contiguous()
        back = step.backward(read, 2 * sums, to_inputs=True)
        results.append((sums, back, layer.weight.grad, layer.bias.grad))
    for turned, straight in zip(*results, strict=True):
        torch.testing.assert_close(turned, straight, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("n_rows", [127, 128])
def test_products_are_turned_where_there_is_much_to_read(n_rows, monkeypatch):
    turned = []
    monkeypatch.setattr(torch, "baddbmm", lambda bias, a, b: turned.append(a) or a)
    layer = NarrowLayer(make_layer(64, 8))
    layer.forward(draw(N_MODELS, n_rows, 64))
    (left,) = turned
    assert left.shape[1] == (8 if n_rows == 128 else n_rows)


def test_few_outputs_that_fill_no_registers_make_a_layer_narrow():
    assert _step_layers.lanes_of(torch.ones(1)) == 16

    def kinds(n_inputs, dtype=torch.float32):
        layers = [make_layer(n_inputs, n, dtype) for n in (1, 8, 16, 30, 32, 40)]
        return [type(layer) is NarrowLayer for layer in step_layers(layers)]

    assert kinds(64) == [True, True, False, True, False, False]
    assert kinds(30) == [True, True, False, False, False, False]
    assert kinds(64, torch.float64) == [True, False, False, False, False, False]
