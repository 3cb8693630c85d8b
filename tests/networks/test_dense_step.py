from types import SimpleNamespace

import pytest
import torch

from sklearn_ae.networks import ACTIVATIONS, Anchor, AnchoredAutoencoder
from sklearn_ae.networks._dense_step import DenseStep, is_dense

N_MODELS, N_ROWS, N_FEATURES, N_COMPONENTS = 2, 7, 5, 3


def make_network(activation="silu", sizes=(6, 4), n_models=N_MODELS, **arguments):
    """Return a stack away from its start, with a column that is constant."""
    network = AnchoredAutoencoder(
        n_models=n_models,
        n_features=N_FEATURES,
        n_components=N_COMPONENTS,
        branches={
            "kind": "dense",
            "hidden_layer_sizes": sizes,
            "activation": activation,
        },
        **arguments,
    ).double()
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(n_models, *shape, generator=generator, dtype=torch.float64)

    varies = torch.ones(n_models, N_FEATURES, dtype=torch.float64)
    varies[0, 1] = 0.0
    spread = draw(N_COMPONENTS).abs()
    spread[:, -1] = 0.0
    network.set_anchor(
        Anchor(
            mean=draw(N_FEATURES),
            encoder=draw(N_FEATURES, N_COMPONENTS),
            decoder=draw(N_COMPONENTS, N_FEATURES),
            spread=spread,
            varies=varies,
            code_variance=torch.ones(n_models, N_COMPONENTS).double(),
        )
    )
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data.copy_(draw(*parameter.shape[1:]))
            parameter.grad = torch.full_like(parameter, torch.nan)
    return network


def trained(network):
    return [p for p in network.parameters() if p.requires_grad]


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.randn(N_ROWS, N_FEATURES, generator=generator).double()


@pytest.fixture
def weights():
    """Weights of columns, of the models' rows, and of cells."""
    generator = torch.Generator().manual_seed(2)
    shapes = (N_FEATURES,), (N_MODELS, N_ROWS), (N_ROWS, N_FEATURES)
    return [torch.rand(*shape, generator=generator).double() for shape in shapes]


def as_batch(inputs, target, row_weight=None, element_weight=None):
    return SimpleNamespace(
        inputs=inputs,
        target=target,
        row_weight=row_weight,
        element_weight=element_weight,
        prepared=None,
    )


class Reconstruct(torch.autograd.Function):
    """The way forward and back as autograd sees them."""

    @staticmethod
    def forward(ctx, network, rows, *parameters):
        for own, given in zip(trained(network), parameters, strict=True):
            own.data.copy_(given)
        ctx.step = DenseStep(network)
        ctx.passed = ctx.step.forward(ctx.step.prepare(rows))
        return ctx.passed.reconstruction.clone()

    @staticmethod
    def backward(ctx, gradient):
        ctx.step.backward(ctx.passed, gradient.clone())
        gradients = [p.grad.clone() for p in trained(ctx.step.network)]
        return None, None, *gradients


@pytest.mark.parametrize("sizes", [(), (6,), (6, 4)])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_gradients_pass_gradcheck(activation, sizes, rows):
    network = make_network(activation, sizes)
    parameters = [p.detach().clone().requires_grad_() for p in trained(network)]
    assert torch.autograd.gradcheck(
        lambda *given: Reconstruct.apply(network, rows, *given), parameters
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_models", [1, N_MODELS])
def test_equals_autograd(n_models, weighted, rows, weights):
    network = make_network(n_models=n_models)
    columns, by_row, by_cell = weights
    by_row, by_cell = (by_row[:n_models], by_cell) if weighted else (None, None)
    target = rows.flip(0)
    losses, output = DenseStep(network)(
        as_batch(rows, target, by_row, by_cell), columns
    )
    gradients = [p.grad.clone() for p in trained(network)]
    expected = network(rows)
    errors = (expected.reconstruction - target).square()
    errors = (errors * by_cell if weighted else errors) @ columns
    errors = (errors * by_row if weighted else errors).sum(dim=1) / N_ROWS
    own = torch.autograd.grad(errors.sum(), trained(network))
    torch.testing.assert_close(losses, errors.detach())
    torch.testing.assert_close(output.reconstruction, expected.reconstruction.detach())
    torch.testing.assert_close(output.code, expected.code.detach())
    for ours, theirs in zip(gradients, own, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_models_have_rows_and_column_weights_of_their_own(rows, weights):
    network, columns = make_network(), weights[0]
    both = torch.stack([rows, rows.flip(0)])
    each = torch.stack([columns, columns.flip(0)]).unsqueeze(1)
    losses, _ = DenseStep(network)(as_batch(both, both), each)
    gradients = [p.grad.clone() for p in trained(network)]
    errors = (network(both).reconstruction - both).square() * each
    own = torch.autograd.grad(errors.sum() / N_ROWS, trained(network))
    torch.testing.assert_close(losses, errors.detach().sum(dim=(1, 2)) / N_ROWS)
    for ours, theirs in zip(gradients, own, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_prepared_rows_say_the_same(rows, weights):
    network = make_network(n_models=1)
    step, index = DenseStep(network), torch.tensor([3, 0])
    batch = as_batch(rows[index], rows[index])
    losses, _ = step(batch, weights[0])
    gradients = [p.grad.clone() for p in trained(network)]
    batch.prepared = step.prepare(rows).at(index)
    again, _ = step(batch, weights[0])
    assert torch.equal(losses, again)
    for parameter, before in zip(trained(network), gradients, strict=True):
        assert torch.equal(parameter.grad, before)


def test_losses_follow_no_graph(rows, weights):
    losses, output = DenseStep(make_network())(as_batch(rows, rows), weights[0])
    assert not losses.requires_grad
    assert not output.reconstruction.requires_grad


@pytest.mark.parametrize(
    "arguments",
    [
        {"bottleneck": {"kind": "gaussian", "beta": 1.0, "free_bits": 0.0}},
        {"likelihood": {"kind": "bernoulli"}},
    ],
    ids=["bottleneck", "likelihood"],
)
def test_other_networks_are_left_to_autograd(arguments):
    assert is_dense(make_network())
    assert not is_dense(
        AnchoredAutoencoder(
            n_models=1,
            n_features=N_FEATURES,
            n_components=N_COMPONENTS,
            branches=make_network().arguments["branches"],
            **arguments,
        )
    )


def test_rows_are_prepared_as_the_first_layer_reads_them():
    network = make_network(sizes=(900,)).float()
    for parameter in trained(network):
        parameter.grad = torch.zeros_like(parameter)
    rows = torch.ones(N_ROWS, N_FEATURES)
    prepared = DenseStep(network, bfloat16=True).prepare(rows)
    assert prepared.inputs.dtype == torch.bfloat16
    assert torch.equal(prepared.codes, network.encode_linear(rows))


def test_steps_in_bfloat16_have_about_the_same_gradients(weights):
    network, columns = make_network(sizes=(900,)).float(), weights[0].float()
    rows = torch.linspace(-2, 2, N_ROWS * N_FEATURES).reshape(N_ROWS, N_FEATURES)
    found = []
    for bfloat16 in (False, True):
        for parameter in trained(network):
            parameter.grad = torch.full_like(parameter, torch.nan)
        step = DenseStep(network, bfloat16=bfloat16)
        losses, output = step(as_batch(rows, rows), columns)
        assert losses.dtype == output.reconstruction.dtype == torch.float32
        found.append([p.grad for p in trained(network)])
    for ours, theirs in zip(*found, strict=True):
        assert 0 < (ours - theirs).norm() / theirs.norm() < 0.02
