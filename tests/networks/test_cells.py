import pytest
import torch

from sklearn_ae.networks import CELLS
from sklearn_ae.networks._cells import in_one_piece, make_cell, places_of_steps

WIDTH, N_INPUTS = 8, 3


def make(kind, n_models=2, n_layers=2, activation="silu"):
    spec = {"kind": kind, "width": WIDTH, "n_layers": n_layers}
    if kind in ("attention", "convolution"):
        spec["activation"] = activation
    cell = make_cell(spec, n_models, N_INPUTS).double()
    cell.initialise([torch.Generator().manual_seed(i) for i in range(n_models)])
    # Layers that start at zero would hide what they do.
    generator = torch.Generator().manual_seed(9)
    for parameter in cell.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data += 0.1 * noise
    return cell.eval()


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture(params=sorted(CELLS))
def kind(request):
    return request.param


def test_answers_at_each_step(kind):
    assert make(kind)(draw(2, 5, 7, N_INPUTS)).shape == (2, 5, 7, WIDTH)


def test_models_know_nothing_of_each_other(kind):
    cell, steps = make(kind), draw(2, 5, 7, N_INPUTS)
    both = cell(steps)
    changed = steps.clone()
    changed[1] = 0
    torch.testing.assert_close(cell(changed)[0], both[0])
    assert not torch.equal(cell(changed)[1], both[1])


def test_rows_know_nothing_of_each_other(kind):
    cell, steps = make(kind), draw(2, 5, 7, N_INPUTS)
    torch.testing.assert_close(cell(steps[:, 2:4]), cell(steps)[:, 2:4])


def test_steps_know_of_each_other(kind):
    cell, steps = make(kind, n_layers=3), draw(2, 1, 7, N_INPUTS)
    before = cell(steps)
    for changed, seen in [(6, 0), (0, 6)]:
        other = steps.clone()
        other[:, :, changed] += 1
        assert not torch.allclose(cell(other)[:, :, seen], before[:, :, seen])


@pytest.mark.parametrize("activation", ["logistic", "silu"])
def test_padding_changes_nothing(kind, activation):
    cell, lengths = make(kind, activation=activation), torch.tensor([3, 7, 1])
    steps = draw(2, 3, 7, N_INPUTS)
    answers = cell(steps, lengths)
    padded = torch.cat([steps, draw(2, 3, 4, N_INPUTS, seed=1)], dim=2)
    for row, length in enumerate(lengths):
        padded[:, row, length:] = 1e3
        alone = cell(steps[:, row : row + 1, :length])
        torch.testing.assert_close(answers[:, row, :length], alone[:, 0])
    again = cell(padded, lengths)
    for row, length in enumerate(lengths):
        same = answers[:, row, :length], again[:, row, :length]
        torch.testing.assert_close(*same)


def test_full_lengths_are_none_at_all(kind):
    cell, steps = make(kind), draw(2, 3, 7, N_INPUTS)
    full = torch.full((3,), 7)
    torch.testing.assert_close(cell(steps, full), cell(steps))


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_recurrent_units_are_those_of_torch_on_packed_sequences(kind, n_layers):
    cell = make(kind, n_layers=n_layers)
    steps = draw(2, 4, 7, N_INPUTS)
    lengths = torch.tensor([[3, 7, 1, 7], [2, 5, 6, 1]])
    answers = cell(steps, lengths)
    for model in range(2):
        layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](
            N_INPUTS, WIDTH // 2, n_layers, batch_first=True, bidirectional=True
        ).double()
        for known, ours in zip(layer.parameters(), cell.weights, strict=True):
            known.data.copy_(ours[model])
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            steps[model], lengths[model], batch_first=True, enforce_sorted=False
        )
        of_torch = torch.nn.utils.rnn.pad_packed_sequence(
            layer(packed)[0], batch_first=True, total_length=7
        )[0]
        is_there = torch.arange(7) < lengths[model].unsqueeze(-1)
        torch.testing.assert_close(answers[model][is_there], of_torch[is_there])


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_recurrent_units_learn_what_packed_ones_learn(kind):
    """In the precision and the mode of training, which have kernels of their own."""
    cell = make(kind, n_models=1, n_layers=1).float().train()
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](
        N_INPUTS, WIDTH // 2, batch_first=True, bidirectional=True
    )
    for known, ours in zip(layer.parameters(), cell.weights, strict=True):
        known.data.copy_(ours[0])
    steps, lengths = draw(1, 3, 7, N_INPUTS).float(), torch.tensor([3, 7, 1])
    is_there = torch.arange(7) < lengths.unsqueeze(-1)
    (cell(steps, lengths)[0][is_there] ** 2).sum().backward()
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        steps[0], lengths, batch_first=True, enforce_sorted=False
    )
    (layer(packed)[0].data ** 2).sum().backward()
    for known, ours in zip(layer.parameters(), cell.weights, strict=True):
        torch.testing.assert_close(ours.grad[0], known.grad, rtol=1e-4, atol=1e-5)


def test_gradients(kind):
    cell = make(kind, n_models=1, n_layers=1)
    steps = draw(1, 2, 4, N_INPUTS).requires_grad_()
    lengths = torch.tensor([2, 4])
    assert torch.autograd.gradcheck(lambda x: cell(x, lengths), steps)


def test_a_seed_is_a_model(kind):
    one, stack = make(kind, n_models=1), make(kind, n_models=2)
    for single, double in zip(one.parameters(), stack.parameters(), strict=True):
        assert single.shape[1:] == double.shape[1:]
    spec = {"kind": kind, "width": WIDTH, "n_layers": 1}
    if kind in ("attention", "convolution"):
        spec["activation"] = "relu"
    alone, among = (make_cell(spec, n_models, N_INPUTS) for n_models in (1, 3))
    alone.initialise([torch.Generator().manual_seed(4)])
    among.initialise([torch.Generator().manual_seed(i) for i in (3, 4, 5)])
    for single, several in zip(alone.parameters(), among.parameters(), strict=True):
        torch.testing.assert_close(single[0], several[1])


@pytest.mark.parametrize("width", [4, 7])
def test_places_tell_steps_apart(width):
    places = places_of_steps(50, width)
    assert places.shape == (50, width)
    distances = torch.cdist(places, places) + 9 * torch.eye(50)
    assert distances.min() > 0.01


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_weights_in_one_piece_are_the_weights(kind):
    own = [weight[0] for weight in make(kind).weights]
    placed = in_one_piece(own)
    start = 0
    for is_bias in (False, True):  # as cuDNN reads them
        for ours, theirs in zip(placed, own, strict=True):
            if (theirs.dim() == 1) is is_bias:
                assert ours.storage_offset() == start
                start += theirs.numel()
            assert torch.equal(ours, theirs)
    assert len({ours.untyped_storage().data_ptr() for ours in placed}) == 1
    (gradient,) = torch.autograd.grad(sum((part**2).sum() for part in placed), own[:1])
    torch.testing.assert_close(gradient, 2 * own[0])
