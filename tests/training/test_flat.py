import copy

import torch

from sklearn_ae.training._flat import FlatParameters

SEEDS = (0, 1, 2, 3)


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


def test_the_matrix_is_one_parameter(make_network):
    flat = FlatParameters(make_network(SEEDS))
    parameter = flat.as_parameter()
    parameter.data.fill_(3.0)
    assert (flat.values == 3.0).all()
    assert parameter.grad.data_ptr() == flat.gradients.data_ptr()
