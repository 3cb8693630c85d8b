"""The units of sequences of several lengths."""

import numpy as np
import torch

from .training import Scaling, blocks_of, check_range, dense_block, weighted_sum


def lengths_of(rows):
    """Return the numbers of steps of rows of several lengths."""
    return np.rint(rows[:, -1]).astype(int)


def steps_inside(rows, n_channels):
    """Return which steps each row has, of shape ``(n, n_steps)``."""
    n_steps = (rows.shape[1] - 1) // n_channels
    return np.arange(n_steps) < lengths_of(rows)[:, None]


class SequenceScaling(Scaling):
    """Units of each channel, for rows of any number of steps.

    Parameters
    ----------
    mean, std : ndarray of shape (n_features,)
        Of the training rows' columns: equal ones for all steps of a channel; 0 and 1
        for the length.
    n_channels : int
    """

    def __init__(self, mean, std, n_channels):
        super().__init__(mean, std)
        self.n_channels = n_channels

    def standardizer(self, dtype, device):
        """Return what makes a tensor of rows; steps behind the end are zero."""
        return lambda rows: torch.tensor(
            self._standardized(rows), dtype=dtype, device=device
        )

    def _standardized(self, rows):
        rows = np.array(rows, dtype=np.float64)
        inside = steps_inside(rows, self.n_channels)
        cells = rows[:, :-1].reshape(len(rows), -1, self.n_channels)
        mean, std = self.mean[: self.n_channels], self.std[: self.n_channels]
        cells -= mean
        cells /= std
        cells[~inside] = 0.0
        return rows

    def restore(self, rows):
        """Return standardised rows in the user's units; behind the end are zeros."""
        rows = rows.cpu().numpy().astype(np.float64)
        inside = steps_inside(rows, self.n_channels)
        cells = rows[:, :-1].reshape(len(rows), -1, self.n_channels)
        cells *= self.std[: self.n_channels]
        cells += self.mean[: self.n_channels]
        cells[~inside] = 0.0
        return rows


def fit_sequence_scaling(X, weight, n_channels):
    """Return the :class:`SequenceScaling` of rows, and the variance of each column.

    About one mean for all steps of a channel: where lengths differ, steps of the same
    number are no columns of a table. What varies behind the end of a sequence, and the
    length itself, counts nothing.
    """
    mass, mean = channel_means(X, weight, n_channels)
    squares = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for cells, inside, w in _blocks(X, weight, n_channels):
            centered = (cells - mean) * inside[:, :, None]
            squares = squares + weighted_sum(w, centered**2)
    check_range(mean, squares.sum(axis=0))
    variance = squares / weight.sum()
    std = np.sqrt(squares.sum(axis=0) / mass)
    rounding = 1e-12 * np.abs(mean)
    is_constant = std <= rounding
    variance = np.append(np.where(is_constant, 0.0, variance).ravel(), 0.0)
    std = np.where(is_constant, 1.0, std)
    n_steps = (len(variance) - 1) // n_channels
    tiled = (np.tile(part, n_steps) for part in (mean, std))
    mean, std = (np.append(part, end) for part, end in zip(tiled, (0, 1), strict=True))
    return SequenceScaling(mean, std, n_channels), variance


def channel_means(X, weight, n_channels):
    """Return the weight of all steps there are, and each channel's mean over them."""
    mass, total = 0.0, np.zeros(n_channels)
    for cells, inside, w in _blocks(X, weight, n_channels):
        mass += float(weighted_sum(w, inside.sum(axis=1)))
        total += weighted_sum(w, cells.sum(axis=1))
    return mass, total / mass


def _blocks(X, weight, n_channels):
    for block in blocks_of(*X.shape):
        rows = dense_block(X, block)
        cells = rows[:, :-1].reshape(len(rows), -1, n_channels)
        yield cells, steps_inside(rows, n_channels), weight[block]
