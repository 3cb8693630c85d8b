"""Networks as plain values and NumPy arrays, and one model out of a stack."""

import torch

from ._anchored import AnchoredAutoencoder
from ._dictionary import DictionaryAutoencoder
from ._resampled import ResampledAutoencoder
from ._token import TokenAutoencoder

# A network is stored under its name and looked up here, never by importing what a
# file names: loading a model must not run code of the file's choosing.
NETWORKS = {
    "AnchoredAutoencoder": AnchoredAutoencoder,
    "DictionaryAutoencoder": DictionaryAutoencoder,
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
    """Return a copy of a stack with only its model at ``index``.

    Every parameter and buffer has the model axis first, so one slice serves all.
    """
    single = type(network)(**{**network.arguments, "n_models": 1})
    single.to(next(network.parameters()).dtype)
    single.load_state_dict(
        {
            name: tensor[index : index + 1]
            for name, tensor in network.state_dict().items()
        }
    )
    return single.to(next(network.parameters()).device)


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
