"""Scorers that have learned from the training rows of a fit."""

import numpy as np

from ..training import rows_by_weight
from ._isotropic import IsotropicScorer
from ._neighbors import NeighborScorer, n_references
from ._readings import read_rows
from ._scorer import TRIM, MahalanobisScorer
from ._token import TokenScorer

# Rows that a scorer learns from, at most, and the memory their features may take.
MAX_REFERENCE_ROWS, REFERENCE_BYTES = 20_000, 2**27

# Rounding, by and large: of raw codes, whose unit is the spread of all columns
# together, and of residuals, whose unit is the standard deviation of their column.
CODE_FLOOR, RESIDUAL_FLOOR = 1e-13, 1e-5


def feature_floor(network, scaling):
    """Return the spread of each score feature below which it is rounding errors."""
    codes = np.full(network.n_components, CODE_FLOOR)
    residuals = np.maximum(RESIDUAL_FLOOR, 4 * column_rounding(scaling))
    return np.concatenate([codes, residuals])


def column_rounding(scaling):
    """Return the rounding of each column in units of its standard deviation.

    Rows may come in float32, whose rounding grows with the column's mean.
    """
    return np.finfo(np.float32).eps * np.abs(scaling.mean) / scaling.std


def rounding_of(scaling):
    """Return the distance of a row from itself in float32, in standard deviations.

    The deviations from the mean are rounded, too, but less than is taken for nothing
    between any two rows.
    """
    return float(np.linalg.norm(column_rounding(scaling)))


def fit_mahalanobis(fitted, network, index, trim="auto"):
    """Return a scorer that has learned the bulk of some training rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.
    trim : "auto" or float, default="auto"
        Share of the rows, the farthest ones, that the score leaves out.

    Returns
    -------
    scorer : MahalanobisScorer
        Ready to score.
    """
    index = some_of(index, network.n_components + network.n_features)
    floor = feature_floor(network, fitted.scaling)
    scorer = MahalanobisScorer(trim=share_of(trim))
    return _learned(scorer, fitted, network, index, floor)


def fit_isotropic(
    fitted,
    network,
    index,
    trim="auto",
    image_shape=None,
    n_channels=None,
    noise_share=0.0,
    unit=None,
):
    """Return a scorer of the same rows whose residual has one spread.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.
    trim : "auto" or float, default="auto"
        Share of the rows, the farthest ones, that the score leaves out.
    image_shape : tuple (height, width, n_channels), default=None
        None if rows are no images.
    n_channels : int, default=None
        Of images, and of sequences of one length; None if rows are not divided by
        their contrast.
    noise_share : float, default=0
        Variance of the noise, as a share of the largest variance of the codes.
    unit : ndarray of shape (n_features,), default=None
        By which the residual of each column counts; None counts standardised rows'.

    Returns
    -------
    scorer : IsotropicScorer
        Ready to score.
    """
    index = some_of(index, network.n_components)
    scaling = fitted.scaling
    mean = None if n_channels is None else scaling.mean / scaling.std
    scorer = IsotropicScorer(
        image_shape, n_channels, mean, noise_share, unit, share_of(trim)
    )
    return _learned(scorer, fitted, network, index, CODE_FLOOR)


def fit_token_scorer(fitted, network, index, trim="auto"):
    """Return a scorer of rows of tokens.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.
    trim : "auto" or float, default="auto"
        Share of the rows, the farthest ones, that the score leaves out.

    Returns
    -------
    scorer : TokenScorer
        Ready to score.
    """
    index = some_of(index, network.n_components)
    scorer = TokenScorer(trim=share_of(trim))
    return _learned(scorer, fitted, network, index, CODE_FLOOR)


def _learned(scorer, fitted, network, index, floor):
    """Return a scorer of the bulk of rows, once it has learned those at ``index``."""
    return scorer.fit(
        *read_rows(fitted, network, index, scorer.read),
        fitted.weight[index],
        evidence=evidence_of(fitted, index),
        floor=floor,
    )


def fit_neighbors(fitted, network, index, trim="auto"):
    """Return a scorer that knows the neighbours of some training rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.
    trim : "auto" or float, default="auto"
        Share of the rows, the farthest ones, that the score leaves out. With "auto"
        those far from most count as far.

    Returns
    -------
    scorer : NeighborScorer
        Ready to score.
    """
    index = some_of(index, network.n_components + network.n_features)
    group = np.unique(fitted.plan.group[index], return_inverse=True)[1]
    most = n_references(2 * network.n_features + network.n_components)
    # Where all rows are equal, a row and its copy: no row is its own neighbour.
    most = max(2, min(most, group.max() + 1))
    index = index[rows_by_weight(fitted.weight[index], group, most)]
    scorer = NeighborScorer(trim)
    rows, places = np.unique(index, return_inverse=True)
    parts = read_rows(fitted, network, rows, scorer.read)
    floor = feature_floor(network, fitted.scaling)
    device = next(network.parameters()).device
    return scorer.fit(
        *(part[places] for part in parts),
        floor=floor,
        device=device,
        rounding=rounding_of(fitted.scaling),
    )


def share_of(trim):
    """Return the share of the rows that a robust covariance leaves out."""
    return TRIM if isinstance(trim, str) else trim


def some_of(index, width):
    """Return as many of the rows as a scorer learns from, chosen at random."""
    most = min(MAX_REFERENCE_ROWS, REFERENCE_BYTES // (8 * width))
    if len(index) <= most:
        return index
    rng = np.random.Generator(np.random.PCG64(0))
    # Without a permutation of all: they may be as many as fill the memory.
    return index[np.sort(rng.choice(len(index), most, replace=False, shuffle=False))]


def evidence_of(fitted, index):
    """Return the number of distinct rows that the weights amount to."""
    # Numbered anew: there may be few of very many.
    group = np.unique(fitted.plan.group[index], return_inverse=True)[1]
    mass = np.bincount(group, fitted.weight[index])
    share = mass / mass.sum()
    return 1 / np.square(share).sum()
