"""Series above their outlier scores."""

import numpy as np

from ._shared import check_display, check_labels, import_pyplot, merged

# Share of the height that the scores take, and the gap above them.
SCORE_HEIGHT, GAP = 0.32, 0.06


class SeriesScoreDisplay:
    """A series, and below it the outlier scores of its steps.

    Spans that the detector calls outliers are shaded in the upper picture; spans that
    are known to be are marked along its upper edge. The lower picture has the scores
    and the threshold: what lies below it is called an outlier. It is best made with
    :meth:`from_estimator`. All parameters are kept as attributes.

    Parameters
    ----------
    series : ndarray of shape (n_steps, n_channels)
        The series.
    scores : ndarray of shape (n_steps,)
        The scores; NaN at missing steps.
    threshold : float, default=None
        Where outliers begin. None shades nothing and draws no line.
    is_outlier : ndarray of shape (n_steps,), bool, default=None
        Steps known to be outliers. None marks nothing.
    times : array-like of shape (n_steps,), default=None
        Of the steps. None counts them.
    channel_names : sequence of str, default=None
        Names of the channels, for a legend. None draws none.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        One for each channel.
    score_line_ : matplotlib Line2D
        The scores.
    threshold_line_ : matplotlib Line2D or None
        The threshold.
    spans_ : list of matplotlib Rectangle
        The shaded spans.
    axes_ : tuple of two matplotlib Axes
        Of the series and of the scores, inside ``ax_``.
    ax_ : matplotlib Axes
        The axes that holds both.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    OutlierScoreDisplay : The histogram of scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import SeriesDetector
    >>> from sklearn_ae.plotting import SeriesScoreDisplay
    >>> X = np.sin(np.arange(2000) / 5)
    >>> X[1200:1230] = 0.5
    >>> detector = SeriesDetector(contamination=0.05, random_state=0).fit(X)
    >>> display = SeriesScoreDisplay.from_estimator(detector, X)
    >>> len(display.spans_)
    1
    """

    def __init__(
        self,
        *,
        series,
        scores,
        threshold=None,
        is_outlier=None,
        times=None,
        channel_names=None,
    ):
        self.series = series
        self.scores = scores
        self.threshold = threshold
        self.is_outlier = is_outlier
        self.times = times
        self.channel_names = channel_names

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, ax=None, line_kwargs=None, score_kwargs=None
    ):
        """Draw a series above the scores that a detector gives to its steps.

        Parameters
        ----------
        estimator : SeriesDetector
            A fitted detector, or a Pipeline that ends in one.
        X : array-like of shape (n_steps,) or (n_steps, n_channels)
            One series. The index of a data frame gives the times, its columns the
            names of the channels.
        y : array-like of shape (n_steps,), default=None
            Which steps are outliers in truth: 1 or True for outliers, 0 or False for
            others.
        ax : matplotlib Axes, default=None
            The axes to divide up. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the channels.
        score_kwargs : dict, default=None
            The same for the scores.

        Returns
        -------
        display : SeriesScoreDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``score_samples``.
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``X`` holds several series, or ``y`` other labels.
        """
        last = check_display(cls, estimator, "score_samples")
        scores = estimator.score_samples(X)
        if isinstance(scores, list):
            raise ValueError(
                f"X holds {len(scores)} series, and SeriesScoreDisplay draws one. Give "
                "one of them."
            )
        index = getattr(X, "index", None)
        names = getattr(X, "columns", None)
        display = cls(
            series=np.asarray(X).reshape(len(scores), -1),
            scores=np.asarray(scores),
            threshold=getattr(last, "offset_", None),
            is_outlier=None if y is None else _are_outliers(y, len(scores)),
            # Other indices count rows, or matplotlib has no axis for them.
            times=index if _are_times(index) else None,
            channel_names=None if names is None else [str(name) for name in names],
        )
        return display.plot(ax, line_kwargs=line_kwargs, score_kwargs=score_kwargs)

    def plot(self, ax=None, *, line_kwargs=None, score_kwargs=None):
        """Draw the series and the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide up. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the channels.
        score_kwargs : dict, default=None
            The same for the scores.

        Returns
        -------
        display : SeriesScoreDisplay
            The display, drawn.
        """
        plt = import_pyplot("SeriesScoreDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
        ax.set_axis_off()
        lower = ax.inset_axes([0, 0, 1, SCORE_HEIGHT])
        height = 1 - SCORE_HEIGHT - GAP
        upper = ax.inset_axes([0, 1 - height, 1, height], sharex=lower)
        times = np.arange(len(self.scores)) if self.times is None else self.times
        self._draw_series(upper, times, line_kwargs)
        self._draw_scores(lower, times, score_kwargs)
        self.axes_, self.ax_, self.figure_ = (upper, lower), ax, ax.figure
        return self

    def _draw_series(self, ax, times, line_kwargs):
        style = {"linewidth": 0.8}
        self.lines_ = ax.plot(times, self.series, **merged(style, line_kwargs))
        self.spans_ = []
        if self.threshold is not None:
            is_below = np.nan_to_num(self.scores, nan=np.inf) < self.threshold
            self.spans_ = [
                ax.axvspan(times[first], times[last], color="C3", alpha=0.25, zorder=0)
                for first, last in _runs(is_below)
            ]
        if self.is_outlier is not None:
            # A thick line along the upper edge; the middle would hide the series.
            for first, last in _runs(self.is_outlier):
                ax.plot(
                    [times[first], times[last]],
                    [1, 1],
                    transform=ax.get_xaxis_transform(),
                    color="black",
                    linewidth=4,
                    marker="s",  # of a single step the line has no length
                    markersize=3,
                    clip_on=False,
                )
        if self.channel_names is not None:
            for line, name in zip(self.lines_, self.channel_names, strict=True):
                line.set_label(name)
            ax.legend(loc="upper right")
        ax.tick_params(labelbottom=False)
        ax.set(ylabel="Series", xlim=(times[0], times[-1]))

    def _draw_scores(self, ax, times, score_kwargs):
        style = {"color": "C0", "linewidth": 0.8}
        (self.score_line_,) = ax.plot(times, self.scores, **merged(style, score_kwargs))
        self.threshold_line_ = None
        if self.threshold is not None:
            self.threshold_line_ = ax.axhline(
                self.threshold, color="black", linestyle="--", linewidth=0.8
            )
        ax.set(xlabel="Step" if self.times is None else "Time", ylabel="Outlier score")


def _are_times(index):
    return getattr(getattr(index, "dtype", None), "kind", "") == "M"


def _are_outliers(y, n_steps):
    labels = check_labels(y, n_steps)
    if not set(np.unique(labels).tolist()) <= {0, 1}:
        raise ValueError(
            f"y holds the labels {np.unique(labels)[:5].tolist()}; they must be 1 "
            "(outlier) and 0 (inlier). Give, for example, y == -1 for labels as "
            "predict returns them."
        )
    return labels == 1


def _runs(mask):
    """Return the first and last positions of runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(first, end - 1) for first, end in edges.reshape(-1, 2)]
