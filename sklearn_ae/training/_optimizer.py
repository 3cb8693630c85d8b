"""AdamW of one matrix of parameters, and for stacks whose models have own rates."""

import torch
from torch import nn


class FlatAdamW(torch.optim.AdamW):
    """AdamW of one parameter, that takes a step without looking through groups.

    torch looks for groups, kinds of parameters and hooks at each step, which takes
    several times as long as the step of a small network. State and results are torch's.
    """

    def take_step(self):
        """Take one step, as :meth:`step` does, of a parameter without autograd."""
        (group,) = self.param_groups
        (parameter,) = group["params"]
        state = self.state[parameter]
        if not group["fused"] or not state:  # which torch sets up at its first step
            with torch.inference_mode(False):
                super().step()
            return
        torch._fused_adamw_(
            [parameter],
            [parameter.grad],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"].add_(1)],
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )


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
