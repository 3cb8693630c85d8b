"""Outlier scores of images and sequences, whose residual counts alike everywhere."""

import numpy as np
import torch
from torch.nn import functional

from ._scorer import (
    TRIM,
    MahalanobisScorer,
    code_and_reconstruction,
    weighted_quantile,
)

# Error of a row, as a share of the mean row's, below which it is rounding errors.
ERROR_FLOOR = 1e-10

# Weights by which each pixel of a residual is averaged with its neighbours.
SMOOTHING = (0.25, 0.5, 0.25)

# Contrast, as a share of the mean row's, that is added to every row's, so that one
# without any is odd, but not infinitely so.
CONTRAST_SHARE = 0.1


class IsotropicScorer:
    r"""Distance of the code from the bulk and the squared error, for their contrast.

    .. math::
        s(x) = -\frac{1}{a(x)} \Bigl((z - \mu)^\top (\Sigma + \tau^2 I)^{-1} (z - \mu)
        + \lVert G (x - \hat x) \rVert^2 / (\sigma^2 + \tau^2)\Bigr)

    with the mean squared error :math:`\sigma^2` of a pixel. It is twice the
    log-likelihood of probabilistic PCA, up to a constant and with the network in the
    place of PCA, but for three things. The smoothing :math:`G` forgives a stroke that
    is off by less than a pixel. The noise :math:`\tau^2` keeps what hardly varies
    from having the say. And :math:`a(x)`, the standard deviation of the pixels of an
    image in units of the mean image's, stands for errors that grow with what there is
    to get wrong: without it a nearly empty image passes everywhere.

    The residual has one spread for all :math:`d` pixels. With one for each, the many
    pixels at the rim that hardly ever vary would have the say. Sequences are not
    smoothed, and divided where all are of one length; rows of a table and windows are
    neither.

    Attributes
    ----------
    image_shape : tuple (height, width, n_channels) or None
        None if rows are no images, and are not smoothed.
    n_channels : int or None
        Of images, and of sequences of one length; None if rows are not divided.
    mean : ndarray of shape (n_features,) or None
        Mean training row, in the units of the rows. They come without it.
    noise_share : float
        Variance of the noise, as a share of the largest variance of the codes.
    unit : ndarray of shape (n_features,) or None
        By which the residual of each column counts; None counts standardised rows'.
    trim : float
        Share of the rows, the farthest ones, that are left out.
    codes : MahalanobisScorer
    noise : float
        Mean squared error of a pixel in the bulk of the training rows, plus the noise.
    n_cells : float
        Mean number of cells of the training rows.
    contrast : float
        Mean contrast of the training rows.
    share_trimmed : float
        Share of the rows whose codes were left out.
    """

    # Distances in units of small spreads need all digits there are.
    takes_float32 = False

    def __init__(
        self,
        image_shape=None,
        n_channels=None,
        mean=None,
        noise_share=0.0,
        unit=None,
        trim=TRIM,
    ):
        self.image_shape = image_shape
        self.n_channels = n_channels
        self.mean = mean
        self.noise_share = noise_share
        self.unit = unit
        self.trim = trim

    def fit(self, codes, errors, contrasts, energies, cells, weight, evidence, floor):
        """Learn the bulk of the training rows.

        Parameters
        ----------
        codes : ndarray of shape (n, n_components)
        errors, contrasts, energies, cells : ndarray of shape (n,)
            Of each row, as :meth:`read` returns them.
        weight : ndarray of shape (n,)
        evidence : float
            Number of distinct rows the weights amount to.
        floor : float
            Spread of a component below which it is rounding errors.
        """
        of_codes, of_pixels = self._noise(codes, energies, weight)
        self.codes = MahalanobisScorer(of_codes, self.trim).fit(
            codes, weight, evidence, floor
        )
        near = errors <= weighted_quantile(errors, weight, 1 - self.trim)
        self.share_trimmed = self.codes.share_trimmed
        self.noise = float(np.average(errors[near], weights=weight[near])) + of_pixels
        self.noise = max(self.noise, ERROR_FLOOR)
        self.n_cells = float(np.average(cells, weights=weight))
        self.contrast = max(float(np.average(contrasts, weights=weight)), ERROR_FLOOR)
        return self

    def _noise(self, codes, energies, weight):
        """Return the variance of the noise, in units of the codes and of the pixels.

        Reconstructions have as much variance as the codes, in the units of the pixels.
        """
        if not self.noise_share:
            return 0.0, 0.0
        center = np.average(codes, axis=0, weights=weight)
        variances = np.average((codes - center) ** 2, axis=0, weights=weight)
        of_codes = self.noise_share * float(variances.max())
        total = max(float(variances.sum()), np.finfo(float).tiny)
        energy = float(np.average(energies, weights=weight))
        return of_codes, of_codes * energy / total

    def score_rows(self, network, loss, rows):
        """Return the scores of standardised rows, read by a network."""
        return self.score(*self.read(network, rows))

    def score(self, codes, errors, contrasts, energies, cells):
        """Return the scores of rows, of shape (n,), from what :meth:`read` returned."""
        with np.errstate(over="ignore", invalid="ignore"):
            distance = errors * (self.n_cells / self.noise) - self.codes.score(codes)
            distance /= self.amplitude(contrasts)
        # Rows beyond the range of floats are as far out as can be.
        return -np.where(np.isnan(distance), np.inf, distance)

    def amplitude(self, contrasts):
        """Return the standard deviations of rows, in units of the mean row's."""
        share = contrasts / self.contrast
        return np.sqrt((share + CONTRAST_SHARE) / (1 + CONTRAST_SHARE))

    @torch.no_grad()
    def read(self, network, rows, code=None):
        """Return what scores are made of.

        Parameters
        ----------
        network : torch module
        rows : tensor of shape (n, n_features)
            Standardised.
        code : tensor of shape (n, n_components), default=None
            Raw codes of the rows where they are known, of a dense network.

        Returns
        -------
        codes : ndarray of shape (n, n_components)
            Raw ones.
        errors : ndarray of shape (n,)
            Mean squared error of the cells, of images smoothed.
        contrasts : ndarray of shape (n,)
            Variance within each image or sequence; 1 where rows are not divided.
        energies : ndarray of shape (n,)
            Sum of squares of the reconstruction.
        cells : ndarray of shape (n,)
            Number of cells that the error is the mean of.
        """
        code, reconstruction = code_and_reconstruction(network, rows, code)
        residual = rows - reconstruction
        if self.unit is not None:
            unit = torch.from_numpy(self.unit).to(rows)
            residual, reconstruction = residual * unit, reconstruction * unit
        energies = reconstruction.square().sum(dim=1)
        if self.image_shape is not None:
            residual = smooth(residual.unflatten(1, self.image_shape)).flatten(1)
        lengths = network.lengths_of(rows)
        contrasts = self._contrasts(rows)
        cells = torch.full((len(rows),), rows.shape[1]).to(rows)
        if lengths is not None:
            cells = (lengths * network.n_channels).to(rows)
        errors = residual.square().sum(dim=1) / cells
        parts = code, errors, contrasts, energies, cells
        return tuple(part.cpu().numpy().astype(np.float64) for part in parts)

    def _contrasts(self, rows):
        """Return the variance in each row, a mean over its channels."""
        if self.n_channels is None:
            return torch.ones(len(rows))
        rows = rows + torch.from_numpy(self.mean).to(rows)
        cells = rows.unflatten(1, (-1, self.n_channels))
        return cells.var(dim=1, correction=0).mean(dim=1)


def smooth(images):
    """Average each pixel with its neighbours; beyond the rim there is nothing.

    Parameters
    ----------
    images : tensor of shape (n, height, width, n_channels)

    Returns
    -------
    images : tensor of the same shape
    """
    for axis in (1, 2):
        before, middle, after = SMOOTHING
        padding = [0, 0] * (3 - axis) + [1, 1]
        padded = functional.pad(images, padding)
        side = images.shape[axis]
        images = (
            before * padded.narrow(axis, 0, side)
            + middle * images
            + after * padded.narrow(axis, 2, side)
        )
    return images
