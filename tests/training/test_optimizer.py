import copy

import pytest
import torch

from sklearn_ae.training import make_net
from sklearn_ae.training._optimizer import StackedAdamW

RATES = (0.1, 0.01, 0.0)


def parameters():
    """Parameters of three models, of one to three dimensions."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((3,), (3, 4), (3, 2, 5))
    ]


def gradients(step):
    generator = torch.Generator().manual_seed(1 + step)
    return [
        torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters()
    ]


def run(optimizer_of, start, model=slice(None), n_steps=5, rate_at=None):
    """Take steps along given gradients, of one model or of all."""
    own = [p[model].clone().requires_grad_() for p in start]
    optimizer = optimizer_of(own)
    for step in range(n_steps):
        for parameter, gradient in zip(own, gradients(step), strict=True):
            parameter.grad = gradient[model].clone()
        if rate_at is not None:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, group["lr"])
        optimizer.step()
    return [p.detach() for p in own]


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("fused", [False, True])
def test_each_model_steps_as_with_an_adamw_of_its_own(weight_decay, fused):
    asked = {"weight_decay": weight_decay, "eps": 1e-6, "fused": fused}
    stacked = run(
        lambda own: StackedAdamW(own, rates=torch.tensor(RATES), lr=1.0, **asked),
        parameters(),
    )
    for model, rate in enumerate(RATES):
        part = slice(model, model + 1)
        alone = run(
            lambda own, rate=rate: torch.optim.AdamW(own, lr=rate, **asked),
            parameters(),
            part,
        )
        for ours, expected in zip(stacked, alone, strict=True):
            # The rates of the stack are float32.
            torch.testing.assert_close(ours[part], expected, rtol=1e-6, atol=1e-6)


def test_rates_are_multiples_of_the_common_rate():
    rates = torch.tensor(RATES, dtype=torch.float64)
    falling = {"rate_at": lambda step, _: 1 / (1 + step), "n_steps": 4}
    stacked = run(
        lambda own: StackedAdamW(own, rates=rates, lr=1.0), parameters(), **falling
    )
    for model, rate in enumerate(RATES):
        part = slice(model, model + 1)
        alone = run(
            lambda own, rate=rate: torch.optim.AdamW(own, lr=rate),
            parameters(),
            part,
            n_steps=4,
            rate_at=lambda step, _, rate=rate: rate / (1 + step),
        )
        for ours, expected in zip(stacked, alone, strict=True):
            torch.testing.assert_close(ours[part], expected, rtol=1e-12, atol=1e-12)


def test_a_rate_of_zero_moves_nothing():
    start = parameters()
    after = run(lambda own: StackedAdamW(own, rates=torch.tensor(RATES), lr=1.0), start)
    for ours, before in zip(after, start, strict=True):
        assert ours[2].equal(before[2])
        assert not ours[0].equal(before[0])


def test_the_closure_is_called_and_its_loss_returned():
    own = [p.requires_grad_() for p in parameters()]
    optimizer = StackedAdamW(own, rates=torch.tensor(RATES), lr=1.0)

    def closure():
        optimizer.zero_grad()
        loss = sum(p.square().sum() for p in own)
        loss.backward()
        return loss

    first, second = (optimizer.step(closure).item() for _ in range(2))
    assert second < first


def test_equal_rates_are_one_rate(make_network, make_settings, loss):
    network = make_network((0, 1))
    nets = [
        make_net(copy.deepcopy(network), loss, make_settings(learning_rate=rate))
        for rate in (0.01, (0.01, 0.01))
    ]
    assert type(nets[0].optimizer_) is torch.optim.AdamW
    assert type(nets[1].optimizer_) is StackedAdamW
    for net in nets:
        for step in range(3):
            for i, p in enumerate(
                p for p in net.module_.parameters() if p.requires_grad
            ):
                generator = torch.Generator().manual_seed(100 * step + i)
                p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            for group in net.optimizer_.param_groups:
                group["lr"] = net.learning_rate_at(200, 1)
            net.optimizer_.step()
    one, each = (dict(net.module_.named_parameters()) for net in nets)
    for name, parameter in one.items():
        torch.testing.assert_close(each[name], parameter, rtol=1e-6, atol=1e-8)
