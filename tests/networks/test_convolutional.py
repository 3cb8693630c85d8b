import math

import pytest
import torch
from torch.nn import functional

from sklearn_ae.networks import AnchoredAutoencoder, from_state, select_model, to_state
from sklearn_ae.networks import _convolutional as module
from sklearn_ae.networks._convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    StackedConv2d,
    StackedDoubling,
    convolve_in_blocks,
    map_sizes,
)

SHAPES = [(8, 8, 1), (9, 7, 3), (5, 6, 4), (1, 10, 1), (10, 1, 2), (1, 1, 1)]


def generators(n, seed=0):
    return [torch.Generator().manual_seed(seed + m) for m in range(n)]


def channels_for(shape):
    """Two halvings, or as many as the image allows."""
    return (6, 8)[: math.ceil(math.log2(max(shape[:2])))]


def make(shape, seeds=(0,), *, awake=True, n_components=2, **branches):
    """A stack in float64, whose branches answer if it is awake."""
    spec = {
        "kind": "convolutional",
        "image_shape": shape,
        "channels": channels_for(shape),
        "n_blocks": 1,
        "hidden_layer_sizes": (7,),
        "activation": "silu",
        **branches,
    }
    network = AnchoredAutoencoder(
        n_models=len(seeds),
        n_features=math.prod(shape),
        n_components=n_components,
        branches=spec,
    ).double()
    network.initialise(seeds)
    if awake:
        for m, seed in enumerate(seeds):
            for name, parameter in network.named_parameters():
                if "_branch" in name:
                    generator = torch.Generator().manual_seed(seed)
                    draw = torch.empty(parameter[m].shape).normal_(generator=generator)
                    parameter.data[m] += 0.1 * draw.double()
    return network


