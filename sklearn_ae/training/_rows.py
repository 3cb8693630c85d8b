"""Row sources: where batches come from, whatever holds the rows.

A source hands out standardised float rows on the device. The network never sees the
user's units: columns twelve orders of magnitude apart reach it alike.
"""

import warnings
from typing import Protocol

import numpy as np
import torch
from scipy import sparse

# Bounds of one block of rows while passing over all of them.
BLOCK_BYTES = 2**24
BLOCK_ROWS = 8192


class RowSource(Protocol):
    """What training asks of a source of rows."""

    n_rows: int
    n_features: int

    def take(self, index):
        """Return the rows at a tensor of positions, ``(*index.shape, d)``."""


class RowView:
    """Some rows of an array on disk, by position, none of which is read before use.

    Parameters
    ----------
    X : memory-mapped array of shape (n, n_features)
    index : ndarray of int
    """

    def __init__(self, X, index):
        self.base = X
        self.index = index
        self.shape = (len(index), X.shape[1])
        self.dtype = X.dtype

    def __getitem__(self, block):
        return self.base[self.index[block]]


def rows_at(X, index):
    """Return the rows of ``X`` at ``index``; all of them are ``X`` itself."""
    if len(index) == X.shape[0]:
        return X
    return RowView(X, index) if is_memory_mapped(X) else X[index]


class ResidentRows:
    """All rows standardised once and kept on the device."""

    def __init__(self, X, scaling, dtype, device):
        self.n_rows, self.n_features = X.shape
        self.rows = torch.empty(X.shape, dtype=dtype, device=device)
        standardize = scaling.standardizer(dtype, device)
        for block in blocks_of(*X.shape):
            self.rows[block] = standardize(X[block])

    def take(self, index):
        """Return the rows at ``index``, which may be on another device."""
        index = index.to(self.rows.device)
        if index.dim() == 1:
            return self.rows.index_select(0, index)  # a third of the time
        return self.rows[index]


class LazyRows:
    """Rows read and standardised batch by batch.

    Sparse or memory-mapped ones, and those that the device cannot hold all at once.
    """

    def __init__(self, X, scaling, dtype, device):
        self.n_rows, self.n_features = X.shape
        self.X, self.scaling, self.dtype, self.device = X, scaling, dtype, device
        self.standardize = scaling.standardizer(dtype, device)

    def on(self, device):
        """Return the same rows on another device."""
        return LazyRows(self.X, self.scaling, self.dtype, device)

    def read(self, block):
        """Return the rows of a slice."""
        return self.standardize(self.X[block])

    def take(self, index):
        """Read the rows at ``index``, in the order in which they lie on disk."""
        flat = index.reshape(-1).cpu().numpy()
        if is_run(flat):
            rows = self.read(slice(flat[0], flat[-1] + 1))
            return rows.reshape(*index.shape, self.n_features)
        order = np.argsort(flat, kind="stable")
        rows = self.read(flat[order])
        rows = rows[torch.from_numpy(np.argsort(order)).to(self.device)]
        return rows.reshape(*index.shape, self.n_features)


def is_run(index):
    """Whether positions are consecutive: of all rows of a block, most often."""
    n_rows = len(index)
    if not n_rows or index[-1] - index[0] != n_rows - 1:
        return False
    return bool((np.diff(index) == 1).all())


def make_source(X, scaling, dtype, device):
    """Return the source that suits how ``X`` is held, and what the device can hold."""
    if not (sparse.issparse(X) or is_memory_mapped(X)):
        try:
            return ResidentRows(X, scaling, dtype, device)
        except torch.OutOfMemoryError:  # smaller batches would be no remedy
            warnings.warn(
                f"{X.shape[0]} rows of {X.shape[1]} columns do not fit into the memory "
                f"of device={str(device)!r}, and are copied there batch by batch.",
                stacklevel=2,
            )
    return LazyRows(X, scaling, dtype, device)


def is_memory_mapped(X):
    """Whether an array's data lie in a mapped file, also under views of it."""
    while X is not None:
        if isinstance(X, np.memmap):
            return True
        X = getattr(X, "base", None)
    return False


def blocks_of(n_rows, n_features):
    """Yield slices that cut ``n_rows`` rows into blocks of bounded size."""
    size = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (8 * max(1, n_features))))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


# Bytes of a number for which kinds of networks give their rows of a block.
WIDE_BYTES = 8


def map_blocks(function, rows, kind, out):
    """Fill ``out`` with a function of rows, computed in blocks.

    The last block is filled with zeros if the kind asks for it. Products of other
    shapes differ in their last bits, and where these then are rounded to float32, they
    differ in more.

    Parameters
    ----------
    function : callable
        Takes a tensor of rows and returns an array of as many.
    rows : tensor of shape (n, n_features)
    kind : NetworkKind
    out : ndarray of shape (n, ...)
    """
    if len(rows) == small_size(kind, rows.dtype):  # as most often
        out[:] = function(rows)
        return
    start = 0
    for n_rows, part in small_blocks(rows, kind):
        out[start : start + n_rows] = function(part)[:n_rows]
        start += n_rows


def small_blocks(rows, kind):
    """Yield the blocks in which a kind of network reads rows, and how many each has.

    Parameters
    ----------
    rows : tensor of shape (n, n_features)
    kind : NetworkKind

    Yields
    ------
    n_rows : int
    block : tensor of shape (n_rows, n_features), or longer by rows of zeros
    """
    size = small_size(kind, rows.dtype)
    for block in rows.split(size):
        n_rows = len(block)
        if kind.fills_blocks and n_rows < size:
            block = torch.nn.functional.pad(block, (0, 0, 0, size - n_rows))
        yield n_rows, block


def small_size(kind, dtype):
    """Return how many rows in a float of torch a kind of network reads at once."""
    if kind.fills_blocks:
        return kind.block_size
    # Of narrow numbers more rows fit the cache, and each block is that much less work.
    return kind.block_size * (WIDE_BYTES // dtype.itemsize) ** 2


def parts_of(block, size):
    """Yield slices of ``size`` rows, or fewer in the end, that make up a block."""
    for start in range(block.start, block.stop, size):
        yield slice(start, min(start + size, block.stop))


def weighted_sum(weight, rows):
    """Return the sum of weighted rows, or of weighted numbers, as an array.

    Not ``weight @ rows``: NumPy's BLAS splits that sum by the threads of the
    environment, and the last bits follow.
    """
    return np.einsum("i,i...->...", weight, rows)


def dense_block(X, block):
    """Return a block of rows as a dense float64 array, whatever holds them."""
    rows = X[block]
    if sparse.issparse(rows):
        rows = rows.toarray()
    return np.asarray(rows, dtype=np.float64)
