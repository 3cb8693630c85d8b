"""AdamW for stacks of models that do not share one learning rate and decay."""

import torch
from torch import nn


class StackedAdamW(torch.optim.AdamW):
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
        self.direction = nn.Parameter(torch.zeros_like(flat.values))
        self.direction.grad = flat.gradients
        super().__init__([self.direction], **{**kwargs, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure=None):
        """Take one step."""
        self.direction.zero_()
        loss = super().step(closure)
        if self.decayed:
            self.flat.values *= 1 - self.param_groups[0]["lr"] * self.decays
        self.flat.values.addcmul_(self.direction, self.rates)
        return loss
