import math

import numpy as np
import pytest
import torch

from sklearn_ae.networks import Output
from sklearn_ae.networks._layers import LOG_VARIANCE_RANGE
from sklearn_ae.networks._likelihood import (
    NOISE_FLOOR,
    NOISE_RATE,
    BernoulliLikelihood,
    GaussianLikelihood,
    make_likelihood,
)

from .conftest import make_anchor

M, N, D = 1, 8, 3
START = torch.tensor([[0.5, 0.04, 2.0]]).double()
KINDS = ["heteroscedastic", "per_feature", "shared"]


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gaussian(noise="per_feature", start=START, varies=(1.0, 1.0, 1.0)):
    """A likelihood that starts from given variances."""
    likelihood = GaussianLikelihood(len(start), start.shape[1], noise).double()
    varies = torch.tensor([varies], dtype=torch.float64).expand_as(start)
    likelihood.set_anchor(make_anchor(0)._replace(noise_variance=start, varies=varies))
    return likelihood


def see(likelihood, residuals, row_weight=None, extra=None):
    """Let a likelihood observe residuals around rows of zeros."""
    output = likelihood(torch.zeros_like(residuals), extra, None, None)
    likelihood.observe(output, residuals, row_weight)


def variances(likelihood):
    return likelihood.noise_variance()[:, 0]


# -- gaussian


@pytest.mark.parametrize("noise", KINDS)
def test_the_noise_starts_as_the_anchors(noise):
    likelihood = gaussian(noise)
    torch.testing.assert_close(variances(likelihood), START)
    output = likelihood.at_start(draw(M, N, D), None, None)
    torch.testing.assert_close(output.noise.exp()[:, 0], START)


def test_only_heteroscedastic_noise_asks_for_more_of_the_branch():
    assert [gaussian(noise).n_extra for noise in KINDS] == [1, 0, 0]


def test_the_code_raises_and_lowers_the_noise_within_bounds():
    likelihood = gaussian("heteroscedastic")
    for wild in (-1e9, -2.0, 0.0, 2.0, 1e9):
        added = likelihood.log_variance(torch.full((M, N, D), wild).double())
        added = added - START.log()
        assert (added.abs() <= LOG_VARIANCE_RANGE * (1 + 1e-12)).all()
        assert (added.sign() == np.sign(wild)).all()


def test_noise_does_not_fall_below_the_floor():
    start = torch.full((1, D), (2 * NOISE_FLOOR) ** 2).double()
    likelihood = gaussian("heteroscedastic", start)
    least = likelihood.log_variance(torch.full((M, N, D), -1e9).double()).exp().sqrt()
    torch.testing.assert_close(least, torch.full_like(least, NOISE_FLOOR))
    for _ in range(50):
        see(likelihood, torch.zeros(M, N, D).double())
    least = variances(likelihood).sqrt()
    torch.testing.assert_close(least, torch.full_like(least, NOISE_FLOOR))


def test_a_start_below_the_floor_stays():
    # Rows without noise start as PCA, whose own noise is next to none.
    start = torch.full((1, D), 1e-14).double()
    likelihood = gaussian(start=start)
    torch.testing.assert_close(variances(likelihood), start)
    see(likelihood, torch.zeros(M, N, D).double())
    torch.testing.assert_close(variances(likelihood), start)


@pytest.mark.parametrize("noise", KINDS)
def test_the_noise_is_the_running_mean_of_the_squared_residuals(noise):
    likelihood = gaussian(noise)
    expected = np.ones((1, D))
    for step in range(1, 16):
        residuals = draw(M, N, D, seed=step)
        extra = torch.zeros(M, N, D).double() if noise == "heteroscedastic" else None
        see(likelihood, residuals, extra=extra)
        ratio = residuals.square().mean(dim=1).numpy() / START.numpy()
        if noise == "shared":
            ratio = np.full((1, D), ratio.mean())
        rate = max(1 / step, NOISE_RATE)
        expected = (1 - rate) * expected + rate * ratio
        np.testing.assert_allclose(variances(likelihood), expected * START.numpy())


def test_the_first_batch_takes_the_noise_where_it_belongs_at_once():
    # From a start that is wrong by fifteen orders of magnitude.
    likelihood = gaussian(start=START * 1e-15)
    residuals = draw(M, N, D)
    see(likelihood, residuals)
    np.testing.assert_allclose(variances(likelihood), residuals.square().mean(dim=1))


