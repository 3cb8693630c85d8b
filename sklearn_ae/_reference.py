"""A bounded sample of a stream, from which scores and thresholds are refitted."""

import numpy as np

from .training import column_moments, dense_block, row_keys

# Rows that are kept.
REFERENCE_ROWS = 2048


class Reference:
    """A uniform sample of a stream, bounded: the rows with the smallest hash keys.

    No random draws, and the same sample in whatever blocks the rows come.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
    weight : ndarray of shape (n,)
    n_seen : int
        Rows of the stream so far.
    mean : ndarray of shape (n_features,)
        Weighted mean of all rows so far.
    """

    def __init__(self, n_features, seed):
        self.seed = seed
        self.rows = np.empty((0, n_features))
        self.weight = np.empty(0)
        self.keys = np.empty(0, dtype=np.uint64)
        self.n_seen, self.mass = 0, 0.0
        self.mean = np.zeros(n_features)

    def extended(self, X, weight):
        """Return the sample after another block; this one stays as it is."""
        after = Reference(X.shape[1], self.seed)
        keys = row_keys(X, self.seed)
        near = np.sort(np.argsort(keys, kind="stable")[:REFERENCE_ROWS])
        all_keys = np.concatenate([self.keys, keys[near]])
        best = np.argsort(all_keys, kind="stable")[:REFERENCE_ROWS]
        after.keys = all_keys[best]
        after.rows = np.concatenate([self.rows, dense_block(X, near)])[best]
        after.weight = np.concatenate([self.weight, weight[near]])[best]
        after.n_seen = self.n_seen + len(weight)
        after.mass = self.mass + weight.sum()
        block_mean, _ = column_moments(X, weight)
        after.mean = self.mean + (block_mean - self.mean) * (weight.sum() / after.mass)
        return after
