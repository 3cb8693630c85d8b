"""Outliers among the steps of long series, found by any detector of rows."""

import copy
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from ._autoencoder import Autoencoder
from ._compat import HasMethods, Interval, StrOptions, fit_context
from ._sequences import SequenceLayout
from ._series import LONGEST_PAUSE, Series, read_series, usual_pause
from ._step_scores import StepScoresMixin
from ._transaction import all_or_nothing
from ._window_network import WindowNetwork
from ._windows import cut, starts_on, window_for
from .detection import threshold_of

# Of the default estimator. Where the noise of windows is larger than what is left, as
# it nearly always is, more components change nothing but the time.
N_COMPONENTS = 32

# Windows to learn from, at most, where the stride is "auto", and windows that hold a
# step when it is scored.
MOST_WINDOWS, WINDOWS_PER_STEP = 5000, 8

# What counts as the standard deviation of a channel that never changed, as a share of
# its value: of how much it may change the training steps do not tell.
CONSTANT_SHARE = 0.01

# A standard deviation, as a share of the mean, that is rounding errors.
ROUNDING = 1e-12


def default_estimator():
    """Return PCA of windows, with the outlier score of an autoencoder."""
    return Autoencoder(
        N_COMPONENTS, network=WindowNetwork(), max_epochs=0, early_stopping=False
    )


def _can(method):
    """Return a check that the estimator inside has a method, before or after a fit."""

    def check(detector):
        getattr(detector._inside(), method)  # its own error says what it lacks
        return True

    return check


