"""Scores of the steps of series, from those of the windows that hold them."""

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from ._series import are_several, read_series
from ._windows import StepMean, blocks_of_windows, continued, cut, starts_back

# How far channels are moved to see how scores change, as a share of their deviation
# from the mean: far enough for scores that change in steps, as those of trees.
MOVE = 0.5


class StepScoresMixin(OutlierMixin):
    """The outlier detector's side of :class:`SeriesDetector`, once it is fitted."""

    def score_samples(self, X):
        """Return the outlier score of each step: the lower, the more abnormal.

        It is the mean score of the windows that hold the step. Of a series and of its
        tail alone all steps but the first ``window_`` of the tail have the same scores.
        What is shorter than a window, also between two gaps, is continued by its mirror
        image up to one, and the steps made up have no score.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            One series, or a list of several.

        Returns
        -------
        scores : ndarray of shape (n_steps,), float64, or list of such
            NaN at missing steps. A list where ``X`` holds several series.
        """
        return self._map(X, self._score)

    def decision_function(self, X):
        """Return ``score_samples(X) - offset_``: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            One series, or a list of several.

        Returns
        -------
        decision : ndarray of shape (n_steps,), float64, or list of such
            NaN at missing steps. A list where ``X`` holds several series.
        """
        return self._map(X, lambda series: self._score(series) - self.offset_)

    def predict(self, X):
        """Return -1 for steps that are outliers and +1 for others.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            One series, or a list of several.

        Returns
        -------
        labels : ndarray of shape (n_steps,), int, or list of such
            +1 at missing steps. A list where ``X`` holds several series.
        """
        return self._map(
            X, lambda series: np.where(self._score(series) < self.offset_, -1, 1)
        )

    def explain(self, X):
        r"""Return the share that each channel has in what is odd about each step.

        A channel's part in the score of a window is what the score loses as the channel
        moves away from its mean, :math:`-\tfrac12 \sum_i x_i \, \partial s / \partial
        x_i` over its steps, by differences; none, if the score gains. Of a distance
        from the mean these parts sum up to the whole.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            One series, or a list of several.

        Returns
        -------
        shares : ndarray of shape (n_steps, n_channels), float64, or list of such
            Means over the windows that hold a step, as shares: they sum to 1. NaN at
            missing steps. A list where ``X`` holds several series.
        """
        return self._map(X, self._explain)

    def _map(self, X, function):
        check_is_fitted(self)
        series = read_series(self, X, reset=False, least=0)
        results = [function(one) for one in series]
        return results if are_several(X) else results[0]

    def _score(self, series):
        return self._mean_over_windows(series, (), self._window_scores)

    def _window_scores(self, windows):
        scores = np.asarray(self.estimator_.score_samples(self._form(windows)))
        return np.broadcast_to(scores[:, None], windows.shape[:2])

    def _explain(self, series):
        n_channels = self.n_features_in_
        parts = self._mean_over_windows(series, (n_channels,), self._window_parts)
        total = parts.sum(axis=1, keepdims=True)
        return np.where(total == 0, 1 / n_channels, parts / np.where(total, total, 1))

    def _window_parts(self, windows):
        """Return the part of each channel in the scores of windows, for each step."""
        parts = []
        for channel in range(windows.shape[2]):
            scores = []
            for factor in (1 - MOVE, 1 + MOVE):
                moved = windows.copy()
                moved[:, :, channel] *= factor
                scores.append(self._window_scores(moved)[:, 0])
            parts.append(np.maximum(scores[0] - scores[1], 0))
        parts = np.stack(parts, axis=-1)[:, None]
        return np.broadcast_to(parts, windows.shape)

    def _mean_over_windows(self, series, shape, function):
        """Return the mean of what a function of windows says of each step."""
        out = np.full((len(series.values), *shape), np.nan)
        parts = series.segments()
        if not parts:
            return out
        # Side by side, so that the windows of many short ones are read at once.
        segments = [self._long_enough(series.values[part]) for part in parts]
        ends = np.cumsum([len(segment) for segment in segments])
        starts = [
            end - len(segment) + starts_back(len(segment), self.window_, self.stride_)
            for segment, end in zip(segments, ends, strict=True)
        ]
        steps, starts = np.concatenate(segments), np.concatenate(starts)
        mean = StepMean(len(steps), shape)
        for some in blocks_of_windows(starts, self.window_ * steps.shape[1]):
            mean.add(function(cut(steps, some, self.window_)), some)
        result = mean.result()
        for part, segment, end in zip(parts, segments, ends, strict=True):
            first = end - len(segment)
            out[part] = result[first : first + part.stop - part.start]
        return out

    def _long_enough(self, values):
        """Return a standardised segment, continued to a window if it is shorter."""
        segment = self._standardized(values)
        if len(segment) < self.window_:
            return continued(segment, self.window_)
        return segment
