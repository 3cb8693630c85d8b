"""A bounded sample of a stream, from which scores and thresholds are refitted."""

import numpy as np

from .training import column_moments, dense_block, row_keys

# Rows that are kept, at most, and the memory they may take.
REFERENCE_ROWS, REFERENCE_BYTES = 1024, 2**22

# Keys that are looked at together: of very many rows all take much memory.
KEYS_AT_ONCE = 2**18


class Reference:
    """A uniform sample of rows, bounded: those whose positions have the smallest keys.

    A row's key is a hash of its position, so that the sample is the same in whatever
    blocks the rows come.

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

    def extended(self, X, weight, mean=None):
        """Return the sample after another block; this one stays as it is.

        ``mean`` is the block's weighted mean where that is known already.
        """
        after = Reference(X.shape[1], self.seed)
        most = max(2, min(REFERENCE_ROWS, REFERENCE_BYTES // (8 * X.shape[1])))
        near, keys = self._nearest(X.shape[0], most)
        all_keys = np.concatenate([self.keys, keys])
        best = np.argsort(all_keys)[:most]
        after.keys = all_keys[best]
        after.rows = np.concatenate([self.rows, dense_block(X, near)])[best]
        after.weight = np.concatenate([self.weight, weight[near]])[best]
        after.n_seen = self.n_seen + len(weight)
        after.mass = self.mass + weight.sum()
        if mean is None:
            mean, _ = column_moments(X, weight)
        after.mean = self.mean + (mean - self.mean) * (weight.sum() / after.mass)
        return after

    def _nearest(self, n_rows, most):
        """Return which of the next rows have the smallest keys, in order, and these."""
        near, keys = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.uint64)
        for start in range(0, n_rows, KEYS_AT_ONCE):
            rows = np.arange(start, min(start + KEYS_AT_ONCE, n_rows))
            positions = self.n_seen + rows.astype(np.float64)
            near = np.concatenate([near, rows])
            keys = np.concatenate([keys, row_keys(positions[:, None], self.seed)])
            best = np.sort(np.argsort(keys)[:most])
            near, keys = near[best], keys[best]
        return near, keys