class SeriesDetector(StepScoresMixin, MetaEstimatorMixin, BaseEstimator):
    """Outlier detector for long series: one score for every time step.

    Cuts series into overlapping windows, fits a detector of rows to them, and gives
    each step the mean score of the windows that hold it. Every step has one, those at
    the ends as well. Channels are brought to mean zero and variance one first; of one
    that never changed in training, one hundredth of its value is taken as the unit.

    Read more in the :ref:`User Guide <series>`.

    Parameters
    ----------
    estimator : estimator instance, default=None
        An outlier detector with ``score_samples``: one of this package, one of
        scikit-learn's, or a Pipeline that ends in one. None is ``Autoencoder(32,
        network=WindowNetwork(), max_epochs=0, early_stopping=False)``, which is PCA of
        windows with the score of an autoencoder. An autoencoder of sequences gets
        windows of shape (n_windows, window, n_channels), any other estimator flattened
        ones.
    window : int or "auto", default="auto"
        Steps of a window; half of the longest series at most, with a warning if more
        were asked for. "auto" holds whole dominant periods that come to 100 steps or
        more, and 128 steps if there is no period; a quarter of the longest series at
        most.
    stride : int or "auto", default="auto"
        Steps from one window to the next. "auto" learns from about 5000 windows at
        most, and scores windows an eighth of their length apart. At most ``window``.
    contamination : "auto" or float, default="auto"
        Sets the threshold of :meth:`predict`. "auto" calls at most 5 % of the training
        steps outliers, a float in (0, 0.5] that share, exactly unless scores tie. The
        threshold of the estimator is one for windows, and has no say.
    random_state : int, RandomState instance or None, default=None
        Given to the estimator, unless None.

    Attributes
    ----------
    estimator_ : estimator instance
        The fitted detector of windows.
    window_ : int
        Steps of a window.
    stride_ : int
        Steps from one window to the next, when series are scored.
    period_ : int or None
        Dominant period of the training series, in steps; None if there is none, or if
        ``window`` was given.
    offset_ : float
        Threshold: ``decision_function`` is ``score_samples`` minus ``offset_``.
    mean_, scale_ : ndarray of shape (n_channels,)
        Mean and standard deviation of each channel over the training steps; a
        hundredth of its value, or 0.01, where it never changed.
    n_features_in_ : int
        Number of channels seen in :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_channels,)
        Names of the channels, if they were all strings.

    See Also
    --------
    SequenceAutoencoder : For many sequences, each of which is scored as a whole.
    sklearn_ae.plotting.SeriesScoreDisplay : A series above its scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import SeriesDetector
    >>> noise = np.random.default_rng(0).normal(size=2000)
    >>> X = np.sin(np.arange(2000) / 5) + 0.05 * noise
    >>> X[1200:1230] = 0.5
    >>> detector = SeriesDetector(random_state=0).fit(X)
    >>> detector.window_
    126
    >>> scores = detector.score_samples(X)
    >>> scores.shape
    (2000,)
    >>> 1200 <= int(scores.argmin()) < 1230
    True
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"]), None],
        "window": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "stride": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        window="auto",
        stride="auto",
        contamination="auto",
        random_state=None,
    ):
        self.estimator = estimator
        self.window = window
        self.stride = stride
        self.contamination = contamination
        self.random_state = random_state

    # -- fit

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the detector to one series or several.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            One series, or a list of several, of any lengths. Steps with NaN are
            missing: no window holds one. The rows of a data frame with a DatetimeIndex
            must be in the order of time, and windows do not reach over a pause of more
            than five times the usual one.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or ``X`` is out of order, before any training.
        """
        self._check_estimator()
        series = read_series(self, X, reset=True, least=2)
        self._learn_units(series)
        windows, self._next = self._training_windows(series)
        vars(self).pop("estimator_", None)
        self.estimator_ = self._template().fit(self._form(windows))
        self._set_threshold(series)
        return self

    @available_if(_can("partial_fit"))
    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y=None):
        """Go on learning from the next steps of a series.

        Windows that begin in one block and end in the next are learned from, too: the
        windows are those of the whole series. The first block settles the window and
        the units of the channels, and the threshold follows the last.

        Parameters
        ----------
        X : array-like of shape (n_steps,) or (n_steps, n_channels), or list of such
            The next steps; the first block at least two. A list holds series that do
            not follow each other.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            The detector, fitted to the steps so far.

        Raises
        ------
        ValueError
            As :meth:`fit`.
        """
        self._check_estimator()
        first = not hasattr(self, "estimator_")
        series = read_series(self, X, reset=first, least=2 if first else 0)
        if first:
            self._learn_units(series)
            self.estimator_ = self._template()
        elif len(series) == 1:
            series = [self._joined(series[0])]
        windows, self._next = self._training_windows(series)
        self._remember_time(series)
        if len(windows):
            # A copy: what is interrupted leaves the one before as it was.
            estimator = copy.deepcopy(self.estimator_)
            self.estimator_ = estimator.partial_fit(self._form(windows))
            self._set_threshold(series)
        return self

    def _unseeded(self):
        """Return an unfitted estimator, as it was given."""
        if self.estimator is None:
            return default_estimator()
        return clone(self.estimator)

    def _inside(self):
        """Return the fitted estimator, or before a fit the one that was given."""
        return self.estimator_ if hasattr(self, "estimator_") else self._unseeded()

    def _template(self):
        """Return an unfitted estimator with its random state."""
        estimator = self._unseeded()
        if self.random_state is None:
            return estimator
        rng = check_random_state(self.random_state)
        names = sorted(estimator.get_params(deep=True))
        is_state = [name.split("__")[-1] == "random_state" for name in names]
        states = {
            name: int(rng.randint(np.iinfo(np.int32).max))
            for name, is_one in zip(names, is_state, strict=True)
            if is_one
        }
        return estimator.set_params(**states)

    def _check_estimator(self):
        if not hasattr(self._unseeded(), "score_samples"):
            raise ValueError(
                f"estimator={self.estimator!r} has no score_samples. Give an outlier "
                "detector, such as Autoencoder(), IsolationForest() or "
                "LocalOutlierFactor(novelty=True)."
            )

    def _learn_units(self, series):
        """Learn the units of the channels, the window and the strides."""
        segments = [one.values[part] for one in series for part in one.segments()]
        steps = np.concatenate(segments)
        self.mean_ = steps.mean(axis=0, dtype=np.float64)
        scale = steps.std(axis=0, dtype=np.float64)
        level = np.abs(self.mean_)
        constant = np.where(level > 0, CONSTANT_SHARE * level, CONSTANT_SHARE)
        self.scale_ = np.where(scale <= ROUNDING * level, constant, scale)
        segments = [self._standardized(segment) for segment in segments]
        self.window_, self.period_ = self._choose_window(segments)
        self._last_time = None
        if isinstance(self.stride, str):
            self.stride_ = max(1, self.window_ // WINDOWS_PER_STEP)
            return
        if self.stride > self.window_:
            raise ValueError(
                f"stride={self.stride!r} must not be above the window, of "
                f"{self.window_} steps: the steps between two windows would have no "
                "score. Give a smaller stride, or leave it at 'auto'."
            )
        self.stride_ = int(self.stride)

    def _training_stride(self, series):
        """Return the steps between windows that are learned from."""
        if not isinstance(self.stride, str):
            return int(self.stride)
        lengths = [part.stop - part.start for one in series for part in one.segments()]
        n_windows = sum(max(0, length - self.window_ + 1) for length in lengths)
        return max(1, -(-n_windows // MOST_WINDOWS))

    def _choose_window(self, segments):
        if isinstance(self.window, str):
            return window_for(segments)
        longest = max(map(len, segments))
        window = min(int(self.window), max(1, longest // 2))
        if window < self.window:
            warnings.warn(
                f"window={self.window!r} is more than half of the longest series "
                f"without gaps, of {longest} steps. Windows of {window} steps are "
                "taken. Give longer series, or a shorter window.",
                UserWarning,
                stacklevel=6,
            )
        return window, None

    def _standardized(self, values):
        return (values - self.mean_) / self.scale_

    def _training_windows(self, series):
        """Return standardised windows, and the steps that the next one begins with.

        These are None where the next block of a stream does not follow: after a list.
        """
        windows, rest = [np.empty((0, self.window_, self.n_features_in_))], None
        step = self._training_stride(series)
        for one in series:
            for part in one.segments():
                starts = starts_on(part.stop - part.start, self.window_, step)
                values = one.values[part]
                if len(starts):
                    windows.append(
                        cut(self._standardized(values), starts, self.window_)
                    )
                    rest = values[starts[-1] + step :]
                else:
                    rest = values
                if part.stop < len(one.values):
                    rest = None
        if len(series) > 1 or rest is None:
            return np.concatenate(windows), None
        return np.concatenate(windows), rest.copy()  # the caller's memory may change

    def _joined(self, series):
        """Return the next block of a stream behind what windows still need."""
        if self._next is None or not len(self._next) or self._is_pause(series):
            return series
        before = np.zeros(len(self._next), dtype=bool)
        return Series(
            np.concatenate([self._next, series.values]),
            np.concatenate([before, series.is_first]),
            series.times,
        )

    def _is_pause(self, series):
        """Whether there is a pause before a block; refuse one that is not later."""
        if self._last_time is None or series.times is None:
            return False
        last, usual = self._last_time
        pause = series.times[0] - last
        if pause <= 0:
            raise ValueError(
                "X begins before the last block of the stream has ended. Give "
                "partial_fit the blocks in the order of time, each row once."
            )
        return pause > LONGEST_PAUSE * (usual or usual_pause(series.times))

    def _remember_time(self, series):
        times = series[-1].times if len(series) == 1 else None
        self._last_time = None
        if times is not None:
            self._last_time = times[-1], usual_pause(times)

    def _form(self, windows):
        """Return windows as the estimator takes them."""
        return windows if self._takes_sequences() else windows.reshape(len(windows), -1)

    def _takes_sequences(self):
        return isinstance(getattr(self._inside(), "_layout", None), SequenceLayout)

    def _set_threshold(self, series):
        """Set the threshold, from the scores of the training steps."""
        scores = np.concatenate([self._score(one) for one in series])
        scores = scores[~np.isnan(scores)]
        weight = np.ones(len(scores))
        self.offset_ = threshold_of(self.contamination, scores, weight, scores, weight)

    # -- scikit-learn's conventions

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