def test_full_batches_of_equal_residuals_do_not_move_the_noise():
    likelihood, residuals = gaussian(), draw(M, N, D)
    see(likelihood, residuals)
    before = variances(likelihood)
    for _ in range(5):
        see(likelihood, residuals)
    np.testing.assert_allclose(variances(likelihood), before)


def test_the_noise_is_the_one_of_the_highest_likelihood():
    likelihood, residuals = gaussian(), draw(M, N, D)
    see(likelihood, residuals)
    log_variance = likelihood.log_variance(None).detach().requires_grad_()
    errors = (residuals.square() * (-log_variance).exp() + log_variance) / 2
    errors.sum().backward()
    torch.testing.assert_close(log_variance.grad, torch.zeros(M, 1, D).double())


def test_what_the_code_adds_is_divided_out():
    likelihood, residuals = gaussian("heteroscedastic"), draw(M, N, D)
    extra = torch.linspace(-2, 2, N).double()[None, :, None].expand(M, N, D)
    added = likelihood.log_variance(extra) - START.log()
    see(likelihood, residuals, extra=extra)
    expected = (residuals.square() * (-added).exp()).mean(dim=1)
    np.testing.assert_allclose(variances(likelihood), expected)


@pytest.mark.parametrize("noise", ["per_feature", "shared"])
def test_a_weight_is_a_number_of_repetitions(noise):
    counts = torch.tensor([1, 2, 0, 3, 1, 1, 4, 0])
    residuals = draw(M, N, D)
    weighted, repeated = gaussian(noise), gaussian(noise)
    see(weighted, residuals, counts.double()[None])
    see(repeated, residuals.repeat_interleave(counts, dim=1))
    torch.testing.assert_close(variances(weighted), variances(repeated))


def test_only_the_ratio_of_weights_counts():
    weight = draw(M, N, seed=1).abs()
    one, other = gaussian(), gaussian()
    see(one, draw(M, N, D), weight)
    see(other, draw(M, N, D), 9 * weight)
    torch.testing.assert_close(variances(one), variances(other))


@pytest.mark.parametrize("noise", KINDS)
def test_a_column_that_never_varied_keeps_its_noise(noise):
    likelihood = gaussian(noise, varies=(1.0, 0.0, 1.0))
    residuals = draw(M, N, D)
    extra = draw(M, N, D, seed=1) if noise == "heteroscedastic" else None
    see(likelihood, residuals, extra=extra)
    assert variances(likelihood)[0, 1].item() == pytest.approx(0.04)
    assert (variances(likelihood) != START)[0, [0, 2]].all()
    log_variance = likelihood.log_variance(extra)
    np.testing.assert_allclose(log_variance[..., 1], math.log(0.04))


def test_shared_noise_is_not_moved_by_columns_that_never_varied():
    likelihood = gaussian("shared", varies=(1.0, 0.0, 1.0))
    residuals = draw(M, N, D)
    see(likelihood, residuals)
    ratio = (residuals.square().mean(dim=1) / START)[0, [0, 2]].mean()
    expected = START[0, [0, 2]] * ratio
    torch.testing.assert_close(variances(likelihood)[0, [0, 2]], expected)


def test_no_column_that_varies_is_no_division_by_zero():
    likelihood = gaussian("shared", varies=(0.0, 0.0, 0.0))
    see(likelihood, draw(M, N, D))
    torch.testing.assert_close(variances(likelihood), START)


def test_models_learn_from_their_own_residuals():
    stack = gaussian(start=START.repeat(2, 1))
    residuals = draw(2, N, D)
    see(stack, residuals)
    for model in range(2):
        alone = gaussian()
        see(alone, residuals[model : model + 1])
        torch.testing.assert_close(variances(stack)[model], variances(alone)[0])


def test_the_noise_is_not_learned_by_gradients():
    likelihood = gaussian()
    output = likelihood(draw(M, N, D).requires_grad_(), None, None, None)
    output.reconstruction.sum().backward()
    assert not output.noise.requires_grad
    assert likelihood.growth.grad is None


def test_the_noise_is_kept_and_put_back_with_the_weights():
    likelihood = gaussian()
    assert "growth" in dict(likelihood.named_parameters())


