import pytest
import torch

from sklearn_ae.networks import Output
from sklearn_ae.training import Batch, HeadLoss, ReconstructionLoss

D, N, T = 4, 6, 3


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def case():
    """Answers of two models, rows with targets and certainty behind them."""
    targets = torch.softmax(draw(N, T, seed=1), dim=1)
    certainty = draw(N, seed=2).abs()
    rows = torch.cat([draw(N, D, seed=3), targets, certainty[:, None]], dim=1)
    output = Output(draw(2, N, D, seed=4), None, answers=draw(2, N, T, seed=5))
    return output, Batch(rows, rows), targets, certainty


def test_cross_entropy_is_torchs(case):
    output, batch, targets, certainty = case
    errors = HeadLoss("cross_entropy", T).row_errors(output, batch)
    for model in range(2):
        expected = torch.nn.functional.cross_entropy(
            output.answers[model], targets, reduction="none"
        )
        assert torch.allclose(errors[model], expected * certainty)


def test_squares_are_means_over_the_targets(case):
    output, batch, targets, certainty = case
    errors = HeadLoss("mean_square", T).row_errors(output, batch)
    expected = (output.answers - targets).square().mean(dim=-1) * certainty
    assert torch.allclose(errors, expected)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_reconstruction_counts_by_its_weight(case, weight):
    output, batch, _, _ = case
    body = ReconstructionLoss(draw(D, seed=6).abs())
    loss = HeadLoss("cross_entropy", T, body, weight)
    alone = HeadLoss("cross_entropy", T)
    rows = Batch(batch.inputs[:, :D], batch.target[:, :D])
    expected = alone(output, batch) + weight * body(output, rows)
    assert loss(output, batch) == pytest.approx(float(expected))
    # Models are judged by their answers.
    assert torch.equal(loss.row_errors(output, batch), alone.row_errors(output, batch))


def test_a_weight_of_two_is_a_row_given_twice(case):
    output, batch, _, _ = case
    loss = HeadLoss("cross_entropy", T)
    twice = [*range(N), 0]
    repeated = loss(
        Output(None, None, answers=output.answers[:, twice]),
        Batch(batch.inputs[twice], batch.target[twice]),
    )
    weight = torch.ones(2, N, dtype=torch.float64)
    weight[:, 0] = 2
    weighed = loss(output, batch._replace(row_weight=weight))
    assert weighed * N == pytest.approx(float(repeated * (N + 1)))


def test_a_row_without_certainty_does_not_count(case):
    output, batch, _, _ = case
    batch.target[0, -1] = 0
    loss = HeadLoss("mean_square", T)
    before = loss(output, batch)
    output.answers[:, 0] += 5
    assert loss(output, batch) == before


def test_a_loss_says_what_it_is():
    assert HeadLoss("mean_square", 1).describe(12.345) == (
        "the loss of the answers was 12.3"
    )
