"""Rows beside those of ``X``: checked before any training, and joined to them."""

import sys

import numpy as np
from scipy import sparse
from sklearn.base import clone

from ._autoencoder import Autoencoder
from ._pretrained import could_be_fitted, is_fitted, read_to_train, unwrapped


def check_rows(owner, X, more=None):
    """Refuse rows that the autoencoder could not read, before it is trained.

    Parameters
    ----------
    owner : estimator
        Has the parameter ``encoder``; named in errors.
    X : array-like
    more : array-like or None
        Rows that are to be joined to them.

    Returns
    -------
    n_features : int
    """
    encoder = unwrapped(owner)
    _check_takes_images(owner, encoder)
    if is_fitted(encoder):
        read_to_train(owner, X)
    else:
        encoder = Autoencoder() if encoder is None else clone(encoder)
        encoder._layout.read(encoder, X, reset=True, min_rows=2)
    if more is not None:
        _check_more(encoder, more)
    return encoder.n_features_in_


def _check_takes_images(owner, encoder):
    """Refuse an encoder of patches of images."""
    if encoder is not None and hasattr(encoder._layout, "draw"):
        raise ValueError(
            f"encoder={owner.encoder!r} learns patches of images, and "
            f"{type(owner).__name__} needs a code of each image. Give an encoder "
            "without patch_size."
        )


def _check_more(encoder, more):
    """Refuse rows that do not go with those that an encoder has read."""
    try:
        rows = encoder._layout.read(encoder, more, reset=False)
    except ValueError as error:
        if not could_be_fitted(encoder, more):
            raise ValueError(f"pretrain_on is out of order: {error}") from error
        raise ValueError(
            f"pretrain_on does not go with X: {error} Give rows of the same columns."
        ) from error
    if is_fitted(encoder):  # one that is not sees all of them in its fit
        encoder._layout.check_block(encoder, rows)
        encoder._check_rows(rows)


def joined(X, more):
    """Return the rows of two of a kind, one after the other."""
    if sparse.issparse(X) or sparse.issparse(more):
        return sparse.vstack([sparse.csr_matrix(X), sparse.csr_matrix(more)]).tocsr()
    if hasattr(X, "columns") and type(X) is type(more):
        library = sys.modules[type(X).__module__.partition(".")[0]]
        return library.concat([X, more])
    if isinstance(X, list):
        return [*X, *more]
    return np.concatenate([np.asarray(X), np.asarray(more)])
