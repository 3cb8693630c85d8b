"""How unusual a score is among those of rows that no model had seen: p-values."""

from numbers import Real

import numpy as np

# Scores closer than this, relative to their size, are ties.
TIE = 1e-9


def conformal_p_values(scores, calibration, weight=None):
    r"""Return the p-value of each score among the scores of calibration rows.

    .. math:: p(x) = \frac{1 + \#\{i : s_i \le s(x)\}}{1 + n}

    Ties count against the row. Weights :math:`w` replace each count by a sum of
    weights, and the 1 by the weight that a row drawn by its weight has on average,
    :math:`\sum_i w_i^2 / \sum_i w_i`: where all weights are alike they change nothing,
    whatever they are.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
    calibration : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None
        None weighs all alike.

    Returns
    -------
    p_values : ndarray of shape (n_rows,)
        Above 0 and at most 1; the less, the more abnormal.
    """
    order = np.argsort(calibration, kind="stable")
    if weight is None:
        mass, own = np.arange(len(order) + 1.0), 1.0
    else:
        mass = np.concatenate([[0.0], np.cumsum(weight[order])])
        own = np.square(weight).sum() / weight.sum()
    with np.errstate(invalid="ignore"):
        reach = np.where(np.isfinite(scores), scores + TIE * np.abs(scores), scores)
    n_below = np.searchsorted(calibration[order], reach, side="right")
    return (own + mass[n_below]) / (own + mass[-1])


def least_p_value(n_calibration, weight=None):
    """Return the p-value of a row below all calibration rows."""
    scores = np.zeros(n_calibration)
    return float(conformal_p_values(np.array([-1.0]), scores, weight)[0])


def check_rate(rate, n_calibration, weight=None):
    """Refuse a false-alarm rate that is none, or that no row could be flagged at."""
    if not isinstance(rate, Real) or not 0 < rate < 1:
        raise ValueError(
            f"false_alarm_rate={rate!r} must be a number above 0 and below 1: the "
            "share of normal rows that may be called outliers. Give one such as 0.05, "
            "or None for the threshold of contamination."
        )
    least = least_p_value(n_calibration, weight)
    if rate < least:
        raise ValueError(
            f"false_alarm_rate={rate!r} is below {least:.3g}, the least p-value among "
            f"{n_calibration} calibration rows: no row could be called an outlier. "
            f"Raise false_alarm_rate to at least {least:.3g}, or fit to more rows."
        )


def calibration_weight(weight):
    """Return weights as they are kept: None where all are alike."""
    return None if np.ptp(weight) == 0 else weight


def check_calibrated(estimator):
    """Refuse p-values without scores of rows that the model has not seen."""
    if not estimator._is_calibrated:
        name = type(estimator).__name__
        raise ValueError(
            f"p-values compare rows with rows that the model has not seen, and this "
            f"{name} was fitted with none held out: by partial_fit, with "
            "early_stopping=False, to fewer than 10 distinct rows, or in training for "
            "labels or clusters. Give rows that were kept out of fit as X_calibration "
            "of p_values, or fit with early_stopping=True."
        )
