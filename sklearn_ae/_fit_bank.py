"""Fits that were made in advance, for whoever asks for the same ones again.

A search of scikit-learn fits its candidates one by one. Where they have been trained
together before, its own code goes on as ever, and each ``fit`` takes over what is here.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import joblib

_bank = ContextVar("bank", default=None)


class FitBank:
    """Fitted estimators by what they were fitted with."""

    def __init__(self):
        self._fits = {}

    def put(self, key, estimator):
        """Keep a fitted estimator."""
        self._fits[key] = estimator

    def get(self, key):
        """Return the estimator of a key, or None."""
        return self._fits.get(key)

    @contextmanager
    def open(self):
        """Let fits of this thread take over what the bank has."""
        token = _bank.set(self)
        try:
            yield
        finally:
            _bank.reset(token)


def fit_key(estimator, X, sample_weight):
    """Return what is equal for equal fits: class, parameters, rows and weights."""
    kind = type(estimator)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return joblib.hash((name, estimator.get_params(), X, sample_weight))


def adopt_fit(estimator, X, sample_weight):
    """Make an estimator what the open bank has of its fit; tell whether it has."""
    bank = _bank.get()
    fitted = bank and bank.get(fit_key(estimator, X, sample_weight))
    if not fitted:
        return False
    parameters = estimator.get_params(deep=False)
    vars(estimator).update(vars(fitted))
    vars(estimator).update(parameters)  # the very objects that were given
    return True
