"""Where outliers begin: a threshold between scores."""

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from ._conformal import TIE, check_calibrated, check_rate, conformal_p_values

# Share of held-out rows below the threshold with contamination="auto".
FALSE_ALARM_RATE = 0.05


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

    def predict(self, X, *, false_alarm_rate=None):
        """Return -1 for outliers and +1 for inliers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        false_alarm_rate : float or None, default=None
            Share of normal new rows that may be called outliers, above 0 and below 1:
            those whose :meth:`p_values` are at most that are. None takes the threshold
            ``offset_``, which follows ``contamination``.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int

        Raises
        ------
        ValueError
            If ``false_alarm_rate`` is no such number, or below what as many
            calibration rows can tell; or if no row was held out.
        """
        if false_alarm_rate is None:
            return np.where(self.decision_function(X) < 0, -1, 1)
        check_is_fitted(self)
        check_calibrated(self)
        scores, weight = self.training_scores_, self._calibration_weight
        check_rate(false_alarm_rate, len(scores), weight)
        return np.where(self.p_values(X) <= false_alarm_rate, -1, 1)

    def p_values(self, X, X_calibration=None):
        r"""Return the conformal p-value of each row: the lower, the more abnormal.

        .. math:: p(x) = \frac{1 + \#\{i : s_i \le s(x)\}}{1 + n}

        with the scores :math:`s_i` of :math:`n` calibration rows [1]_: the share of
        them that are at least as abnormal as :math:`x`, the row itself among them. The
        least is :math:`1 / (n + 1)`.

        With ``X_calibration``, rows that no fit has seen and that are normal, it is
        exact: whatever the model and the data, a new normal row drawn as they were
        has :math:`P(p \le \alpha) \le \alpha` [2]_, on average over the draw of
        these rows. Without, the calibration rows are those held out in ``fit``, with
        their ``training_scores_``, and it is approximate: the model was chosen by
        them, PCA of all rows may have seen them, and where few rows were cross-fitted
        each was scored by a model of fewer rows than the final one, so that p-values
        of small tables tend to be too large. A float ``trim`` has left the lowest
        scores out: of rows that had no outliers p-values are then too small.

        It says nothing of the rows given to ``fit``, which the model has seen: their
        p-values are too large.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, none of them given to ``fit`` or among ``X_calibration``.
        X_calibration : array-like of shape (n_calibration, n_features), default=None
            Normal rows to compare with, kept out of ``fit``. None takes the rows that
            ``fit`` held out itself, with their ``sample_weight``.

        Returns
        -------
        p_values : ndarray of shape (n_samples,), float64
            Above 0 and at most 1.

        Raises
        ------
        ValueError
            If no row was held out and no ``X_calibration`` is given.

        References
        ----------
        .. [1] Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic Learning in a
           Random World. Springer.
        .. [2] Bates, S., Candès, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing
           for outliers with conformal p-values. Annals of Statistics, 51, 149-178.
        """
        check_is_fitted(self)
        if X_calibration is None:
            check_calibrated(self)
            calibration, weight = self.training_scores_, self._calibration_weight
        else:
            calibration, weight = self.score_samples(X_calibration), None
        return conformal_p_values(self.score_samples(X), calibration, weight)


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