def draw_rows(shape, n=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, math.prod(shape), generator=generator).double()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("n_models", [1, 2])
def test_branches_answer_nothing_before_the_first_step(shape, n_models):
    network = make(shape, range(n_models), awake=False)
    rows = draw_rows(shape)
    assert not network.encoder_branch(rows).any()
    assert not network.decoder_branch(torch.ones(n_models, 5, 2).double()).any()
    assert network(rows).reconstruction.shape == (n_models, 5, rows.shape[1])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_answer_depends_on_every_pixel_and_reaches_every_pixel(shape):
    network = make(shape)
    rows = draw_rows(shape, n=1).requires_grad_()
    slope = torch.autograd.grad(network.encoder_branch(rows).sum(), rows)[0]
    assert (slope != 0).all()
    code = torch.zeros(1, 1, 2).double()
    answers = torch.stack(
        [network.decoder_branch(code + step)[0, 0] for step in (0.0, 1.0)]
    )
    assert (answers[0] != answers[1]).all()


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3)], ids=str)
@pytest.mark.parametrize("m", [0, 1])
def test_a_model_in_a_stack_answers_as_it_does_alone(shape, m):
    seeds, rows = (3, 4), draw_rows(shape)
    stack, alone = make(shape, seeds), make(shape, seeds[m : m + 1])
    torch.testing.assert_close(
        stack(rows).reconstruction[m], alone(rows).reconstruction[0]
    )
    single = select_model(stack, m)
    assert single(rows).reconstruction.equal(alone(rows).reconstruction)


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 6, 4)], ids=str)
def test_gradients_are_those_of_finite_differences(shape):
    network, rows = make(shape), draw_rows(shape, n=2)

    def answer(*parameters):
        names = [name for name, _ in network.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(network, given, (rows,)).reconstruction

    parameters = tuple(parameter.detach() for parameter in network.parameters())
    slopes = torch.autograd.functional.jvp(answer, parameters, parameters)[1]
    step = 1e-6
    ahead, behind = (
        answer(*(parameter * (1 + sign * step) for parameter in parameters))
        for sign in (1, -1)
    )
    torch.testing.assert_close(
        (ahead - behind) / (2 * step), slopes, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("n", [1, 3, module.BLOCK, module.BLOCK + 1, 200])
@pytest.mark.parametrize("kind", [StackedConv2d, StackedDoubling])
def test_without_gradients_no_image_depends_on_the_others(kind, n):
    layer = kind(1, 8, 16).double()
    layer.initialise(generators(1))
    maps = torch.randn(1, 200, 8, 7, 7, generator=generators(1)[0]).double()
    with torch.no_grad():
        assert layer(maps[:, :n]).equal(layer(maps)[:, :n])


def test_blocks_are_the_convolution_in_float32():
    function, layer = functional.conv2d, StackedConv2d(1, 3, 5, stride=2)
    layer.initialise(generators(1))
    maps = torch.randn(1, 70, 3, 9, 7, generator=generators(1)[0])
    with torch.no_grad():
        blocks = layer(maps)
    torch.testing.assert_close(blocks, layer(maps).detach(), rtol=1e-5, atol=1e-5)
    weight, bias = layer.weight[0].double(), layer.bias[0].double()
    one = convolve_in_blocks(function, maps[0].double(), weight, bias, 2, 1)
    assert one.dtype == torch.float64


@pytest.mark.parametrize("side", range(1, 18))
def test_a_stride_halves_every_side_and_rounds_up(side):
    maps = torch.zeros(1, 2, 1, side, 3)
    assert StackedConv2d(1, 1, 4, stride=2)(maps).shape == (1, 2, 4, -(-side // 2), 2)


def test_sizes_of_maps():
    assert map_sizes(28, 28, 2) == [(28, 28), (14, 14), (7, 7)]
    assert map_sizes(9, 1, 3) == [(9, 1), (5, 1), (3, 1), (2, 1)]


def test_doubling_leaves_no_checkerboard():
    """A constant map stays constant where all weights are equal."""
    layer = StackedDoubling(1, 4, 1)
    layer.weight.data[:] = 0.1
    maps = layer(torch.ones(1, 1, 4, 6, 6))[0, 0, 0, 2:-2, 2:-2]
    assert maps.max() == maps.min()


def test_doubling_is_a_sub_pixel_convolution_model_by_model():
    """Each of two by two pixels has weights of its own for the four nearest."""
    layer = StackedDoubling(2, 3, 1)
    layer.initialise(generators(2))
    maps = torch.randn(2, 5, 3, 6, 4, generator=generators(1)[0])
    padded = functional.pad(maps, (1, 1, 1, 1))
    for model, weight, answer in zip(padded, layer.weight, layer(maps), strict=True):
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            kernel = weight[:, 0, 1 - i :: 2, 1 - j :: 2].flip(-2, -1)
            part = functional.conv2d(model, kernel.unsqueeze(0))
            part = part[:, 0, i : i + 6, j : j + 4]
            torch.testing.assert_close(answer[:, 0, i::2, j::2], part)


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3)], ids=str)
def test_the_state_builds_the_same_network_again(shape):
    network, rows = make(shape, (0, 1)), draw_rows(shape)
    twin = from_state(to_state(network))
    assert twin(rows).reconstruction.equal(network(rows).reconstruction)


def test_rows_are_images_with_the_channels_last():
    """Moving an image by two pixels moves the maps of the first layer by one."""
    encoder = ConvolutionalEncoder(1, (8, 8, 3), (4,), 0, (), "relu", 2).double()
    encoder.initialise(generators(1))
    image = torch.zeros(1, 1, 8, 8, 3).double()
    image[0, 0, 2:4, 2:4] = torch.tensor([1.0, 2.0, 3.0]).double()
    moved = image.roll((2, 2), dims=(2, 3))
    maps = [
        encoder.down[0](module.to_maps(rows.flatten(2), (8, 8, 3)))
        for rows in (image, moved)
    ]
    torch.testing.assert_close(maps[0].roll((1, 1), dims=(3, 4)), maps[1])


def test_several_images_come_one_after_the_other():
    shape = (6, 4, 2)
    one = ConvolutionalDecoder(1, 3, shape, (5,), 0, (), "silu", 1)
    two = ConvolutionalDecoder(1, 3, shape, (5,), 0, (), "silu", 2)
    for decoder in (one, two):
        decoder.initialise(generators(1))
    last = two.up[0]
    last.initialise(generators(1, seed=9))
    # The first image's channels are the first half.
    one.up[0].weight.data[:] = last.weight.data[:, :, : last.weight.shape[2] // 2]
    code = torch.randn(1, 7, 3, generator=generators(1)[0])
    torch.testing.assert_close(two(code)[..., : math.prod(shape)], one(code))