def test_drawn_rows_have_the_mean_and_the_noise_they_say():
    likelihood, decoded = gaussian(), draw(M, 1, D)
    uniform = torch.rand(M, 40_000, D, generator=torch.Generator().manual_seed(0))
    rows = likelihood.draw(decoded, None, uniform.double().clamp(min=1e-12))[0]
    np.testing.assert_allclose(rows.mean(dim=0), decoded[0, 0], atol=0.03)
    np.testing.assert_allclose(rows.var(dim=0), START[0], rtol=0.05)


def test_the_mean_of_rows_is_what_is_decoded():
    likelihood, decoded = gaussian(), draw(M, N, D)
    assert likelihood.mean(decoded) is decoded
    assert likelihood(decoded, None, None, None).reconstruction is decoded


# -- bernoulli


def bernoulli(center=(0.5, 0.2, 0.9), scale=(0.5, 0.4, 0.3)):
    """A likelihood of rows in given units."""
    likelihood = BernoulliLikelihood(M, D).double()
    center, scale = (
        torch.tensor([part], dtype=torch.float64) for part in (center, scale)
    )
    likelihood.set_anchor(
        make_anchor(0)._replace(row_center=center, row_scale=scale),
    )
    return likelihood


def in_units_of_rows(likelihood, x):
    return x * likelihood.scale + likelihood.center


def test_the_mean_is_the_probability_in_the_networks_units():
    likelihood, decoded = bernoulli(), draw(M, N, D)
    probability = in_units_of_rows(likelihood, likelihood.mean(decoded))
    torch.testing.assert_close(probability, likelihood.logits(decoded).sigmoid())


def test_near_one_half_the_probability_is_what_is_decoded():
    likelihood = bernoulli()
    y = 0.5 + torch.linspace(-0.02, 0.02, N).double()[None, :, None].expand(M, N, D)
    decoded = (y - likelihood.center) / likelihood.scale
    mean = in_units_of_rows(likelihood, likelihood.mean(decoded))
    np.testing.assert_allclose(mean, y, atol=1e-4)


@pytest.mark.parametrize("far", [-1e6, 1e6])
def test_a_probability_is_between_zero_and_one(far):
    likelihood = bernoulli()
    mean = likelihood.mean(torch.full((M, N, D), far).double())
    mean = in_units_of_rows(likelihood, mean)
    np.testing.assert_allclose(mean, float(far > 0), atol=1e-12)


def test_the_output_holds_the_logits_and_the_mean():
    likelihood, decoded = bernoulli(), draw(M, N, D)
    code, penalty = draw(M, N, 2), draw(M, N)
    output = likelihood(decoded, None, code, penalty)
    assert type(output) is Output
    assert output.code is code
    assert output.penalty is penalty
    assert output.noise is None
    torch.testing.assert_close(output.logits, likelihood.logits(decoded))
    torch.testing.assert_close(output.reconstruction, likelihood.mean(decoded))
    start = likelihood.at_start(decoded, code, penalty)
    assert start.logits.equal(output.logits)


def test_drawn_cells_are_zero_or_one_as_often_as_they_say():
    likelihood, decoded = bernoulli(), draw(M, 1, D)
    uniform = torch.rand(M, 40_000, D, generator=torch.Generator().manual_seed(0))
    rows = likelihood.draw(decoded.expand(M, 40_000, D), None, uniform.double())
    cells = in_units_of_rows(likelihood, rows)[0]
    assert torch.isclose(cells, cells.round()).all()
    expected = likelihood.logits(decoded).sigmoid()[0, 0]
    np.testing.assert_allclose(cells.mean(dim=0), expected, atol=0.01)


def test_a_bernoulli_decoder_has_nothing_to_observe():
    likelihood = bernoulli()
    before = {name: part.clone() for name, part in likelihood.state_dict().items()}
    likelihood.observe(None, None, None)
    for name, part in likelihood.state_dict().items():
        assert part.equal(before[name])


# -- by name


@pytest.mark.parametrize("noise", KINDS)
def test_a_likelihood_is_made_from_plain_values(noise):
    spec = {"kind": "gaussian", "noise": noise}
    likelihood = make_likelihood(spec, M, D)
    assert type(likelihood) is GaussianLikelihood
    assert likelihood.is_shared == (noise == "shared")
    assert type(make_likelihood({"kind": "bernoulli"}, M, D)) is BernoulliLikelihood
