"""Weighted PCA in torch: the linear autoencoder that every network starts from.

scikit-learn's PCA takes no weights, no sparse blocks and no memory map, and its bits
follow from the number of BLAS threads of the environment.
"""

import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from ._linalg import eigh
from ._stationary import ShrunkCovariance
from .training import CPU, LazyRows, blocks_of

# Largest side of a matrix whose spectrum is computed exactly.
EXACT_SIDE = 2048

# Largest matrix of rows that is held whole for it, in cells.
EXACT_CELLS = 2**26

# Cells of rows, at most, that are read once for all that is asked of them.
KEPT_CELLS = 2**22

# Multiplications of a covariance from which a GPU is worth the way there, if the fit is
# on one.
GPU_PRODUCTS = 2**32

# Power iterations of the randomised solver, and axes it carries beyond those asked for.
N_ITERATIONS = 6
OVERSAMPLING = 10


class Principal(NamedTuple):
    """Mean, principal axes and spectrum of weighted rows.

    Attributes
    ----------
    mean : tensor of shape (d,)
    axes : tensor of shape (k, d)
        Orthonormal rows, by falling variance; zero beyond the number of columns.
    variances : tensor of shape (k,)
    total : float
        Sum of the variances of all columns.
    rank : float
        Directions, at most, that have a variance: columns, or rows if these are fewer.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor
    total: float
    rank: float


class Rows:
    """Weighted float64 rows of a source, read in blocks.

    Parameters
    ----------
    source : RowSource
    weight : tensor of shape (n,)
        Its sum may be anything above zero.
    metric : tensor of shape (d,)
        The unit of each column: PCA is of ``rows * metric``.
    grid_shape : tuple (height, width, n_channels) or None
        Of images; None where columns are no neighbours of each other.
    device : torch device
        Where a covariance is added up that takes long.
    """

    def __init__(self, source, weight, metric, grid_shape=None, device=CPU):
        self.source = source
        self.device = device
        self.metric = metric
        self.grid_shape = grid_shape
        self.n_rows = count_rows(weight.numpy())
        self.rank = min(self.n_rows, source.n_features)
        keep = torch.nonzero(weight > 0).squeeze(1)
        block = next(blocks_of(len(keep), source.n_features))
        self.index = keep.split(block.stop)
        self.weight = (weight[keep] / weight.sum()).split(block.stop)
        self.shape = (len(keep), source.n_features)

    def have_gram(self):
        """Whether the rows are few enough to compare each with each."""
        n_rows, n_features = self.shape
        return n_rows <= EXACT_SIDE and n_rows * n_features <= EXACT_CELLS

    def are_few_images(self):
        """Whether the rows are images, and fewer than each has pixels."""
        is_few = self.n_rows < self.shape[1] and self.have_gram()
        return self.grid_shape is not None and is_few

    def __iter__(self):
        few = self.shape[0] * self.shape[1] <= KEPT_CELLS
        return iter(self._kept) if few else self._read()

    @cached_property
    def _kept(self):
        return list(self._read())

    def _read(self):
        for index, weight in zip(self.index, self.weight, strict=True):
            rows = self.source.take(index).to(weight.dtype)
            yield rows * self.metric, weight

    def mean(self):
        """Return the weighted mean row."""
        return sum(weight @ rows for rows, weight in self._where_fast()).cpu()

    def centered(self, mean):
        """Yield blocks scaled so that the sum of their squares is the covariance."""
        for rows, weight in self:
            yield (rows - mean) * weight.sqrt().unsqueeze(1)

    def covariance(self, mean):
        """Return the weighted covariance of the columns around a mean row."""
        rows = self._where_fast()
        blocks = rows.centered(mean.to(rows.metric.device))
        return sum(block.T @ block for block in blocks).cpu()

    def _where_fast(self):
        """Return these rows, or a copy whose blocks are on the GPU of the fit."""
        n_products = self.shape[0] * self.shape[1] ** 2
        is_there = self.device.type == "cuda" and isinstance(self.source, LazyRows)
        if not is_there or n_products < GPU_PRODUCTS:
            return self
        there = copy.copy(self)
        vars(there).pop("_kept", None)
        there.source = self.source.on(self.device)
        there.metric = self.metric.to(self.device)
        there.weight = [part.to(self.device) for part in self.weight]
        return there


def fit_principal(rows, n_components, seed):
    """Return the PCA of :class:`Rows`.

    Of fewer images than pixels it is the PCA of their shrunk covariance.

    Parameters
    ----------
    rows : Rows
    n_components : int or float
        A number of axes, or the share of variance in (0, 1) they must explain.
    seed : int
        Start of the randomised solver, used where both sides exceed ``EXACT_SIDE``,
        and of shrunk covariances.
    """
    mean = rows.mean()
    if rows.are_few_images():
        covariance = shrunk_covariance(rows, mean)
        if covariance.amount:
            principal = _randomized(covariance, mean, n_components, seed)
            return principal._replace(axes=complete(principal.axes, seed))
    n_rows, n_features = rows.shape
    if n_features <= EXACT_SIDE and n_features <= n_rows:
        variances, axes = _from_covariance(rows, mean)
    elif rows.have_gram():
        variances, axes = _from_gram(rows, mean)
    else:
        return _randomized(Covariance(rows, mean), mean, n_components, seed)
    total = float(variances.sum())
    k = count_components(variances, total, n_components)
    axes, variances = _leading(variances, axes, k)
    return Principal(mean, complete(axes, seed), variances, total, rows.rank)


def covariance_of(rows):
    """Return the mean and the covariance of :class:`Rows`; of few images the shrunk."""
    mean = rows.mean()
    if rows.are_few_images():
        identity = torch.eye(rows.shape[1], dtype=mean.dtype)
        return mean, shrunk_covariance(rows, mean) @ identity
    return mean, rows.covariance(mean)


def shrunk_covariance(rows, mean):
    """Return the :class:`ShrunkCovariance` of few images."""
    matrix = torch.cat(list(rows.centered(mean)))
    return ShrunkCovariance(
        matrix, torch.cat(rows.weight), rows.n_rows, rows.grid_shape
    )


class Covariance:
    """The covariance of :class:`Rows`, applied to vectors block by block of the rows.

    Attributes
    ----------
    total : float
        Trace.
    rank : float
        Directions, at most, that have a variance.
    shape : tuple (n_features, side)
        Rows, and columns, at most, that are independent.
    """

    def __init__(self, rows, mean):
        self.rows = rows
        self.mean = mean
        self.rank, self.shape = rows.rank, (rows.shape[1], min(rows.shape))
        blocks = rows.centered(mean)
        self.total = sum(float(block.square().sum()) for block in blocks)

    def __matmul__(self, vectors):
        blocks = self.rows.centered(self.mean)
        return sum(block.T @ (block @ vectors) for block in blocks)


def _from_covariance(rows, mean):
    variances, vectors = eigh(rows.covariance(mean))
    real = _is_real(variances, rows.shape)
    return variances * real, vectors.T * real.unsqueeze(1)


def _from_gram(rows, mean):
    """Solve the smaller problem when there are fewer rows than columns."""
    matrix = torch.cat(list(rows.centered(mean)))
    variances, vectors = eigh(matrix @ matrix.T)
    real = _is_real(variances, rows.shape)
    safe = torch.where(real, variances, torch.ones_like(variances))
    axes = (vectors.T @ matrix) / safe.sqrt().unsqueeze(1)
    return variances * real, axes * real.unsqueeze(1)


def _is_real(variances, shape):
    """Whether variances exceed the rounding of the largest; other axes are noise."""
    rounding = max(shape) * torch.finfo(variances.dtype).eps
    return variances > variances[0].clamp(min=0) * rounding


def _randomized(covariance, mean, n_components, seed):
    """Subspace iteration (Halko, Martinsson and Tropp, 2011), one pass per iteration.

    A share of variance is met by doubling the number of axes until they explain it.
    """
    total, side = covariance.total, covariance.shape[1]
    k = n_components if isinstance(n_components, int) else 64
    while True:
        size = min(k + OVERSAMPLING, side)
        variances, axes = _subspace(covariance, size, mean, seed)
        count = count_components(variances, total, n_components)
        if isinstance(n_components, int) or count < size or size == side:
            axes, variances = _leading(variances, axes, count)
            return Principal(mean, axes, variances, total, covariance.rank)
        k *= 2


def leading_axes(matrix, n_axes, seed):
    """Return the largest eigenvalues of ``matrix.T @ matrix``, and their axes.

    Parameters
    ----------
    matrix : tensor of shape (n, d)
    n_axes : int
        No more than either side of the matrix come back.
    seed : int
        Start of the randomised solver.

    Returns
    -------
    values : tensor of shape (k,)
        By falling value.
    axes : tensor of shape (k, d)
        Orthonormal rows.
    """
    product = _Product(matrix)
    size = min(n_axes + OVERSAMPLING, *matrix.shape)
    values, axes = _subspace(product, size, matrix, seed)
    return values[:n_axes], axes[:n_axes]


class _Product:
    """``matrix.T @ matrix``, applied to vectors."""

    def __init__(self, matrix):
        self.matrix = matrix
        self.shape = (matrix.shape[1], min(matrix.shape))

    def __matmul__(self, vectors):
        return self.matrix.T @ (self.matrix @ vectors)


def _subspace(covariance, size, like, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = covariance.shape[0], size
    start = torch.randn(shape, generator=generator, dtype=torch.float32).to(like)
    basis = torch.linalg.qr(start).Q
    for _ in range(N_ITERATIONS):
        basis = torch.linalg.qr(covariance @ basis).Q
    small = basis.T @ (covariance @ basis)
    variances, vectors = eigh((small + small.T) / 2)
    return variances.clamp(min=0), (basis @ vectors).T


def count_components(variances, total, n_components):
    """Return the number of axes asked for, as PCA counts a share of variance."""
    if isinstance(n_components, int):
        return n_components
    if total == 0:
        return 1
    shares = torch.cumsum(variances, 0) / total
    return min(int((shares <= n_components).sum()) + 1, len(variances))


def _leading(variances, axes, k):
    """Return the first ``k`` variances and axes, padded with zeros, signs settled."""
    missing = max(0, k - len(variances))
    variances = torch.cat([variances[:k], variances.new_zeros(missing)])
    axes = torch.cat([axes[:k], axes.new_zeros(missing, axes.shape[1])])
    return axes * loading_signs(axes).unsqueeze(1), variances


def complete(axes, seed):
    """Replace zero axes by random ones, orthonormal to all others while there are any.

    Beyond the rank of the training rows any axis is as good as another, and better
    than none: new rows may leave the span of the training rows.
    """
    missing = ~axes.any(dim=1)
    n_free = min(int(missing.sum()), axes.shape[1] - int((~missing).sum()))
    if n_free <= 0:
        return axes
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(axes.shape[1], n_free, generator=generator, dtype=axes.dtype)
    for _ in range(2):  # once leaves rounding errors of the first projection
        draw = torch.linalg.qr(draw - axes.T @ (axes @ draw)).Q
    axes = axes.clone()
    axes[torch.nonzero(missing).squeeze(1)[:n_free]] = draw.T
    return axes


def loading_signs(axes):
    """Return the sign of each axis that makes its largest loading positive.

    The convention of scikit-learn's PCA: codes come out with the same signs.
    """
    largest = axes.abs().argmax(dim=1, keepdim=True)
    signs = axes.gather(1, largest).squeeze(1).sign()
    return torch.where(signs == 0, torch.ones_like(signs), signs)


def count_rows(weight):
    """Return the number of rows that weights amount to; whole weights count rows."""
    n_rows = weight.sum()
    if weight.max() > 1e9 or not np.array_equal(weight, np.round(weight)):
        n_rows = n_rows**2 / np.square(weight).sum()
    return float(n_rows)


def unbiased(n_rows):
    """Return what a variance is multiplied by to be divided by n - 1 instead of n."""
    return n_rows / max(n_rows - 1, 1)
