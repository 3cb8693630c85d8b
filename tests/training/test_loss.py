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
        loss(output, batch), (expected * weight.numpy()).mean(axis=1)
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


def test_a_models_loss_pulls_on_its_own_reconstruction_only(loss):
    reconstruction = draw(M, N, D, seed=1).requires_grad_()
    batch = Batch(draw(N, D), draw(N, D), torch.ones(M, N).double())
    loss(Output(reconstruction, None), batch)[0].backward()
    assert reconstruction.grad[0].any()
    assert not reconstruction.grad[1:].any()
