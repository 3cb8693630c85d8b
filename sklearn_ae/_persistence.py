"""Fitted estimators as NumPy arrays and plain values, for pickle, joblib and skops."""

import numpy as np
import torch

from ._codec import CodeModel
from ._length_head import LengthHead
from ._lengths import SequenceScaling
from ._reference import Reference
from ._token_network import TokenScaling
from .detection import (
    CodePrior,
    FullCovariance,
    IsotropicScorer,
    LikelihoodScorer,
    LowRankCovariance,
    MahalanobisScorer,
    NeighborScorer,
    ReconstructionScorer,
    References,
    TokenScorer,
)
from .networks import from_state, to_state
from .training import (
    Corruption,
    Scaling,
    Settings,
    loss_from_state,
    loss_to_state,
    make_net,
    resolve_device,
)

# Helper objects of a fitted estimator, stored by name as the dict of their attributes.
HELPERS = {
    kind.__name__: kind
    for kind in (
        CodeModel,
        CodePrior,
        Corruption,
        FullCovariance,
        IsotropicScorer,
        LengthHead,
        LikelihoodScorer,
        LowRankCovariance,
        MahalanobisScorer,
        NeighborScorer,
        ReconstructionScorer,
        Reference,
        References,
        Scaling,
        SequenceScaling,
        TokenScaling,
        TokenScorer,
    )
}
HELPER = "helper"


def pack(state):
    """Return an estimator's attributes with nothing in them but plain values.

    The optimiser's moments are kept where ``partial_fit`` goes on from them, and not
    after ``fit``, which is done with them: they are twice as large as the network.
    """
    packed = {name: _pack_helper(value) for name, value in state.items()}
    if "net_" in packed:
        packed["net_"] = _pack_net(packed["net_"])
    return packed


def _pack_helper(value):
    if HELPERS.get(type(value).__name__) is not type(value):
        return value
    parts = {name: _pack_helper(part) for name, part in vars(value).items()}
    return {HELPER: type(value).__name__, **parts}


def unpack(state):
    """Return the attributes that :func:`pack` stored.

    What was fitted on a GPU loads on a machine without it, onto the CPU.
    """
    state = {name: _unpack_helper(value) for name, value in state.items()}
    if "net_" in state:
        state["net_"] = _unpack_net(state["net_"])
        state["device_"] = str(state["net_"].device)
    return state


def _unpack_helper(value):
    if not isinstance(value, dict) or HELPER not in value:
        return value
    parts = {name: _unpack_helper(part) for name, part in value.items()}
    kind = HELPERS[parts.pop(HELPER)]
    helper = kind.__new__(kind)
    vars(helper).update(parts)
    return helper


def _pack_net(net):
    moments = net.optimizer_.state_dict()["state"]
    return {
        "network": to_state(net.module_),
        "loss": loss_to_state(net.criterion_),
        "learning_rate": net.lr,
        "weight_decay": net.optimizer__weight_decay,
        "beta2": net.optimizer__betas[1],
        "max_epochs": net.max_epochs,
        "batch_size": net.batch_size,
        "step": net.step_,
        "device": net.device,
        "moments": {
            # Copies: on the CPU an array would share the memory of the optimiser.
            str(parameter): {
                name: value.cpu().numpy().copy() for name, value in parts.items()
            }
            for parameter, parts in moments.items()
        },
    }


def _unpack_net(state, callbacks=()):
    network = from_state(state["network"])
    settings = Settings(
        max_epochs=state["max_epochs"],
        batch_size=state["batch_size"],
        learning_rate=state["learning_rate"],
        weight_decay=state["weight_decay"],
        beta2=state["beta2"],
        n_iter_no_change=1,
        batch_seed=0,
        dtype=next(network.parameters()).dtype,
        device=_device_here(state["device"]),
        callbacks=tuple(callbacks),
    )
    net = make_net(network, loss_from_state(state["loss"]), settings)
    set_moments(net, state["moments"])
    net.step_ = state["step"]
    return net


def set_moments(net, moments):
    """Give a net's optimiser the moments of another's."""
    if not moments:
        return
    optimizer_state = net.optimizer_.state_dict()
    optimizer_state["state"] = {
        int(parameter): {
            name: torch.as_tensor(np.asarray(value)) for name, value in parts.items()
        }
        for parameter, parts in moments.items()
    }
    net.optimizer_.load_state_dict(optimizer_state)


def copy_net(net, settings):
    """Return a net that trains on, as asked for now, and leaves the original alone."""
    packed = _pack_net(net)
    packed["learning_rate"] = settings.learning_rate
    packed["weight_decay"] = settings.weight_decay
    packed["beta2"] = settings.beta2
    copied = _unpack_net(packed, settings.callbacks)
    for group in copied.optimizer_.param_groups:
        group["weight_decay"] = settings.weight_decay
    return copied


def _device_here(device):
    """Return the device a net was on, or the CPU where there is no such device."""
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")
