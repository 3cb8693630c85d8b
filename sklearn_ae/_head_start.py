"""Where a head starts: the best linear answers to standardised codes, convex."""

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

# Inverse strength of the penalty on logistic regression's weights, and the strength of
# that on ridge regression's; scikit-learn's own.
LOGISTIC_C, RIDGE_ALPHA = 1.0, 1.0

# Steps and tolerance of logistic regression.
MOST_STEPS, TOLERANCE = 1000, 1e-6

# Logarithm of the odds of a class that none of the rows has.
UNSEEN = -5.0


class LinearMap(NamedTuple):
    """Answers ``codes @ weight + bias``.

    Attributes
    ----------
    weight : ndarray of shape (k, t)
    bias : ndarray of shape (t,)
    """

    weight: np.ndarray
    bias: np.ndarray

    def answers(self, codes):
        """Return the answers to codes, of shape ``(n, t)``."""
        return codes @ self.weight + self.bias


def logistic_start(codes, targets, weight):
    """Return the logits of multinomial logistic regression.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
    targets : ndarray of shape (n, t)
        Shares of the classes; each row counts as one of the class it has most of.
    weight : ndarray of shape (n,)

    Returns
    -------
    start : LinearMap
    """
    n_classes = targets.shape[1]
    counts = weight > 0
    codes, which, weight = codes[counts], targets[counts].argmax(axis=1), weight[counts]
    present = np.unique(which)
    slopes, bias = np.zeros((codes.shape[1], n_classes)), np.full(n_classes, UNSEEN)
    bias[present] = 0.0
    if len(present) < 2:
        return LinearMap(slopes, bias)
    model = LogisticRegression(C=LOGISTIC_C, max_iter=MOST_STEPS, tol=TOLERANCE)
    model.fit(codes, which, sample_weight=weight)
    if len(present) == 2:  # one logit, of the second class
        coefficients = np.concatenate([-model.coef_, model.coef_]) / 2
        intercepts = np.concatenate([-model.intercept_, model.intercept_]) / 2
    else:
        coefficients, intercepts = model.coef_, model.intercept_
    slopes[:, present], bias[present] = coefficients.T, intercepts
    return LinearMap(slopes, bias)


def ridge_start(codes, targets, weight):
    """Return ridge regression, in the units of the targets.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
    targets : ndarray of shape (n, t)
    weight : ndarray of shape (n,)

    Returns
    -------
    start : LinearMap
    """
    model = Ridge(alpha=RIDGE_ALPHA).fit(codes, targets, sample_weight=weight)
    slopes = model.coef_.reshape(targets.shape[1], -1).T
    return LinearMap(slopes, np.broadcast_to(model.intercept_, slopes.shape[1]))
