"""Fits that were made in advance, for whoever asks for the same ones again.

A search of scikit-learn fits its candidates one by one. Where they have been trained
together before, its own code goes on as ever, and each ``fit`` takes over what is here.
"""

from collections import defaultdict
from contextlib import contextmanager
from contextvars import ContextVar

import joblib

# Of such parameters two are equal where they are written alike.
PLAIN = (str, bool, int, float, type(None))

_bank = ContextVar("bank", default=None)


class FitBank:
    """Fitted estimators by what they were fitted with.

    Each is given away once: no two estimators share a network, and fits of a random
    seed are as different as they were made.
    """

    def __init__(self):
        self._fits = defaultdict(list)

    def put(self, key, estimator):
        """Keep a fitted estimator, if it has a key."""
        if key is not None:
            self._fits[key].append(estimator)

    def take(self, key):
        """Give away an estimator of a key, or None."""
        fits = self._fits.get(key)
        return fits.pop(0) if fits else None

    @contextmanager
    def open(self):
        """Let fits of this thread take over what the bank has."""
        token = _bank.set(self)
        try:
            yield
        finally:
            _bank.reset(token)


def key_of(*parts):
    """Return what is equal for equal contents, or None of what cannot be pickled."""
    try:
        return joblib.hash(parts, hash_name="sha1")  # CPUs have instructions for it
    except Exception:  # pickling raises errors of many kinds
        return None


def rows_key(X, sample_weight):
    """Return what is equal for equal rows and weights, or None."""
    return key_of(X, sample_weight)


def fit_key(estimator, rows):
    """Return what is equal for equal fits: class, parameters, and a key of the rows."""
    if rows is None:
        return None
    kind = type(estimator)
    name, parameters = f"{kind.__module__}.{kind.__qualname__}", estimator.get_params()
    if all(is_plain(value) for value in parameters.values()):
        return name, rows, repr(parameters)  # a key in a tenth of the time
    return key_of(name, parameters, rows)


def is_plain(value):
    """Whether a parameter is a plain value, or a tuple of such."""
    if type(value) is tuple:
        return all(map(is_plain, value))
    return type(value) in PLAIN


def adopt_fit(estimator, X, sample_weight):
    """Make an estimator what the open bank has of its fit; tell whether it has."""
    bank = _bank.get()
    if bank is None:
        return False
    fitted = bank.take(fit_key(estimator, rows_key(X, sample_weight)))
    if fitted is None:
        return False
    parameters = estimator.get_params(deep=False)
    vars(estimator).update(vars(fitted))
    vars(estimator).update(parameters)  # the very objects that were given
    return True
