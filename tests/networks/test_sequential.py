import pytest
import torch

from sklearn_ae.networks._branches import make_branches
from sklearn_ae.networks._sequential import place_weights, to_places, to_steps

N_STEPS, N_CHANNELS, K = 7, 2, 3


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def make(n_models=2, n_decoded=1, sizes=(5,), n_places=4):
    branches = make_branches(
        {
            "kind": "sequential",
            "n_channels": N_CHANNELS,
            "cell": {"kind": "gru", "width": 6, "n_layers": 1},
            "n_places": n_places,
            "hidden_layer_sizes": sizes,
            "activation": "silu",
        },
        n_models=n_models,
        n_features=N_STEPS * N_CHANNELS,
        n_components=K,
        n_coded=1,
        n_decoded=n_decoded,
    )
    for branch in branches:
        branch.double()
        generators = [torch.Generator().manual_seed(i) for i in range(n_models)]
        branch.initialise(generators)
    return branches


@pytest.mark.parametrize("sizes", [(), (5,), (5, 4)])
def test_branches_answer_zero_at_the_start(sizes):
    encoder, decoder = make(sizes=sizes)
    rows, codes = draw(4, N_STEPS * N_CHANNELS), draw(2, 4, K)
    assert encoder(rows).shape == (2, 4, K)
    assert decoder(codes).shape == (2, 4, N_STEPS * N_CHANNELS)
    assert not encoder(rows).any()
    assert not decoder(codes).any()


@pytest.mark.parametrize("lengths", [None, [5, 2, 4, 1]])
@pytest.mark.parametrize("n_decoded", [1, 2])
def test_what_answers_zero_is_not_computed(lengths, n_decoded, monkeypatch):
    branches = make(n_decoded=n_decoded)
    lengths = lengths and torch.tensor(lengths)
    inputs = draw(4, N_STEPS * N_CHANNELS), draw(2, 4, K)
    expected = [branch(x, lengths) for branch, x in zip(branches, inputs, strict=True)]
    outputs = branches[0].head.output, branches[1].output
    for branch, x, answer, output in zip(
        branches, inputs, expected, outputs, strict=True
    ):
        with torch.no_grad():
            monkeypatch.setattr(branch.cell, "forward", None)
            assert torch.equal(branch(x, lengths), answer)
            monkeypatch.undo()
            output.bias += 1
            assert branch(x, lengths).all()


def test_all_weights_but_the_last_are_learned_from_the_start():
    encoder, decoder = make()
    for branch, x, last in [
        (encoder, draw(4, N_STEPS * N_CHANNELS), encoder.head.output),
        (decoder, draw(2, 4, K), decoder.output),
    ]:
        branch(x).sum().backward()
        assert last.weight.grad.any()
        last.weight.data.normal_(generator=torch.Generator().manual_seed(0))
        branch(x).square().sum().backward()
        assert all(parameter.grad.any() for parameter in branch.parameters())


def test_rows_follow_each_other_where_there_are_several():
    _, decoder = make(n_decoded=2)
    decoder.output.weight.data = draw(*decoder.output.weight.shape)
    rows = decoder(draw(2, 4, K)).unflatten(-1, (2, N_STEPS, N_CHANNELS))
    decoder.output.weight.data[..., N_CHANNELS:] = 0
    again = decoder(draw(2, 4, K)).unflatten(-1, (2, N_STEPS, N_CHANNELS))
    torch.testing.assert_close(again[:, :, 0], rows[:, :, 0])
    assert not again[:, :, 1].any()


@pytest.mark.parametrize("lengths", [None, [7, 3, 1, 5]])
@pytest.mark.parametrize("n_places", [1, 3, 7, 12])
def test_places_are_means_of_steps_there_are(lengths, n_places):
    steps = draw(2, 4, N_STEPS, 3)
    lengths = lengths and torch.tensor(lengths)
    weights = place_weights(steps, lengths, n_places)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    places = to_places(steps, lengths, n_places)
    assert places.shape == (2, 4, n_places, 3)
    if lengths is not None:
        alone = to_places(steps[:, 1:2, :3], None, n_places)
        torch.testing.assert_close(places[:, 1], alone[:, 0])


def test_as_many_places_as_steps_are_the_steps():
    steps = draw(2, 4, N_STEPS, 3)
    torch.testing.assert_close(to_places(steps, None, N_STEPS), steps)
    torch.testing.assert_close(to_steps(steps, None, N_STEPS), steps)


def test_steps_lie_on_lines_between_places():
    places = draw(1, 1, 3, 1)
    steps = to_steps(places, None, 5)[0, 0, :, 0]
    a, b, c = places[0, 0, :, 0]
    expected = torch.stack([a, (a + b) / 2, b, (b + c) / 2, c])
    torch.testing.assert_close(steps, expected)


def test_steps_behind_the_end_are_zero():
    places = draw(2, 4, 3, 2)
    steps = to_steps(places, torch.tensor([7, 3, 1, 5]), N_STEPS)
    for row, length in enumerate([7, 3, 1, 5]):
        assert not steps[:, row, length:].any()
        alone = to_steps(places[:, row : row + 1], None, length)
        if length > 1:
            torch.testing.assert_close(steps[:, row, :length], alone[:, 0])
        torch.testing.assert_close(steps[:, row, 0], places[:, row, 0])
