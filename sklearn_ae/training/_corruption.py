"""Corruption of rows: what a network must undo to reconstruct them clean.

All kinds work cell by cell on one uniform number per cell, so that a generator feeds
them in training, and keys of the rows where the same row must be corrupted alike.
"""

from typing import NamedTuple

import numpy as np
import torch

from ._plan import content_ranks, rows_by_weight
from ._rows import blocks_of

# Rows that swapped cells are taken from, at most, and the memory they may take.
DONOR_ROWS, DONOR_BYTES = 1024, 2**22

# They follow from the rows and this seed alone: candidates of a search are judged by
# the same corruption, whatever their random state.
DONOR_SEED = 0


class Moments(NamedTuple):
    """Of each corrupted column, given that the clean one has mean zero.

    Attributes
    ----------
    keep : ndarray of shape (d,)
        Its regression on the clean column.
    mean, variance : ndarray of shape (d,)
    """

    keep: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


class Corruption:
    """Corrupts standardised rows; plain arrays, so that it can be stored.

    Parameters
    ----------
    kind : str
        A key of ``KINDS``.
    amount : ndarray of shape (d,) or (M, 1, d)
        Standard deviations of the noise, or shares of the cells; of each model of a
        stack.
    facts : dict of ndarray
        What the kind needs of the training rows.
    """

    def __init__(self, kind, amount, facts):
        self.kind = kind
        self.facts = facts
        if self.together is not None:  # of the first channel of a step, for all
            amount = amount[..., self.together.astype(int)]
        self.amount = amount

    def at(self, amount):
        """Return the same kind of corruption of another amount."""
        return Corruption(self.kind, amount, self.facts)

    def bind(self, dtype, device):
        """Return a function of rows and uniforms of the same shape, both tensors."""

        def to_tensor(array):
            return torch.tensor(array, dtype=dtype, device=device)

        facts = {name: to_tensor(array) for name, array in self.facts.items()}
        corrupt, amount = KINDS[self.kind], to_tensor(self.amount)
        return lambda rows, uniform: corrupt(rows, uniform.to(rows), amount, **facts)

    def key(self, with_amount=True):
        """Return what is equal for corruptions that are; of any amount, if asked."""
        facts = {name: array.tobytes() for name, array in self.facts.items()}
        amount = self.amount.tobytes() if with_amount else None
        return self.kind, tuple(sorted(facts.items())), amount

    @property
    def together(self):
        """Columns that are equal where columns are corrupted together, or None."""
        return self.facts.get("first")

    def moments(self, variance):
        """Return :class:`Moments` for clean columns of some variance."""
        share, zero = self.amount, np.zeros_like(variance)
        if self.kind == "gaussian":
            return Moments(zero + 1, zero, variance + share**2)
        if self.kind in ("masking", "step_masking"):
            return Moments(1 - share, zero, (1 - share) * variance)
        if self.kind == "swap":
            return Moments(1 - share, zero, variance)
        low, high = self.facts["low"], self.facts["high"]
        mean = share * (low + high) / 2
        square = (1 - share) * variance + share * (low**2 + high**2) / 2
        return Moments(1 - share, mean, square - mean**2)


def stack_corruptions(corruptions, sizes):
    """Return one corruption with the amounts of several, for so many models each.

    Parameters
    ----------
    corruptions : sequence of Corruption
        Equal but for their amounts.
    sizes : sequence of int
    """
    first = corruptions[0]
    amounts = [corruption.amount for corruption in corruptions]
    if all(np.array_equal(amounts[0], amount) for amount in amounts):
        return first
    return first.at(np.repeat(np.stack(amounts), sizes, axis=0)[:, None])


class Corruptions(NamedTuple):
    """Of the rows in training, and of the rows by which a model is judged.

    Attributes
    ----------
    training, evaluation : Corruption or None
    """

    training: Corruption | None = None
    evaluation: Corruption | None = None


CLEAN = Corruptions()


# -- the kinds; the uniforms below the amount, as a share of it, are uniform again


def add_noise(rows, uniform, amount):
    """Add normal noise of standard deviation ``amount``."""
    # Rounded to float32, a number just below 1 is 1, and its quantile infinite.
    uniform = uniform.clamp(max=1 - torch.finfo(rows.dtype).eps / 2)
    return torch.addcmul(rows, amount, torch.special.ndtri(uniform))


def mask(rows, uniform, amount):
    """Put a share of the cells to their column's mean."""
    return torch.where(uniform < amount, 0.0, rows)


def mask_steps(rows, uniform, amount, first):
    """Put a share of the steps, in all their channels, to the mean."""
    first = first.long()
    return torch.where(uniform[..., first] < amount[..., first], 0.0, rows)


def salt_and_pepper(rows, uniform, amount, low, high):
    """Put a share of the cells to their column's least or largest value."""
    extreme = torch.where(uniform < amount / 2, low, high)
    return torch.where(uniform < amount, extreme, rows)


def swap(rows, uniform, amount, donors):
    """Take a share of the cells from the same column of other rows."""
    n_donors, width = donors.shape
    position = uniform * (n_donors / amount.clamp(min=torch.finfo(rows.dtype).tiny))
    position = position.clamp(max=n_donors - 1).long() * width
    position += torch.arange(width, device=rows.device)
    return torch.where(uniform < amount, donors.reshape(-1)[position], rows)


KINDS = {
    "gaussian": add_noise,
    "masking": mask,
    "salt_and_pepper": salt_and_pepper,
    "step_masking": mask_steps,
    "swap": swap,
}


def make_corruption(kind, amount, source, weight, n_channels=1):
    """Return the corruption of a kind for the rows of a source.

    Parameters
    ----------
    kind : str
    amount : ndarray of shape (d,)
    source : LazyRows on the CPU
    weight : ndarray of shape (n,)
    n_channels : int, default=1
        Columns of a step, side by side.
    """
    if kind == "swap":
        facts = {"donors": _donors(source, weight)}
    elif kind == "salt_and_pepper":
        facts = _extremes(source)
    elif kind == "step_masking":
        columns = np.arange(source.n_features)
        facts = {"first": (columns - columns % n_channels).astype(float)}
    else:
        facts = {}
    return Corruption(kind, amount, facts)


def _donors(source, weight):
    n_donors = max(2, min(DONOR_ROWS, DONOR_BYTES // (8 * source.n_features)))
    index = rows_by_weight(weight, content_ranks(source.X, DONOR_SEED), n_donors)
    return source.take(torch.from_numpy(index)).numpy()


def _extremes(source):
    low, high = np.inf, -np.inf
    for block in blocks_of(source.n_rows, source.n_features):
        rows = source.read(block).numpy()
        low = np.minimum(low, rows.min(axis=0))
        high = np.maximum(high, rows.max(axis=0))
    return {"low": low, "high": high}
