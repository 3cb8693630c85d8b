import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from sklearn_ae.networks._bottleneck import (
    GaussianBottleneck,
    PlainBottleneck,
    make_bottleneck,
)
from sklearn_ae.networks._layers import LOG_VARIANCE_RANGE

from .conftest import make_anchor

M, N, K = 1, 6, 2


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def raw():
    return draw(M, N, K)


@pytest.fixture
def extra():
    return draw(M, N, K, seed=1)


def gaussian(beta=1.0, free_bits=0.0, code_variance=(0.25, 0.04)):
    """A bottleneck that starts from given variances."""
    bottleneck = GaussianBottleneck(M, K, beta, free_bits).double()
    variance = torch.tensor([code_variance], dtype=torch.float64)
    bottleneck.set_anchor(make_anchor(0)._replace(code_variance=variance))
    return bottleneck


def posterior(bottleneck, raw, extra):
    """What the bottleneck says of the codes, as torch's own distribution."""
    return Normal(raw, (bottleneck.log_variances(extra) / 2).exp())


# -- plain


def test_a_plain_bottleneck_passes_the_code_on(raw):
    bottleneck = PlainBottleneck(M, K)
    code, penalty = bottleneck(raw, None, None)
    assert code is raw
    assert bottleneck.point(raw) is raw
    assert penalty is None
    assert bottleneck.n_extra == 0
    assert not bottleneck.is_noisy


def test_a_plain_bottleneck_has_nothing_to_keep():
    bottleneck = PlainBottleneck(M, K)
    bottleneck.set_anchor(make_anchor(0))
    assert not bottleneck.state_dict()


# -- gaussian


def test_the_divergence_is_torchs(raw, extra):
    bottleneck = gaussian()
    ours = bottleneck.divergences(raw, extra)
    prior = Normal(torch.zeros_like(raw), torch.ones_like(raw))
    torch.testing.assert_close(
        ours, kl_divergence(posterior(bottleneck, raw, extra), prior)
    )
    assert (ours > 0).all()


def test_a_code_that_is_the_prior_costs_nothing():
    bottleneck = gaussian(code_variance=(1.0, 1.0))
    zeros = torch.zeros(M, N, K).double()
    assert not bottleneck(zeros, zeros, None).penalty.any()


@pytest.mark.parametrize("beta", [0.5, 1.0, 7.0])
def test_the_penalty_is_beta_times_the_sum_over_the_code(raw, extra, beta):
    # The sum, not the mean: a mean would weigh the divergence by the size of the code.
    bottleneck = gaussian(beta)
    expected = beta * bottleneck.divergences(raw, extra).sum(dim=-1)
    torch.testing.assert_close(bottleneck(raw, extra, None).penalty, expected)


def test_the_start_has_the_anchors_variances(raw):
    log_variance = gaussian().log_variances(torch.zeros_like(raw))
    expected = torch.tensor([0.25, 0.04], dtype=torch.float64).expand(M, N, K)
    torch.testing.assert_close(log_variance.exp(), expected)


@pytest.mark.parametrize("wild", [-1e9, -30.0, 30.0, 1e9])
def test_variances_stay_near_the_start_whatever_the_branch_answers(raw, wild):
    log_variance = gaussian().log_variances(torch.full_like(raw, wild))
    start = torch.tensor([0.25, 0.04], dtype=torch.float64).log()
    assert ((log_variance - start).abs() < LOG_VARIANCE_RANGE + 1e-9).all()


def test_without_noise_the_code_is_the_mean(raw, extra):
    assert gaussian()(raw, extra, None).code is raw


def test_noise_moves_the_code_by_its_deviation(raw, extra):
    bottleneck, noise = gaussian(), draw(N, K, seed=2)
    deviation = (bottleneck.log_variances(extra) / 2).exp()
    code = bottleneck(raw, extra, noise).code
    torch.testing.assert_close(code, raw + deviation * noise)


def test_drawn_codes_have_the_mean_and_the_variance_they_say(raw, extra):
    bottleneck, n_draws = gaussian(), 40_000
    one_row = (part[:, :1].expand(M, n_draws, K) for part in (raw, extra))
    codes = bottleneck(*one_row, draw(n_draws, K, seed=2)).code[0]
    expected = posterior(bottleneck, raw, extra)
    np.testing.assert_allclose(codes.mean(dim=0), expected.mean[0, 0], atol=0.03)
    np.testing.assert_allclose(codes.var(dim=0), expected.variance[0, 0], rtol=0.05)


def test_noise_does_not_change_the_penalty(raw, extra):
    bottleneck = gaussian()
    with_noise = bottleneck(raw, extra, draw(N, K, seed=2)).penalty
    assert with_noise.equal(bottleneck(raw, extra, None).penalty)


def test_the_penalty_pulls_at_mean_and_variance(raw, extra):
    # A divergence that is computed and never felt leaves beta without effect.
    raw.requires_grad_()
    extra.requires_grad_()
    gaussian()(raw, extra, None).penalty.sum().backward()
    torch.testing.assert_close(raw.grad, raw.detach())
    assert (extra.grad != 0).all()


@pytest.mark.parametrize("noisy", [False, True])
def test_gradients_are_those_of_finite_differences(raw, extra, noisy):
    noise = draw(N, K, seed=2) if noisy else None
    bottleneck = gaussian(beta=2.0)

    def call(raw, extra):
        return bottleneck(raw, extra, noise)[:2]

    inputs = raw.requires_grad_(), extra.requires_grad_()
    assert torch.autograd.gradcheck(call, inputs)


def test_free_bits_cost_a_constant_and_pull_at_nothing(raw, extra):
    raw.requires_grad_()
    penalty = gaussian(beta=3.0, free_bits=1e3)(raw, extra, None).penalty
    torch.testing.assert_close(penalty, torch.full_like(penalty, 3 * K * 1e3))
    penalty.sum().backward()
    assert not raw.grad.any()


def test_free_bits_are_of_each_component(raw, extra):
    bottleneck = gaussian(free_bits=1.5)
    divergences = bottleneck.divergences(raw, extra)
    assert (divergences < 1.5).any()
    assert (divergences > 1.5).any()
    expected = divergences.clamp(min=1.5).sum(dim=-1)
    torch.testing.assert_close(bottleneck(raw, extra, None).penalty, expected)


def test_few_free_bits_change_nothing(raw, extra):
    least = gaussian().divergences(raw, extra).min().item()
    free = gaussian(free_bits=0.9 * least)(raw, extra, None).penalty
    assert free.equal(gaussian()(raw, extra, None).penalty)


def test_models_have_variances_of_their_own():
    bottleneck = GaussianBottleneck(2, K, 1.0, 0.0).double()
    variance = torch.tensor([[0.25, 0.04], [1.0, 4.0]]).double()
    bottleneck.set_anchor(make_anchor(0)._replace(code_variance=variance))
    log_variances = bottleneck.log_variances(torch.zeros(2, N, K))
    torch.testing.assert_close(log_variances.exp()[:, 0], variance)


# -- by name


def test_a_bottleneck_is_made_from_plain_values():
    assert type(make_bottleneck({"kind": "plain"}, M, K)) is PlainBottleneck
    spec = {"kind": "gaussian", "beta": 2.0, "free_bits": 0.5}
    bottleneck = make_bottleneck(spec, M, K)
    assert type(bottleneck) is GaussianBottleneck
    assert (bottleneck.beta, bottleneck.free_bits) == (2.0, 0.5)
    assert spec == {"kind": "gaussian", "beta": 2.0, "free_bits": 0.5}


def test_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError, match="cork"):
        make_bottleneck({"kind": "cork"}, M, K)
