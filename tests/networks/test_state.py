import pickle

import numpy as np
import pytest
import torch

from sklearn_ae.networks import (
    from_state,
    restore,
    select_model,
    select_models,
    snapshot,
    stack_models,
    to_state,
)


def plain_values(value):
    """Every leaf of nested dicts, lists and tuples."""
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from plain_values(item)
    else:
        yield value


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_round_trip_keeps_every_bit(make_network, rows, dtype):
    network = make_network((0, 1)).to(dtype)
    network.map_code(torch.ones(2, 2), torch.rand(2, 2, 2), torch.rand(2, 2, 2))
    twin = from_state(pickle.loads(pickle.dumps(to_state(network))))
    rows = rows.to(dtype)
    assert twin.encode(rows).equal(network.encode(rows))
    assert twin(rows).reconstruction.equal(network(rows).reconstruction)
    assert next(twin.parameters()).dtype == dtype


def test_what_is_built_again_is_ready_to_answer(make_network):
    network = from_state(to_state(make_network().train()))
    assert not network.training
    assert not network.linear_encoder.weight.requires_grad
    assert network.encoder_branch.output.weight.requires_grad


def test_state_holds_plain_values_and_arrays_only(make_network):
    leaves = list(plain_values(to_state(make_network())))
    assert {type(leaf) for leaf in leaves} <= {str, int, type(None), np.ndarray}


def test_state_is_a_copy(make_network):
    network = make_network()
    state = to_state(network)
    before = {name: array.copy() for name, array in state["arrays"].items()}
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    for name, array in before.items():
        np.testing.assert_array_equal(state["arrays"][name], array)


def test_a_network_built_from_a_state_does_not_share_its_arrays(make_network):
    state = to_state(make_network())
    twin = from_state(state)
    for array in state["arrays"].values():
        array += 1
    for name, tensor in twin.state_dict().items():
        assert not np.array_equal(tensor.numpy(), state["arrays"][name])


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "torch.nn.Linear"])
def test_a_state_cannot_name_code_to_run(make_network, name):
    with pytest.raises(KeyError):
        from_state({**to_state(make_network()), "network": name})


@pytest.mark.parametrize("index", [0, 1, 2])
def test_select_model_picks_the_model_at_the_index(make_network, rows, index):
    stack = make_network((0, 1, 2))
    center = torch.arange(6.0).reshape(3, 2)
    code_map = torch.eye(2) * torch.tensor([2.0, 3.0, 4.0])[:, None, None]
    stack.map_code(center, code_map, torch.linalg.inv(code_map))
    single = select_model(stack, index)
    assert single.n_models == 1
    torch.testing.assert_close(single.encode(rows)[0], stack.encode(rows)[index])
    torch.testing.assert_close(
        single(rows).reconstruction[0], stack(rows).reconstruction[index]
    )


def test_a_selected_model_is_as_if_made_anew(make_network):
    single = select_model(make_network((0, 1, 2)), 1)
    made = from_state(to_state(single))
    pairs = zip(single.named_modules(), made.named_modules(), strict=True)
    for (name, ours), (other_name, theirs) in pairs:
        assert (name, type(ours)) == (other_name, type(theirs))
        assert vars(ours).keys() == vars(theirs).keys()
    pairs = zip(single.named_parameters(), made.named_parameters(), strict=True)
    for (_, ours), (_, theirs) in pairs:
        assert ours.requires_grad is theirs.requires_grad
        assert torch.equal(ours, theirs)
    assert single.arguments == made.arguments


def test_the_selected_model_is_a_copy(make_network, rows):
    stack = make_network((0, 1))
    single = select_model(stack, 1)
    before = single(rows).reconstruction.clone()
    with torch.no_grad():
        for tensor in stack.state_dict().values():
            tensor.add_(1)
    assert single(rows).reconstruction.equal(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_stack_of_stacks_answers_as_each_of_them(make_network, rows, dtype):
    networks = [make_network(seeds).to(dtype) for seeds in ((0,), (1, 2), (3,))]
    networks[1].map_code(torch.ones(2, 2), torch.rand(2, 2, 2), torch.rand(2, 2, 2))
    stack, rows = stack_models(networks), rows.to(dtype)
    assert stack.n_models == stack.arguments["n_models"] == 4
    codes = torch.cat([network.encode(rows) for network in networks])
    back = torch.cat([network(rows).reconstruction for network in networks])
    torch.testing.assert_close(stack.encode(rows), codes)
    torch.testing.assert_close(stack(rows).reconstruction, back)
    trained = [name for name, p in networks[0].named_parameters() if p.requires_grad]
    assert trained == [name for name, p in stack.named_parameters() if p.requires_grad]


def test_a_stack_gives_its_models_back(make_network):
    networks = [make_network(seeds) for seeds in ((0,), (1, 2))]
    stack = stack_models(networks)
    for network, models in zip(networks, (slice(0, 1), slice(1, 3)), strict=True):
        own = select_models(stack, models)
        assert own.arguments == network.arguments
        for name, tensor in network.state_dict().items():
            assert own.state_dict()[name].equal(tensor)


def test_stacks_and_what_is_selected_are_copies(make_network):
    networks = [make_network((seed,)) for seed in (0, 1)]
    stack = stack_models(networks)
    selected = select_models(stack, slice(0, 2))
    with torch.no_grad():
        for tensor in stack.state_dict().values():
            tensor.fill_(7)
    for network in (*networks, selected):
        for name, tensor in network.named_parameters():
            assert not (tensor == 7).all(), name


def test_networks_of_different_shapes_have_no_stack(make_network):
    networks = [make_network(hidden_layer_sizes=sizes) for sizes in ((4,), (5,))]
    with pytest.raises(RuntimeError):
        stack_models(networks)


def test_snapshot_holds_what_training_changes(make_network):
    network = make_network()
    trained = {n for n, p in network.named_parameters() if p.requires_grad}
    assert set(snapshot(network)) == trained
    assert trained


def test_restore_undoes_training(make_network, rows):
    network = make_network()
    before, kept = network(rows).reconstruction, snapshot(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    before.square().sum().backward()
    optimizer.step()
    assert not network(rows).reconstruction.allclose(before)
    restore(network, kept)
    assert network(rows).reconstruction.equal(before)


def test_restoring_twice_is_restoring_once(make_network):
    network = make_network()
    kept = snapshot(network)
    restore(network, kept)
    with torch.no_grad():
        network.encoder_branch.output.weight.add_(1)
    restore(network, kept)
    for name, parameter in network.named_parameters():
        if name in kept:
            assert parameter.equal(kept[name])
