"""Rows as an encoder will read them, and without their repetitions."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from ._autoencoder import Autoencoder
from ._compat import check_sample_weight, safe_indexing
from ._pretrained import is_fitted, read_to_train, unwrapped
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
    if is_fitted(encoder):
        return read_to_train(owner, X)
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

    If all count alike they come in the order of their first appearance: weights of one
    are none, and a row of weight zero might as well not be there. Else in an order that
    their contents decide, so that a row given twice is a row of weight two to the last
    bit, wherever it was given.

    Parameters
    ----------
    X : array-like
        The rows as given; sparse ones in CSR format.
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
    if not 1e-50 < weight.max() < 1e50:  # whose squares are no numbers
        weight = weight / (weight.max() or 1.0)
    counts = np.flatnonzero(weight)
    group = content_ranks(rows, seed)[counts]
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    mass = np.bincount(group, weight[counts])
    if np.all(mass == mass[:1]):
        first, mass = np.sort(first), np.ones_like(mass)
    index = counts[first]
    if np.array_equal(index, np.arange(len(weight))):
        return Distinct(X, mass)
    return Distinct(safe_indexing(X, index), mass)


def check_differ(distinct, name):
    """Refuse rows of which no two differ."""
    n_distinct = len(distinct.weight)
    if n_distinct < 2:
        raise ValueError(
            f"X has {n_distinct} different row(s) of weight above zero, and {name} "
            "needs at least 2. Give rows that differ, or more rows a weight above zero."
        )
