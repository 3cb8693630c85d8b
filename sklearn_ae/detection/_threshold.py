"""Where outliers begin: a threshold between scores."""

import numpy as np
from sklearn.base import OutlierMixin

# Share of held-out rows below the threshold with contamination="auto".
FALSE_ALARM_RATE = 0.05

# Scores closer than this, relative to their size, are ties.
TIE = 1e-9


class ThresholdMixin(OutlierMixin):
    """Decisions and labels, from ``score_samples`` and ``offset_``."""

    def decision_function(self, X):
        """Return ``score_samples(X) - offset_``: negative for outliers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,), float64
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Return -1 for outliers and +1 for inliers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int
        """
        return np.where(self.decision_function(X) < 0, -1, 1)


def threshold_at_most(scores, weight, share):
    """Return a threshold with at most ``share`` of the weight below it.

    For held-out scores: the false-alarm rate is kept or undercut. With fewer than
    ``1 / share`` rows, or where ties leave no such cut, it lies below all scores.
    """
    return _threshold(scores, weight, share, at_most=True)


def threshold_nearest(scores, weight, share):
    """Return a threshold with as near to ``share`` of the weight below it as ties let.

    At least one row lies below it, unless all scores are tied.
    """
    return _threshold(scores, weight, share, at_most=False)


def threshold_of(contamination, held_out, held_out_weight, own, own_weight):
    """Return the threshold that ``contamination`` asks for.

    Parameters
    ----------
    contamination : "auto" or float
    held_out, held_out_weight : ndarray of shape (n_held_out,)
        Scores that compare with those of new rows, for "auto".
    own, own_weight : ndarray of shape (n,)
        Scores of the training rows, for a share of them; not used otherwise.
    """
    if isinstance(contamination, str):
        return threshold_at_most(held_out, held_out_weight, FALSE_ALARM_RATE)
    return threshold_nearest(own, own_weight, contamination)


def _threshold(scores, weight, share, *, at_most):
    order = np.argsort(scores, kind="stable")
    scores = scores[order]
    below = np.cumsum(weight[order]) / weight.sum()
    # A cut lies between two scores that differ; midway, so that the sign of no row's
    # decision hangs on the last bit of its score.
    size = np.maximum(np.abs(scores[1:]), np.abs(scores[:-1]))
    cuts = np.flatnonzero(np.diff(scores) > TIE * size)
    if at_most:
        cuts = cuts[below[cuts] <= share * (1 + 1e-9)][-1:]
    elif cuts.size:
        cuts = cuts[[np.abs(below[cuts] - share).argmin()]]
    if not cuts.size:
        return float(scores[0] - max(TIE * abs(scores[0]), np.finfo(float).tiny))
    cut = int(cuts[0])
    return float((scores[cut] + scores[cut + 1]) / 2)
