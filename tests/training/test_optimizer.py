import copy

import numpy as np
import pytest
import torch

from sklearn_ae.training import make_net
from sklearn_ae.training._optimizer import FlatAdamW, QuickAdamW, StackedAdamW

SEEDS, RATES = (0, 1, 2, 3), (0.1, 0.01, 0.01, 0.02)


def gradients_of(network, step):
    generator = torch.Generator().manual_seed(step)
    return [
        torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for p in network.parameters()
        if p.requires_grad
    ]


@pytest.mark.parametrize("weight_decay", [0.3, (0.0, 0.3, 0.3, 0.1)])
def test_each_model_steps_as_alone(weight_decay, make_network, make_settings, loss):
    settings = make_settings(learning_rate=RATES, weight_decay=weight_decay)
    stack = make_net(make_network(SEEDS), loss, settings, by_rows=True)
    decays = np.broadcast_to(weight_decay, len(SEEDS))
    alone = [
        make_net(
            make_network((seed,)),
            loss,
            make_settings(learning_rate=rate, weight_decay=float(decay)),
        )
        for seed, rate, decay in zip(SEEDS, RATES, decays, strict=True)
    ]
    for step in range(4):
        gradients = gradients_of(stack.module_, step)
        for model, net in enumerate([stack, *alone]):
            part = slice(model - 1, model) if model else slice(None)
            own = [p for p in net.module_.parameters() if p.requires_grad]
            for parameter, gradient in zip(own, gradients, strict=True):
                if model:
                    parameter.grad = gradient[part].clone()
                else:
                    parameter.grad.copy_(gradient)
            for group in net.optimizer_.param_groups:
                rate = net.learning_rate_at(200, 1) / (1 + step)
                group["lr"] = rate
            net.optimizer_.step()
    assert type(stack.optimizer_) is StackedAdamW
    for model, net in enumerate(alone):
        pairs = zip(stack.module_.parameters(), net.module_.parameters(), strict=True)
        for ours, expected in pairs:
            torch.testing.assert_close(
                ours[model : model + 1], expected, rtol=1e-12, atol=1e-12
            )


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_a_lean_step_is_torchs(weight_decay, make_network, make_settings, loss):
    settings = make_settings(weight_decay=weight_decay)
    lean, usual = (
        make_net(make_network(SEEDS), loss, settings, by_rows=True) for _ in range(2)
    )
    assert type(lean.optimizer_) is FlatAdamW
    for step in range(4):
        for net in (lean, usual):
            gradients = gradients_of(net.module_, step)
            own = [p for p in net.module_.parameters() if p.requires_grad]
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.grad.copy_(gradient)
        lean.optimizer_.take_step()
        usual.optimizer_.step()
    pairs = zip(lean.module_.parameters(), usual.module_.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize("fused", [True, False, None])
def test_a_quick_adamw_is_torchs(fused):
    settings = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.2}
    start = torch.linspace(-1, 1, 6)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    quick = QuickAdamW([ours], fused=fused, **settings)
    usual = torch.optim.AdamW([theirs], fused=fused, **settings)
    assert quick.defaults == usual.defaults
    assert quick.param_groups[0].keys() == usual.param_groups[0].keys()
    for step in range(4):
        if step == 2:  # from a state of torch's
            quick.load_state_dict(copy.deepcopy(usual.state_dict()))
        ours.grad, theirs.grad = torch.cos(start + step), torch.cos(start + step)
        quick.step()
        usual.step()
    assert torch.equal(ours, theirs)
    assert quick.state_dict()["state"].keys() == usual.state_dict()["state"].keys()


def test_steps_in_parts_are_steps(monkeypatch, make_network, make_settings, loss):
    nets = [
        make_net(make_network(SEEDS), loss, make_settings(), by_rows=True)
        for _ in range(2)
    ]
    for step in range(3):
        for net, in_parts in zip(nets, (True, False), strict=True):
            monkeypatch.setattr(
                FlatAdamW, "_is_in_parts", lambda self, _, i=in_parts: i
            )
            gradients = gradients_of(net.module_, step)
            own = [p for p in net.module_.parameters() if p.requires_grad]
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.grad.copy_(gradient)
            net.optimizer_.take_step()
    pairs = zip(*(net.module_.parameters() for net in nets), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
