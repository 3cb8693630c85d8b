"""The few private names of scikit-learn that the package needs, in one place.

When scikit-learn moves one of them, this is the only file to mend.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as params_at
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

try:  # scikit-learn >= 1.9
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand-in for scikit-learn < 1.9, which has no callbacks."""

    def with_callbacks(method):
        """Return ``method`` itself: there are no callbacks to manage."""
        return method


def open_callback_context(estimator, n_epochs):
    """Open the callback context of one ``fit``, or None before scikit-learn 1.9."""
    if not hasattr(estimator, "_init_callback_context"):
        return None
    return estimator._init_callback_context(max_subtasks=n_epochs)


def has_callbacks(estimator):
    """Whether scikit-learn's callbacks are set on an estimator."""
    return bool(getattr(estimator, "_skl_callbacks", None))


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "RealNotInt",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "has_callbacks",
    "num_samples",
    "open_callback_context",
    "params_at",
    "safe_indexing",
    "safe_split",
    "with_callbacks",
]
