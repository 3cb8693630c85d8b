import numpy as np
import pytest
import torch

from sklearn_ae.networks import Anchor, ResampledAutoencoder, resampled, widened
from sklearn_ae.networks._resampled import stretched

N_STEPS, N_CHANNELS, K = 6, 2, 3


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rows_of(lengths, width=8, seed=0, filler=0.0):
    cells = draw(len(lengths), width, N_CHANNELS, seed=seed)
    lengths = torch.as_tensor(lengths)
    inside = torch.arange(width) < lengths[:, None]
    cells = torch.where(inside.unsqueeze(-1), cells, filler)
    return torch.cat([cells.flatten(1), lengths[:, None].double()], dim=1)


def network(n_models=2, cell="gru"):
    spec = {"kind": cell, "width": 4, "n_layers": 1}
    made = ResampledAutoencoder(
        n_models=n_models,
        n_features=N_STEPS * N_CHANNELS,
        n_components=K,
        n_channels=N_CHANNELS,
        branches={
            "kind": "sequential",
            "n_channels": N_CHANNELS,
            "cell": spec,
            "n_places": 3,
            "hidden_layer_sizes": (5,),
            "activation": "silu",
        },
    ).double()
    made.initialise(range(n_models))
    axes = torch.linalg.qr(draw(N_STEPS * N_CHANNELS, K)).Q.expand(n_models, -1, -1)
    made.set_anchor(
        Anchor(
            mean=draw(n_models, N_STEPS * N_CHANNELS, seed=1),
            encoder=axes,
            decoder=axes.transpose(1, 2),
            spread=torch.ones(n_models, K, dtype=torch.float64),
        )
    )
    return made.eval()


def stirred(made):
    generator = torch.Generator().manual_seed(5)
    for parameter in made.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data += 0.2 * noise
    return made


@pytest.mark.parametrize(("length", "n_steps"), [(5, 9), (9, 5), (4, 4), (2, 7)])
def test_resampling_is_linear_interpolation(length, n_steps):
    steps = draw(3, 12, N_CHANNELS)
    ours = resampled(steps, torch.full((3,), length), n_steps)
    places = np.linspace(0, length - 1, n_steps)
    for row in range(3):
        for channel in range(N_CHANNELS):
            values = steps[row, :length, channel]
            expected = np.interp(places, np.arange(length), values)
            np.testing.assert_allclose(ours[row, :, channel], expected)


@pytest.mark.parametrize("length", [1, 2, 5, 11])
def test_a_sequence_stretched_again_is_itself(length):
    steps, lengths = draw(3, 11, N_CHANNELS), torch.full((3,), length)
    n_places = 1 + 10 * max(length - 1, 1)
    grid = resampled(steps, lengths, n_places)
    again = stretched(grid, lengths, length)
    torch.testing.assert_close(again, steps[:, :length])


def test_the_untrained_network_is_the_linear_path():
    made, rows = network(), rows_of([3, 8, 1, 6])
    output, linear = made(rows), made.linear(rows)
    torch.testing.assert_close(output.code, linear.code)
    torch.testing.assert_close(output.reconstruction, linear.reconstruction)
    assert output.reconstruction.shape == (2, 4, rows.shape[1])


def test_padding_changes_nothing():
    made = stirred(network())
    lengths = [3, 8, 1, 6]
    rows, padded = rows_of(lengths), rows_of(lengths, filler=torch.nan)
    zeros = torch.zeros(4, 10, dtype=torch.float64)
    padded = torch.cat([padded[:, :-1], zeros, padded[:, -1:]], dim=1)
    one, other = made(rows), made(padded)
    torch.testing.assert_close(one.code, other.code)
    torch.testing.assert_close(
        widened(one.reconstruction, padded.shape[1]), other.reconstruction
    )


def test_answers_end_with_the_sequence_and_keep_its_length():
    made, lengths = stirred(network()), torch.tensor([3, 8, 1])
    rows = made(rows_of(lengths)).reconstruction
    torch.testing.assert_close(rows[..., -1], lengths.double().expand(2, -1))
    cells = rows[..., :-1].unflatten(-1, (-1, N_CHANNELS))
    for row, length in enumerate(lengths):
        assert not cells[:, row, length:].any()
        assert cells[:, row, :length].all()


def test_codes_are_decoded_to_any_length():
    made = stirred(network())
    output = made(rows_of([8, 8]))
    again = made.decode(made.encode(rows_of([8, 8])), torch.tensor([8, 8]))
    torch.testing.assert_close(again, output.reconstruction)
    longer = made.decode(draw(2, 4, K), torch.tensor([1, 20, 7, 3]))
    assert longer.shape == (2, 4, 20 * N_CHANNELS + 1)


def test_rows_are_widened_before_their_length():
    rows = torch.tensor([[1.0, 2.0, 2.0]])
    assert widened(rows, 3) is rows
    assert widened(rows, 5).tolist() == [[1, 2, 0, 0, 2]]


def test_gradients():
    made, rows = stirred(network(n_models=1)), rows_of([3, 5], width=5)
    parameters = [p for p in made.parameters() if p.requires_grad]

    def loss(*_):
        return made(rows).reconstruction.square().mean()

    assert torch.autograd.gradcheck(loss, parameters, atol=1e-6)
