"""Steps of sequences, of shape ``(..., n, n_steps, c)``: which there are, and some."""

import torch


def inside(steps, lengths):
    """Return 1 for steps within their sequence, else 0, of shape ``(..., n, T, 1)``."""
    index = torch.arange(steps.shape[-2], device=steps.device)
    return (index < lengths.unsqueeze(-1)).to(steps.dtype).unsqueeze(-1)


def positions(index, n_steps):
    """Return the positions of steps among all sequences', one after the other.

    **Shape**: ``(..., p)`` to one dimension.
    """
    index = index.flatten(0, -2)
    first = torch.arange(len(index), device=index.device).unsqueeze(-1) * n_steps
    return (index + first).flatten()


def steps_at(steps, index):
    """Return the steps of the given numbers, by sequence.

    By whole steps: torch's ``gather`` goes number by number, and back ten times as
    slowly.

    **Shape**: ``(..., t, c)`` and ``(..., p)`` to ``(..., p, c)``.
    """
    *batch, n_steps, width = steps.shape
    index = index.expand(*batch, index.shape[-1])
    rows = steps.reshape(-1, width).index_select(0, positions(index, n_steps))
    return rows.view(*index.shape, width)
