"""Rows as an encoder will read them, and without their repetitions."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import clone

from ._autoencoder import Autoencoder
from ._compat import check_sample_weight, safe_indexing
from ._pretrained import pretrained, unwrapped
from .training import content_ranks


class Distinct(NamedTuple):
    """Rows of different contents, and what each weighs.

    Attributes
    ----------
    X : array-like
        As it was given, or some of its rows.
    weight : ndarray of shape (n_distinct,)
        Above zero.
    """

    X: object
    weight: np.ndarray


def rows_as_read(owner, X):
    """Return ``X`` as checked rows, as the parameter ``encoder`` will read them.

    Parameters
    ----------
    owner : estimator
        Has the parameter ``encoder``; None stands for one of tables.
    X : array-like

    Returns
    -------
    rows : ndarray or CSR matrix of shape (n, n_features)
    """
    encoder = unwrapped(owner)
    if encoder is not None and encoder.__sklearn_is_fitted__():
        # Of other columns it says so.
        encoder = pretrained(owner, X, None, usual=None, random_state=None)
        return encoder._read(X)
    reader = Autoencoder() if encoder is None else clone(encoder)
    if hasattr(reader._layout, "draw"):
        raise ValueError(
            f"encoder={owner.encoder!r} trains on patches of images, and whole images "
            "have no codes that could form clusters. Leave patch_size out; for "
            "clusters of patches fit it first, and give patches as X."
        )
    return reader._layout.read(reader, X, reset=True, min_rows=2)


def distinct_rows(X, rows, sample_weight, seed):
    """Return each row of some weight once, with the summed weight of its likes.

    Rows that were repeated or weighted come in an order that their contents decide, so
    that a row given twice is a row of weight two to the last bit.

    Parameters
    ----------
    X : array-like
        The rows as given.
    rows : ndarray or CSR matrix of shape (n, n_features)
        The same, checked.
    sample_weight : array-like of shape (n,) or None
    seed : int
        Of the order.

    Returns
    -------
    distinct : Distinct
    """
    weight = check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True
    )
    group = content_ranks(rows, seed)
    first = np.unique(group, return_index=True)[1]
    if sample_weight is None and len(first) == len(group):
        return Distinct(X, weight)
    if not 1e-50 < weight.max() < 1e50:  # whose squares are no numbers
        weight = weight / (weight.max() or 1.0)
    mass = np.bincount(group, weight)
    counts = mass > 0
    if sparse.issparse(X):
        X = X.tocsr()
    elif not hasattr(X, "__getitem__"):
        X = np.asarray(X)
    return Distinct(safe_indexing(X, first[counts]), mass[counts])
