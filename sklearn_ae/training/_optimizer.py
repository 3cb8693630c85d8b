"""AdamW of one matrix of parameters, and for stacks whose models have own rates."""

import torch
from torch import nn

# Parts in which a GPU steps many parameters: it takes 65536 at a time of each, which
# leaves most of it idle, and so many tensors in one kernel.
GPU_PARTS, FEWEST_IN_PARTS = 36, 2**17


def undecorated(method):
    """Return a method of torch's optimisers without what loads torch's compiler.

    torch keeps its compiler away from them, and for that loads it: seconds of the first
    fit of a process, which compiles nothing.
    """
    return getattr(method, "__wrapped__", method)


class QuickAdamW(torch.optim.AdamW):
    """AdamW that is set up without loading torch's compiler.

    Parameters
    ----------
    params : iterable
    lr, eps, weight_decay : float
    betas : tuple of two floats
    fused : bool or None
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        fused=None,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        defaults |= {"fused": fused, "foreach": None, "decoupled_weight_decay": True}
        off = ("amsgrad", "maximize", "capturable", "differentiable")
        defaults |= dict.fromkeys(off, False)
        undecorated(torch.optim.Optimizer.__init__)(self, params, defaults)
        self._step_supports_amp_scaling = bool(fused)

    def add_param_group(self, param_group):
        """Add a group of parameters, as torch does."""
        undecorated(torch.optim.Optimizer.add_param_group)(self, param_group)

    def state_dict(self):
        """Return the state, as torch does."""
        return undecorated(torch.optim.Optimizer.state_dict)(self)

    def load_state_dict(self, state_dict):
        """Take over a state, as torch does."""
        undecorated(torch.optim.Optimizer.load_state_dict)(self, state_dict)


class FlatAdamW(QuickAdamW):
    """AdamW of one parameter, that takes a step without looking through groups.

    torch looks for groups, kinds of parameters and hooks at each step, which takes
    several times as long as the step of a small network. State and results are torch's.
    """

    _parts = None

    def take_step(self):
        """Take one step, as :meth:`step` does, of a parameter without autograd."""
        (group,) = self.param_groups
        (parameter,) = group["params"]
        state = self.state[parameter]
        if not group["fused"]:
            with torch.inference_mode(False):
                super().step()
            return
        if not state:
            with torch.inference_mode(False):
                self._start(parameter, state)
        moments = state["exp_avg"], state["exp_avg_sq"]
        parts = self._parts_of(parameter.data, parameter.grad, *moments)
        torch._fused_adamw_(
            *parts,
            [],
            [state["step"].add_(1)] * len(parts[0]),
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    @staticmethod
    def _start(parameter, state):
        """Set up what torch sets up at the first step."""
        state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        state["exp_avg"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)

    def _parts_of(self, *tensors):
        """Return what a step reads and writes, each as a list of its parts."""
        if not self._is_in_parts(tensors[0]):
            return [[tensor] for tensor in tensors]
        if self._parts is None or self._parts[0] is not tensors[-1]:
            size = -(-tensors[0].numel() // GPU_PARTS)
            lists = [tensor.view(-1).split(size) for tensor in tensors]
            self._parts = tensors[-1], lists
        return self._parts[1]

    def _is_in_parts(self, parameter):
        return parameter.is_cuda and parameter.numel() >= FEWEST_IN_PARTS


class StackedAdamW(FlatAdamW):
    """AdamW with a learning rate and a weight decay for each model of a stack.

    AdamW's step is proportional to its learning rate: one fused call computes the steps
    of all models at the common rate, from zero, and each model takes its own share.

    Parameters
    ----------
    flat : FlatParameters
        Of the stack.
    rates, decays : tensor of shape (M, 1)
        Multiples of ``lr``, and weight decays.
    **kwargs : dict
        As of ``torch.optim.AdamW``.
    """

    def __init__(self, flat, *, rates, decays, **kwargs):
        self.flat = flat
        self.rates = rates.to(flat.values)
        self.decays = rates.to(flat.values) * decays.to(flat.values)
        self.decayed = bool(self.decays.any())
        zeros = torch.zeros_like(flat.values)
        self.direction = nn.Parameter(zeros, requires_grad=False)
        self.direction.grad = flat.gradients
        super().__init__([self.direction], **{**kwargs, "weight_decay": 0.0})

    def take_step(self):
        """Take one step."""
        self.direction.zero_()
        super().take_step()
        if self.decayed:
            self.flat.values *= 1 - self.param_groups[0]["lr"] * self.decays
        self.flat.values.addcmul_(self.direction, self.rates)

    def step(self, closure=None):
        """Take one step, by gradients that are known."""
        self.take_step()
