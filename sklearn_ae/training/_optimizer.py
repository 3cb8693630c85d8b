"""AdamW for stacks of models that do not share one learning rate."""

import torch


class StackedAdamW(torch.optim.AdamW):
    """AdamW with a learning rate for each model of a stack.

    AdamW's step is proportional to its learning rate, so that a step at the common
    rate, taken in part, is a step at each model's own.

    Parameters
    ----------
    params : iterable of parameters with the model axis first
    rates : tensor of shape (M,)
        Multiples of ``lr``.
    **kwargs : dict
        As of ``torch.optim.AdamW``.
    """

    def __init__(self, params, rates, **kwargs):
        self.rates = rates
        super().__init__(params, **kwargs)

    @torch.no_grad()
    def step(self, closure=None):
        """Take one step."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        before = [parameter.clone() for parameter in parameters]
        loss = super().step(closure)
        for parameter, start in zip(parameters, before, strict=True):
            rates = self.rates.to(parameter).view(-1, *[1] * (parameter.dim() - 1))
            parameter.copy_(start + rates * (parameter - start))
        return loss
