r"""Covariance of few images, shrunk towards one that is the same all over the image.

Of fewer images than pixels the covariance :math:`S` has no rank to spare, and its later
axes are noise. In :math:`T` the covariance of two pixels follows from the offset
between them alone: the mean of :math:`S` over all pairs with this offset, the nearest
such matrix to :math:`S`. The shrunk covariance is :math:`(1 - a) S + a T` with

.. math::
    a = \min\left(1, \frac{\sum_i p_i \lVert x_i x_i^\top - S \rVert^2}
                          {(n - 1) \lVert S - T \rVert^2}\right),

the estimate of [1]_ of the weight with the least expected error, of any distribution of
the centred images :math:`x_i` and for any target. It follows from the images alone.

References
----------
.. [1] Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for
   large-dimensional covariance matrices. Journal of Multivariate Analysis, 88, 365-411.
"""

import torch

# Cells of padded images, at most, that are transformed at once.
BLOCK_CELLS = 2**22


class ShrunkCovariance:
    """Covariance of few images, shrunk; it is applied to vectors, never laid out.

    Parameters
    ----------
    rows : tensor of shape (n, height * width * n_channels)
        Centred images, scaled so that the sum of their squares is the covariance.
    shares : tensor of shape (n,)
        Weights of the images, whose sum is 1.
    n_rows : float
        Number of images that the weights amount to.
    grid_shape : tuple (height, width, n_channels)

    Attributes
    ----------
    amount : float
        Weight of the stationary covariance, from 0 to 1.
    total : float
        Trace.
    rank : int
        Pixels: whatever the number of images, all directions may have a variance.
    shape : tuple (rank, rank)
    """

    def __init__(self, rows, shares, n_rows, grid_shape):
        self.rows = rows
        self.rank = rows.shape[1]
        self.shape = self.rank, self.rank
        self.stationary = StationaryCovariance(rows, grid_shape)
        gram = rows @ rows.T
        # Of images scaled by the roots of their weights, as the covariance needs them.
        fourth = (gram.diagonal().square() / shares).sum()
        square = gram.square().sum()
        error = (fourth - square).clamp(min=0) / max(n_rows - 1, 1)
        distance = (square - self.stationary.square).clamp(min=0)
        # Rounding errors are no distance.
        near = distance <= 1e-12 * square
        self.amount = 0.0 if near else min(1.0, float(error / distance))
        self.total = float(gram.diagonal().sum())

    def __matmul__(self, vectors):
        image = self.rows.T @ (self.rows @ vectors)
        return (1 - self.amount) * image + self.amount * (self.stationary @ vectors)


class StationaryCovariance:
    """The nearest matrix to a covariance whose cells follow from the pixels' offsets.

    Pixels that never vary have no part in it: they keep their mean.

    Parameters
    ----------
    rows : tensor of shape (n, height * width * n_channels)
        Centred images, scaled so that the sum of their squares is the covariance.
    grid_shape : tuple (height, width, n_channels)

    Attributes
    ----------
    square : float
        Squared Frobenius norm.
    """

    def __init__(self, rows, grid_shape):
        self.grid_shape = grid_shape
        self.varies = rows.any(dim=0).to(rows.dtype)
        products = self._correlate(rows)
        pairs = self._correlate(self.varies.unsqueeze(0)).round()
        means = torch.where(pairs > 0, products / pairs.clamp(min=1), 0.0)
        self.square = float((means.square() * pairs).sum())
        self.spectrum = torch.fft.rfft2(means).conj()

    def __matmul__(self, vectors):
        return torch.cat([self._apply(part) for part in self._split(vectors.T)]).T

    def _apply(self, rows):
        spectrum = torch.einsum("cdhw,ndhw->nchw", self.spectrum, self._transform(rows))
        height, width, _ = self.grid_shape
        images = torch.fft.irfft2(spectrum, s=self._padded)[..., :height, :width]
        return images.permute(0, 2, 3, 1).reshape(len(rows), -1) * self.varies

    def _correlate(self, rows):
        """Return sums of products of pixels, by pair of channels and offset."""
        spectra = map(self._transform, self._split(rows))
        spectrum = sum(torch.einsum("nchw,ndhw->cdhw", s.conj(), s) for s in spectra)
        return torch.fft.irfft2(spectrum, s=self._padded)

    def _transform(self, rows):
        """Return the spectra of images, padded so that no offset wraps around."""
        height, width, n_channels = self.grid_shape
        images = (rows * self.varies).reshape(-1, height, width, n_channels)
        return torch.fft.rfft2(images.permute(0, 3, 1, 2), s=self._padded)

    @property
    def _padded(self):
        return tuple(2 * side for side in self.grid_shape[:2])

    def _split(self, rows):
        return rows.split(max(1, BLOCK_CELLS // (4 * rows.shape[1])))
