import json

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA

from sklearn_ae.networks import Output
from sklearn_ae.training import loss_from_state, loss_to_state
from sklearn_ae.training._loss import (
    IDLE_SHARE,
    Batch,
    LikelihoodLoss,
    ReconstructionLoss,
)

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


# -- the penalty, and units that lie idle


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_penalty_counts_by_its_share_in_training_only(loss, share):
    reconstruction, target, penalty = draw(M, N, D, seed=1), draw(N, D), draw(M, N)
    output, batch = Output(reconstruction, None, penalty), Batch(target, target)
    plain = loss(Output(reconstruction, None), batch)
    judged = loss.row_errors(output, batch)
    loss.penalty_share = share
    expected = plain + share * penalty.sum() / N
    torch.testing.assert_close(loss(output, batch), expected)
    assert loss.row_errors(output, batch).equal(judged)


def test_the_penalty_is_felt():
    # One that is added and detached would leave every penalty without effect.
    penalty, target = draw(M, N).requires_grad_(), draw(N, D)
    loss = ReconstructionLoss(draw(D, seed=9))
    loss(
        Output(target.expand(M, -1, -1), None, penalty), Batch(target, target)
    ).backward()
    torch.testing.assert_close(penalty.grad, torch.full((M, N), 1 / N).double())


def test_idle_units_learn_from_what_the_others_leave(loss):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    correction, batch = draw(M, N, D, seed=3), Batch(target, target)
    alone = loss(Output(reconstruction, None), batch)
    both = loss(Output(reconstruction, None, None, correction), batch)
    rest = target - reconstruction
    idle = ((correction - rest) ** 2 * loss.column_weight).sum() / N
    torch.testing.assert_close(both, alone + IDLE_SHARE * idle)
    best = loss(Output(reconstruction, None, None, rest), batch)
    torch.testing.assert_close(best, alone)


def test_idle_units_do_not_pull_at_the_others(loss):
    target = draw(N, D)

    def pull(correction):
        reconstruction = draw(M, N, D, seed=1).requires_grad_()
        output = Output(reconstruction, None, None, correction)
        loss(output, Batch(target, target)).backward()
        return reconstruction.grad

    correction = draw(M, N, D, seed=3).requires_grad_()
    assert pull(correction).equal(pull(None))
    assert correction.grad.any()


def test_idle_units_are_not_judged(loss):
    target, reconstruction = draw(N, D), draw(M, N, D, seed=1)
    batch = Batch(target, target)
    idle = loss.row_errors(Output(reconstruction, None, None, draw(M, N, D)), batch)
    assert idle.equal(loss.row_errors(Output(reconstruction, None), batch))


# -- the evidence lower bound


@pytest.fixture
def likelihood():
    """The loss of rows in units of their own, densities per another one."""
    unit = draw(D, seed=8) + 0.5
    return LikelihoodLoss(draw(D, seed=6), draw(D, seed=7) + 0.5, unit)


@pytest.mark.parametrize("kind", ["for each row", "for all rows"])
def test_gaussian_errors_are_scipys(likelihood, kind):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    log_variance = draw(M, N if kind == "for each row" else 1, D, seed=3)
    output = Output(reconstruction, None, None, noise=log_variance)
    errors = likelihood.row_errors(output, Batch(target, target))
    unit = likelihood.unit.numpy()
    expected = -stats.norm.logpdf(
        target.numpy() * unit,
        reconstruction.numpy() * unit,
        np.exp(log_variance.numpy() / 2) * unit,
    ).sum(axis=-1)
    np.testing.assert_allclose(errors, expected)


def test_bernoulli_errors_are_scipys(likelihood):
    logits, cells = 5 * draw(M, N, D, seed=1) - 2.5, draw(N, D, seed=2).round()
    target = (cells - likelihood.center) / likelihood.scale
    output = Output(draw(M, N, D), None, None, logits=logits)
    errors = likelihood.row_errors(output, Batch(target, target))
    p = torch.sigmoid(logits).numpy()
    expected = -stats.bernoulli.logpmf(cells.numpy(), p).sum(axis=-1)
    np.testing.assert_allclose(errors, expected)


