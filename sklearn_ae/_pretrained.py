"""The autoencoder that another estimator builds on: the usual, a given or a fitted."""

import copy
from dataclasses import replace

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from ._base import BaseAutoencoder
from .training import make_net, wide_dtype


def pretrained(owner, X, sample_weight, *, usual, random_state):
    """Return a fitted autoencoder of one's own for the parameter ``encoder``.

    Parameters
    ----------
    owner : estimator
        Has the parameter ``encoder``; named in errors.
    X : array-like
        The rows, as :func:`read_to_train` has checked them: those to fit to where it is
        not fitted yet.
    sample_weight : array-like of shape (n_samples,) or None
    usual : callable
        Returns the autoencoder that None stands for.
    random_state : int
        Seeds an autoencoder that is fitted here and has no ``random_state``.

    Returns
    -------
    autoencoder : BaseAutoencoder
        Fitted; the one that was given is not touched.
    """
    encoder = unwrapped(owner)
    if is_fitted(encoder):
        return copy.deepcopy(encoder)
    encoder = usual() if encoder is None else clone(encoder)
    if encoder.random_state is None:
        encoder.set_params(random_state=random_state)
    return encoder.fit(X, sample_weight=sample_weight)


def with_network(encoder, network, settings):
    """Return a copy of a fitted autoencoder that has another network of its shape.

    What follows from a network is learned anew, by the sample of its rows that the
    autoencoder has kept: what there is to say of its codes, and scores and threshold.
    No row was held out from the other network, which is said, too. Its codes are shown
    by the turn that they were shown by before, and what training left behind, such as
    ``history_``, is of the network before.

    Parameters
    ----------
    encoder : BaseAutoencoder
        Fitted; left as it is.
    network : torch module
    settings : Settings
        Of training on; the copy is on their device.

    Returns
    -------
    encoder : BaseAutoencoder
    """
    encoder = copy.deepcopy(encoder)
    wide = replace(settings, dtype=wide_dtype(settings.device), callbacks=())
    history = encoder.net_.history
    encoder.net_ = make_net(network, encoder.net_.criterion_, wide)
    encoder.net_.history = history
    encoder._describe_anew()
    return encoder


def unwrapped(owner):
    """Return ``encoder``, without a wrapper that keeps it fitted, or None.

    Raises
    ------
    TypeError
        If it is no autoencoder of this package.
    """
    encoder = owner.encoder
    if isinstance(encoder, FrozenEstimator):
        encoder = encoder.estimator
    if encoder is None or isinstance(encoder, BaseAutoencoder):
        return encoder
    raise TypeError(
        f"encoder={owner.encoder!r} must be an autoencoder of this package, fitted or "
        "not, such as Autoencoder(32), or None for the usual one."
    )


def is_fitted(encoder):
    """Whether an autoencoder, which may be None, is fitted."""
    return encoder is not None and encoder.__sklearn_is_fitted__()


def read_to_train(owner, X):
    """Return rows as a fitted ``encoder`` reads them, if it can be trained on them.

    Parameters
    ----------
    owner : estimator
        Has the parameter ``encoder``, fitted; named in errors.
    X : array-like

    Returns
    -------
    rows : ndarray or CSR matrix of shape (n, n_features)

    Raises
    ------
    ValueError
        If it was fitted to rows of other columns or with other structural parameters,
        or could not have been fitted to such values.
    """
    encoder = unwrapped(owner)
    encoder._check_structure()
    try:
        rows = encoder._read(X)
    except ValueError as error:
        if not could_be_fitted(encoder, X):
            raise  # another encoder would not help
        name = type(owner).__name__
        raise ValueError(
            f"encoder={owner.encoder!r} is fitted, and cannot read the rows that "
            f"{name} is to be fitted to: {error} Give one that was fitted to such "
            "rows, or an unfitted one, which is fitted to these."
        ) from error
    encoder._layout.check_block(encoder, rows)
    encoder._check_rows(rows)
    return rows


def could_be_fitted(encoder, X):
    """Whether an autoencoder would read rows in a fit from the start."""
    encoder = clone(encoder)
    try:
        encoder._layout.read(encoder, X, reset=True)
    except (TypeError, ValueError):
        return False
    return True


def codes_of(encoder, X):
    """Return an encoder's codes of rows as an array, whatever its output is set to."""
    with config_context(transform_output="default"):
        return np.asarray(encoder.transform(X))
