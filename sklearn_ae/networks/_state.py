"""Networks as plain values and NumPy arrays, and one model out of a stack."""

import torch
from torch import nn

from ._anchored import AnchoredAutoencoder
from ._dictionary import DictionaryAutoencoder
from ._headed import Head
from ._resampled import ResampledAutoencoder
from ._token import TokenAutoencoder

# A network is stored under its name and looked up here, never by importing what a
# file names: loading a model must not run code of the file's choosing.
NETWORKS = {
    "AnchoredAutoencoder": AnchoredAutoencoder,
    "DictionaryAutoencoder": DictionaryAutoencoder,
    "Head": Head,
    "ResampledAutoencoder": ResampledAutoencoder,
    "TokenAutoencoder": TokenAutoencoder,
}


def to_state(network):
    """Return a network as a dict of plain values and arrays.

    Raw torch tensors in a pickle bind it to a torch version and to a device; arrays
    load anywhere, and formats that refuse arbitrary objects carry them too.
    """
    return {
        "network": type(network).__name__,
        "arguments": dict(network.arguments),
        "arrays": {
            name: tensor.detach().cpu().numpy().copy()
            for name, tensor in network.state_dict().items()
        },
    }


def from_state(state):
    """Build the network that :func:`to_state` stored, on the CPU."""
    network = NETWORKS[state["network"]](**state["arguments"])
    tensors = {name: torch.tensor(array) for name, array in state["arrays"].items()}
    dtype = next(iter(tensors.values())).dtype
    network.to(dtype).load_state_dict(tensors)
    return network.eval()


def select_model(network, index):
    """Return a copy of a stack with only its model at ``index``."""
    return select_models(network, slice(index, index + 1))


def select_models(network, models):
    """Return a copy of a stack with the models of a slice.

    Every parameter and buffer has the model axis first, so one slice serves all.
    """
    state = network.state_dict()
    return _with_state(network, {name: part[models] for name, part in state.items()})


def stack_models(networks):
    """Return one stack of the models of several, which have one shape, in order."""
    states = [network.state_dict() for network in networks]
    joined = {name: torch.cat([state[name] for state in states]) for name in states[0]}
    return _with_state(networks[0], joined)


def _with_state(network, state):
    """Return a network of the shape of another, with models of its own."""
    return _copied(network, state, len(next(iter(state.values()))), prefix="")


def _copied(module, state, n_models, prefix):
    """Return a copy of a module, with other tensors in the place of its own.

    Without its ``__init__``, which takes four times as long: a cross-fit asks for the
    model of each fold.
    """
    made = object.__new__(type(module))
    own = vars(made)
    for name, value in vars(module).items():
        own[name] = value.copy() if isinstance(value, dict | set) else value
    if "n_models" in own:
        own["n_models"] = n_models
    if "arguments" in own:
        own["arguments"]["n_models"] = n_models
    for name, parameter in module._parameters.items():
        if parameter is not None:
            tensor = _own(state[prefix + name])
            made._parameters[name] = nn.Parameter(tensor, parameter.requires_grad)
    for name, buffer in module._buffers.items():
        if buffer is not None:
            made._buffers[name] = _own(state[prefix + name])
    for name, part in module._modules.items():
        if part is not None:
            inner = f"{prefix}{name}."
            made._modules[name] = _copied(part, state, n_models, inner)
    return made


def _own(tensor):
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def snapshot(network):
    """Return copies of the tensors that training changes, by name."""
    return {
        name: parameter.detach().clone()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }


def restore(network, tensors):
    """Put a :func:`snapshot` back."""
    with torch.no_grad():
        parameters = dict(network.named_parameters())
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)