@pytest.mark.parametrize("logit", [-800.0, 800.0])
def test_bernoulli_errors_of_certain_cells_are_finite(likelihood, logit):
    target = ((draw(N, D).round()) - likelihood.center) / likelihood.scale
    output = Output(target, None, None, logits=torch.full((1, N, D), logit).double())
    errors = likelihood.row_errors(output, Batch(target, target))
    assert torch.isfinite(errors).all()


def test_both_sides_of_the_bound_are_sums_in_nats(likelihood):
    """The error sums over columns as the penalty does over the code.

    A mean over columns would weigh the divergence by their number.
    """
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    penalty, noise = draw(M, N, seed=4), draw(M, 1, D, seed=3)
    output = Output(reconstruction, None, penalty, noise=noise)
    batch = Batch(target, target)
    by_hand = 0.0
    deviation = (noise[:, 0] / 2).exp()
    for m in range(M):
        for i in range(N):
            for j in range(D):
                center, spread = reconstruction[m, i, j], deviation[m, j]
                density = stats.norm.logpdf(*map(float, (target[i, j], center, spread)))
                by_hand -= density - np.log(float(likelihood.unit[j]))
            by_hand += float(penalty[m, i])
    assert likelihood(output, batch).item() == pytest.approx(by_hand / N)


def test_twice_the_columns_are_twice_the_error():
    def loss_of(repeats):
        ones = torch.ones(D * repeats).double()
        target = draw(N, D).repeat(1, repeats)
        output = Output(
            draw(1, N, D, seed=1).repeat(1, 1, repeats),
            None,
            noise=draw(1, 1, D, seed=2).repeat(1, 1, repeats),
        )
        return LikelihoodLoss(0 * ones, ones, ones)(output, Batch(target, target))

    torch.testing.assert_close(loss_of(4), 4 * loss_of(1))


def test_cells_of_no_weight_do_not_count(likelihood):
    reconstruction, target = draw(M, N, D, seed=1), draw(N, D, seed=2)
    output = Output(reconstruction, None, noise=draw(M, 1, D, seed=3))
    cells = draw(N, D, seed=4).round()
    whole = likelihood.element_errors(output, Batch(target, target))
    errors = likelihood.element_errors(output, Batch(target, target, None, cells))
    torch.testing.assert_close(errors, whole * cells)


def test_gradients_of_the_bound_are_those_of_finite_differences(likelihood):
    target = draw(N, D)
    noise = draw(1, 1, D, seed=3)

    def gaussian(reconstruction):
        return likelihood(
            Output(reconstruction, None, noise=noise), Batch(target, target)
        )

    def bernoulli(logits):
        return likelihood(Output(logits, None, logits=logits), Batch(target, target))

    for call in (gaussian, bernoulli):
        assert torch.autograd.gradcheck(call, draw(1, N, D, seed=1).requires_grad_())


def test_a_loss_says_what_it_means(loss, likelihood):
    assert (
        loss.describe(2.0) == "the squared error was 2 times the variance of the rows"
    )
    assert likelihood.describe(1234.5) == (
        "minus the evidence lower bound was 1.23e+03 nats per row"
    )
    assert loss.is_relative
    assert not likelihood.is_relative


# -- as plain values


@pytest.mark.parametrize("kind", ["loss", "likelihood"])
def test_a_loss_comes_back_as_it_was(kind, request):
    loss = request.getfixturevalue(kind)
    state = loss_to_state(loss)
    assert json.dumps(state["loss"])
    assert all(type(array) is np.ndarray for array in state["arrays"].values())
    twin = loss_from_state(state)
    assert type(twin) is type(loss)
    target = draw(N, D)
    output = Output(draw(1, N, D, seed=1), None, noise=draw(1, 1, D, seed=2))
    batch = Batch(target, target)
    assert twin.row_errors(output, batch).equal(loss.row_errors(output, batch))
    buffers = dict(loss.named_buffers())
    for name, buffer in twin.named_buffers():
        assert buffer.equal(buffers.pop(name))
    assert not buffers


def test_a_state_is_a_copy(loss):
    state = loss_to_state(loss)
    before = state["arrays"]["column_weight"].copy()
    loss.column_weight.add_(1)
    np.testing.assert_array_equal(state["arrays"]["column_weight"], before)
