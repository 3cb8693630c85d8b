"""From the user's units to the network's and back, column by column."""

import numpy as np
import torch
from scipy import sparse

from ._rows import blocks_of, dense_block, weighted_sum


class Scaling:
    """Column means and standard deviations, in the user's units.

    Parameters
    ----------
    mean, std : ndarray of shape (n_features,)
        ``std`` is 1 for constant columns.
    """

    def __init__(self, mean, std):
        self.mean = mean
        self.std = std

    def standardize(self, rows, dtype, device):
        """Return rows as a tensor in the network's units."""
        return self.standardizer(dtype, device)(rows)

    def standardizer(self, dtype, device):
        """Return what makes a tensor of rows: standard deviations from the mean.

        Centred in float64: in float32 a column such as a timestamp, whose mean is far
        larger than its spread, would lose its spread.
        """
        # torch's loops over short rows take half the time of NumPy's, and less where
        # these begin at addresses of its own. Copies, too, since torch warns of arrays
        # that are read-only, as those of a mapped pickle.
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        if device.type == "cuda":
            mean, std = mean.to(device), std.to(device)
            return lambda rows: (copied_to(device, rows) - mean).div_(std).to(dtype)

        def standardize(rows):
            if sparse.issparse(rows):
                rows = rows.toarray()
            flags = rows.flags
            # torch warns of arrays that are read-only, as those of a mapped file.
            if rows.dtype == np.float64 and flags.c_contiguous and flags.writeable:
                standardized = torch.from_numpy(rows) - mean
            else:
                # In torch's memory: on where it begins last bits of products may hang.
                standardized = torch.empty(rows.shape, dtype=torch.float64)
                standardized.numpy()[...] = rows
                standardized -= mean
            standardized /= std
            return standardized.to(device, dtype)

        return standardize

    def restore(self, rows):
        """Return a tensor of standardised rows as an array in the user's units."""
        rows = rows.cpu().numpy().astype(np.float64)
        rows *= self.std
        rows += self.mean
        return rows


def copied_to(device, rows):
    """Return rows as float64 on a GPU, to which they go as narrow as they are."""
    if sparse.issparse(rows):
        rows = rows.toarray()
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    # torch warns of arrays that are read-only, as those of a mapped file.
    rows = np.require(rows, requirements=["C", "W"])
    return torch.from_numpy(rows).to(device).double()


def column_moments(X, weight):
    """Return weighted column means and variances of ``X``, block by block.

    The blocks' moments are merged by the update of Chan, Golub and LeVeque (1983),
    which keeps its digits where the textbook difference of sums loses them.
    """
    n_features = X.shape[1]
    total, mean, sum_squares = 0.0, np.zeros(n_features), np.zeros(n_features)
    for block in blocks_of(*X.shape):
        rows, w = dense_block(X, block), weight[block]
        mass = w.sum()
        if mass == 0:
            continue
        block_mean = weighted_sum(w, rows) / mass
        delta = block_mean - mean
        sum_squares += weighted_sum(w, (rows - block_mean) ** 2)
        sum_squares += delta**2 * (total * mass / (total + mass))
        mean = mean + delta * (mass / (total + mass))
        total += mass
    return mean, sum_squares / total


def fit_scaling(X, weight):
    """Return the :class:`Scaling` of the training rows."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, variance = column_moments(X, weight)
    check_range(mean, variance)
    # Rounding leaves a constant column a tiny spread; amplified, it would be noise. The
    # bound is scikit-learn's, of StandardScaler.
    rounding = X.shape[0] * np.finfo(np.float64).eps
    constant = variance <= rounding * variance + (rounding * mean) ** 2
    variance = np.where(constant, 0.0, variance)
    return Scaling(mean, np.where(constant, 1.0, np.sqrt(variance))), variance


def shared_by_channel(scaling, variance, n_channels):
    """Return a :class:`Scaling` with one standard deviation for each channel.

    Parameters
    ----------
    scaling : Scaling
    variance : ndarray of shape (n_features,)
        Of columns whose channels come last.
    n_channels : int
    """
    by_channel = variance.reshape(-1, n_channels).mean(axis=0)
    std = np.where(by_channel > 0, np.sqrt(by_channel), 1.0)
    return Scaling(scaling.mean, np.tile(std, len(variance) // n_channels))


def check_range(mean, variance):
    """Refuse columns whose moments are no numbers."""
    columns = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(variance))
    if columns.size:
        raise ValueError(
            f"Input X has values whose squares exceed the range of float64, in "
            f"columns {columns[:10].tolist()}. Divide these columns by a large "
            "constant, or scale them, before fitting."
        )
