import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae.networks import Output
from sklearn_ae.training._loss import Batch, ReconstructionLoss

M, N, D = 2, 6, 3


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def loss():
    return ReconstructionLoss(draw(D, seed=9))


def hand_written_errors(loss, output, target, cells, penalty):
    errors = np.zeros((M, N))
    for m in range(M):
        for i in range(N):
            for j in range(D):
                error = target[m, i, j] - output[m, i, j]
                errors[m, i] += loss.column_weight[j] * cells[m, i, j] * error**2
            errors[m, i] += penalty[m, i]
    return errors


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("penalised", [False, True])
def test_errors_are_the_documented_formula(loss, masked, penalised):
    reconstruction, target = draw(M, N, D, seed=1), draw(M, N, D, seed=2)
    cells = draw(M, N, D, seed=3).round() if masked else None
    penalty = draw(M, N, seed=4) if penalised else None
    weight = draw(M, N, seed=5)
    batch = Batch(target, target, weight, cells)
    output = Output(reconstruction, None, penalty)
    expected = hand_written_errors(
        loss,
        reconstruction,
        target,
        torch.ones(M, N, D) if cells is None else cells,
        torch.zeros(M, N) if penalty is None else penalty,
    )
    np.testing.assert_allclose(loss.row_errors(output, batch), expected)
    np.testing.assert_allclose(
        loss(output, batch), (expected * weight.numpy()).mean(axis=1).sum()
    )


def test_rows_without_model_axis_are_every_models_target(loss):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    output, weight = Output(reconstruction, None), torch.ones(M, N).double()
    shared = loss(output, Batch(target, target, weight))
    own = target.expand(M, -1, -1)
    torch.testing.assert_close(shared, loss(output, Batch(own, own, weight)))


def test_no_weights_are_weights_of_one(loss):
    output, target = Output(draw(M, N, D, seed=1), None), draw(N, D, seed=2)
    ones = loss(output, Batch(target, target, torch.ones(M, N).double()))
    assert loss(output, Batch(target, target)).equal(ones)


def test_the_loss_reads_the_target_and_not_the_inputs(loss):
    target, corrupted = draw(N, D), draw(N, D, seed=1)
    batch = Batch(corrupted, target, torch.ones(1, N).double())
    assert loss(Output(target[None], None), batch) == 0
    assert loss(Output(corrupted[None], None), batch) > 0


@pytest.mark.parametrize("k", [1, 3])
def test_one_minus_the_loss_is_r2(blob, k):
    pca = PCA(k).fit(blob)
    variance = blob.var(axis=0)
    loss = ReconstructionLoss(torch.tensor(variance / variance.sum()))
    back = pca.inverse_transform(pca.transform(blob))
    scaled, target = (
        torch.tensor((rows - blob.mean(axis=0)) / blob.std(axis=0))
        for rows in (back, blob)
    )
    batch = Batch(target, target, torch.ones(1, len(blob)).double())
    r2 = 1 - loss(Output(scaled[None], None), batch).item()
    assert r2 == pytest.approx(pca.explained_variance_ratio_.sum())


def test_the_loss_is_the_sum_of_the_models_losses(loss):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D)
    weight = draw(M, N, seed=5)
    alone = [
        loss(
            Output(reconstruction[m : m + 1], None),
            Batch(target, target, weight[m : m + 1]),
        )
        for m in range(M)
    ]
    together = loss(Output(reconstruction, None), Batch(target, target, weight))
    assert together.shape == ()
    torch.testing.assert_close(together, sum(alone))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_model_is_pulled_as_if_it_were_alone(loss, weighted):
    target = draw(N, D)
    weight = draw(M, N, seed=5) if weighted else None

    def pull(models):
        reconstruction = draw(M, N, D, seed=1)[models].requires_grad_()
        own = None if weight is None else weight[models]
        loss(Output(reconstruction, None), Batch(target, target, own)).backward()
        return reconstruction.grad

    both = pull([0, 1])
    assert both.any()
    torch.testing.assert_close(both, torch.cat([pull([0]), pull([1])]))


@pytest.mark.parametrize("masked", [False, True])
def test_element_errors_are_the_squares_of_the_cells(loss, masked):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    cells = draw(N, D, seed=3) if masked else None
    batch = Batch(target, target, None, cells)
    errors = loss.element_errors(Output(reconstruction, None), batch)
    assert errors.shape == (M, N, D)
    expected = (reconstruction - target) ** 2 * (1 if cells is None else cells)
    torch.testing.assert_close(errors, expected)


def test_row_errors_are_weighted_sums_of_element_errors(loss):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    output, batch = Output(reconstruction, None), Batch(target, target)
    torch.testing.assert_close(
        loss.row_errors(output, batch),
        (loss.element_errors(output, batch) * loss.column_weight).sum(dim=-1),
    )
