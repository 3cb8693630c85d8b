import copy

import numpy as np
import pytest
import torch

from sklearn_ae.training import make_net
from sklearn_ae.training._flat import FlatParameters

SEEDS = (0, 1, 2, 3)


def gradients_of(network, step):
    generator = torch.Generator().manual_seed(step)
    return [
        torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for p in network.parameters()
        if p.requires_grad
    ]


def test_network_and_matrix_are_one(make_network):
    network = make_network(SEEDS)
    before = copy.deepcopy(network.state_dict())
    flat = FlatParameters(network)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    own = [p for p in network.parameters() if p.requires_grad]
    assert flat.values.shape == (len(SEEDS), sum(p[0].numel() for p in own))
    flat.values[1] = 7.0
    flat.gradients[2] = 5.0
    for parameter in own:
        assert (parameter[1] == 7.0).all()
        assert (parameter.grad[2] == 5.0).all()
        assert not (parameter[0] == 7.0).all()


def test_groups_are_runs_of_models_that_agree(make_network):
    flat = FlatParameters(make_network(SEEDS))
    groups = flat.groups(np.array([0.1, 0.1, 0.2, 0.1]), np.array([0, 0, 0, 0.5]))
    assert [len(group["params"][0]) for group in groups] == [2, 1, 1]
    assert [group["rate_share"] for group in groups] == [0.5, 1.0, 0.5]
    assert [group["weight_decay"] for group in groups] == [0.0, 0.0, 0.5]
    for group in groups:
        group["params"][0].data.fill_(group["rate_share"])
    assert flat.values[:, 0].tolist() == [0.5, 0.5, 1.0, 0.5]


@pytest.mark.parametrize("weight_decay", [0.3, (0.0, 0.3, 0.3, 0.1)])
def test_each_model_steps_as_alone(weight_decay, make_network, make_settings, loss):
    rates = (0.1, 0.01, 0.01, 0.02)
    settings = make_settings(learning_rate=rates, weight_decay=weight_decay)
    stack = make_net(make_network(SEEDS), loss, settings, by_rows=True)
    decays = np.broadcast_to(weight_decay, len(SEEDS))
    alone = [
        make_net(
            make_network((seed,)),
            loss,
            make_settings(learning_rate=rate, weight_decay=float(decay)),
        )
        for seed, rate, decay in zip(SEEDS, rates, decays, strict=True)
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
                group["lr"] = rate * group.get("rate_share", 1.0)
            net.optimizer_.step()
    for model, net in enumerate(alone):
        pairs = zip(stack.module_.parameters(), net.module_.parameters(), strict=True)
        for ours, expected in pairs:
            torch.testing.assert_close(
                ours[model : model + 1], expected, rtol=1e-12, atol=1e-12
            )
