import pytest
import torch

from sklearn_ae.networks import (
    Head,
    HeadedAutoencoder,
    from_state,
    select_model,
    to_state,
)

from .conftest import N_COMPONENTS

N_ANSWERS = 3


def make_head(n_models=1, hidden_layer_sizes=(6,)):
    head = Head(
        n_models=n_models,
        n_components=N_COMPONENTS,
        n_answers=N_ANSWERS,
        hidden_layer_sizes=hidden_layer_sizes,
        activation="silu",
    ).double()
    head.initialise(range(n_models))
    generator = torch.Generator().manual_seed(5)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    start = (
        draw(N_COMPONENTS),
        draw(N_COMPONENTS).abs(),
        draw(n_models, N_COMPONENTS, N_ANSWERS),
        draw(n_models, N_ANSWERS),
    )
    head.set_start(*start)
    return head, start


def behind(rows, value=7.0):
    """Rows with four columns behind them, that nobody may read."""
    return torch.cat([rows, torch.full((len(rows), 4), value).double()], dim=1)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (6, 4)])
def test_a_head_starts_linear_in_standardised_codes(hidden_layer_sizes):
    head, (center, spread, weight, bias) = make_head(2, hidden_layer_sizes)
    raw = torch.randn(2, 10, N_COMPONENTS, dtype=torch.float64)
    expected = (raw - center) / spread @ weight + bias.unsqueeze(1)
    assert torch.allclose(head(raw), expected)


def test_a_head_does_not_read_codes_without_spread():
    head, (center, _spread, weight, bias) = make_head()
    head.set_start(center, torch.tensor([0.0, 1.0]).double(), weight, bias)
    raw = torch.randn(1, 10, N_COMPONENTS, dtype=torch.float64)
    moved = raw + torch.tensor([5.0, 0.0]).double()
    assert torch.equal(head(raw), head(moved))


def test_the_same_seed_draws_the_same_branch():
    assert torch.equal(
        make_head()[0].branch.hidden[0].weight, make_head()[0].branch.hidden[0].weight
    )


def test_a_head_comes_back_from_plain_values():
    head, _ = make_head()
    raw = torch.randn(1, 10, N_COMPONENTS, dtype=torch.float64)
    assert torch.equal(from_state(to_state(head))(raw), head(raw))


def test_a_head_is_one_of_a_stack():
    head, _ = make_head(2)
    raw = torch.randn(1, 10, N_COMPONENTS, dtype=torch.float64)
    both = head(raw.expand(2, -1, -1))
    assert torch.allclose(select_model(head, 1)(raw)[0], both[1])


@pytest.mark.parametrize("reconstructs", [True, False])
def test_answers_are_the_heads_of_the_code(make_network, rows, reconstructs):
    body, (head, _) = make_network(), make_head()
    network = HeadedAutoencoder(body, head, 4, reconstructs)
    output = network(behind(rows))
    assert torch.allclose(output.answers, head(body.encode_raw(rows)))
    assert torch.equal(output.answers, network(behind(rows, -3.0)).answers)


def test_rows_are_reconstructed_as_without_a_head(make_network, rows):
    body, (head, _) = make_network(), make_head()
    output = HeadedAutoencoder(body, head, 4, True)(behind(rows))
    assert torch.equal(output.reconstruction, body(rows).reconstruction)


def test_without_a_weight_nothing_is_decoded(make_network, rows, monkeypatch):
    body, (head, _) = make_network(), make_head()
    monkeypatch.setattr(body, "decode_parts", None)
    output = HeadedAutoencoder(body, head, 4, False)(behind(rows))
    assert torch.equal(output.reconstruction, rows)


def test_each_model_of_a_stack_answers_with_its_own_head(make_network, rows):
    body, (head, _) = make_network((0, 1)), make_head(2)
    both = HeadedAutoencoder(body, head, 4, True)(behind(rows)).answers
    for i in range(2):
        alone = HeadedAutoencoder(select_model(body, i), select_model(head, i), 4, True)
        assert torch.allclose(alone(behind(rows)).answers[0], both[i])
