"""The autoencoder that another estimator builds on: the usual, a given or a fitted."""

import copy

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from ._base import BaseAutoencoder


def pretrained(owner, X, sample_weight, *, usual, random_state):
    """Return a fitted autoencoder of one's own for the parameter ``encoder``.

    Parameters
    ----------
    owner : estimator
        Has the parameter ``encoder``; named in errors.
    X : array-like
        The rows: those to fit to where it is not fitted yet.
    sample_weight : array-like of shape (n_samples,) or None
    usual : callable
        Returns the autoencoder that None stands for.
    random_state : int
        Seeds an autoencoder that is fitted here and has no ``random_state``.

    Returns
    -------
    autoencoder : BaseAutoencoder
        Fitted; the one that was given is not touched.

    Raises
    ------
    TypeError
        If ``encoder`` is no autoencoder of this package.
    ValueError
        If it was fitted to rows of other columns.
    """
    encoder = unwrapped(owner)
    if encoder is not None and encoder.__sklearn_is_fitted__():
        encoder = copy.deepcopy(encoder)
        _check_columns(owner, encoder, X)
        return encoder
    encoder = usual() if encoder is None else clone(encoder)
    if encoder.random_state is None:
        encoder.set_params(random_state=random_state)
    return encoder.fit(X, sample_weight=sample_weight)


def set_network(autoencoder, network, X, sample_weight):
    """Give an autoencoder another network, and learn anew what follows from it.

    How codes are shown, and what of an outlier detector follows from the training rows.
    What training left behind stays that of the network before.

    Parameters
    ----------
    autoencoder : BaseAutoencoder
        Fitted; changed in place.
    network : torch module
        Of the same shape.
    X : array-like
    sample_weight : array-like of shape (n_samples,) or None
    """
    autoencoder.net_.module_.load_state_dict(network.state_dict())
    of_training = ("history_", "n_epochs_", "best_epoch_", "max_epochs_")
    kept = {name: getattr(autoencoder, name) for name in of_training}
    before = {name: getattr(autoencoder, name) for name in ("warm_start", "max_epochs")}
    # A fit that goes on from the network and takes no step.
    autoencoder.set_params(warm_start=True, max_epochs=0)
    autoencoder.fit(X, sample_weight=sample_weight)
    autoencoder.set_params(**before)
    vars(autoencoder).update(kept)


def unwrapped(owner):
    """Return ``encoder``, without a wrapper that keeps it fitted, or None."""
    encoder = owner.encoder
    if isinstance(encoder, FrozenEstimator):
        encoder = encoder.estimator
    if encoder is None or isinstance(encoder, BaseAutoencoder):
        return encoder
    raise TypeError(
        f"encoder={owner.encoder!r} must be an autoencoder of this package, fitted or "
        "not, such as Autoencoder(32), or None for the usual one."
    )


def _check_columns(owner, encoder, X):
    """Refuse rows that a fitted autoencoder cannot read, in its own words and ours."""
    try:
        encoder.transform(X[:1])
    except ValueError as error:
        name = type(owner).__name__
        raise ValueError(
            f"encoder={owner.encoder!r} is fitted, and cannot read the rows that "
            f"{name} is to be fitted to: {error} Give one that was fitted to such "
            "rows, or an unfitted one, which is fitted to these."
        ) from error
