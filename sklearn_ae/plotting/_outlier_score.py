"""Outlier scores and the threshold between them."""

import numpy as np

from ._shared import check_display, check_labels, import_pyplot, merged

# Scores that differ by more than this factor are drawn on a logarithmic axis: on a
# linear one a few far outliers would press all others into one bar.
LOG_FACTOR = 10


class OutlierScoreDisplay:
    """Histogram of outlier scores, with the threshold and, if known, the truth.

    As everywhere in scikit-learn, the lower the score, the more abnormal the row; what
    lies left of the threshold is called an outlier. It is best made with
    :meth:`from_estimator`. All parameters are kept as attributes.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        The scores.
    threshold : float, default=None
        Where outliers begin. None draws no line.
    groups : dict of str to ndarray of shape (n_samples,), bool, default=None
        Which rows belong to which histogram, by the name in the legend. None draws one
        histogram of all rows.

    Attributes
    ----------
    histograms_ : list of matplotlib StepPatch
        The histograms, in the order of ``groups``.
    threshold_line_ : matplotlib Line2D or None
        The threshold.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    sklearn.metrics.RocCurveDisplay : How well scores tell outliers from inliers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_ae.plotting import OutlierScoreDisplay
    >>> X = load_wine().data
    >>> forest = IsolationForest(random_state=0).fit(X)
    >>> display = OutlierScoreDisplay.from_estimator(forest, X)
    >>> float(display.threshold)
    -0.5
    """

    def __init__(self, *, scores, threshold=None, groups=None):
        self.scores = scores
        self.threshold = threshold
        self.groups = groups

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, scale="auto", bins=40, ax=None, hist_kwargs=None
    ):
        """Draw the scores that a detector gives to rows.

        Parameters
        ----------
        estimator : estimator instance
            A fitted outlier detector with ``score_samples``, such as an autoencoder,
            :class:`~sklearn.ensemble.IsolationForest`, or a Pipeline that ends in one.
            The threshold is its ``offset_``, if it has one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Which rows are outliers in truth: -1 for outliers and 1 for inliers, as
            ``predict`` labels them; or 1 (or True) for outliers and 0 (or False) for
            inliers. If all labels are the integer 1, the rows are taken as inliers.
        scale : {"auto", "linear", "log"}, default="auto"
            The axis of the scores. "log" needs scores below zero. "auto" takes it
            where all are, and differ by more than a factor of 10.
        bins : int, default=40
            The number of bars.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        hist_kwargs : dict, default=None
            Keywords for matplotlib's ``stairs``.

        Returns
        -------
        display : OutlierScoreDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``score_samples``.
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``y`` holds other labels, or ``scale`` does not suit the scores.
        """
        last = check_display(cls, estimator, "score_samples")
        scores = np.asarray(estimator.score_samples(X))
        display = cls(
            scores=scores,
            threshold=getattr(last, "offset_", None),
            groups=None if y is None else _groups(check_labels(y, len(scores))),
        )
        return display.plot(ax, scale=scale, bins=bins, hist_kwargs=hist_kwargs)

    def plot(self, ax=None, *, scale="auto", bins=40, hist_kwargs=None):
        """Draw the histograms and the threshold.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        scale : {"auto", "linear", "log"}, default="auto"
            The axis of the scores. "log" needs scores below zero. "auto" takes it
            where all are, and differ by more than a factor of 10.
        bins : int, default=40
            The number of bars.
        hist_kwargs : dict, default=None
            Keywords for matplotlib's ``stairs``.

        Returns
        -------
        display : OutlierScoreDisplay
            The display, drawn.
        """
        is_log = self._is_log(scale)
        plt = import_pyplot("OutlierScoreDisplay.plot")
        from matplotlib.ticker import PercentFormatter

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        edges = self._edges(bins, is_log)
        if is_log:
            _set_log(ax, edges)
        self.histograms_ = self._draw_histograms(ax, edges, hist_kwargs)
        self.threshold_line_ = None
        if self.threshold is not None:
            self.threshold_line_ = ax.axvline(
                self.threshold,
                color="black",
                linestyle="--",
                label=f"threshold: {self.threshold:.3g}",
            )
        ax.set(
            xlabel="Outlier score (the lower, the more abnormal)",
            ylabel="Share of rows" if self.groups is None else "Share of each group",
            xlim=(edges[0], edges[-1]),
        )
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _is_log(self, scale):
        if scale not in ("auto", "linear", "log"):
            raise ValueError(
                f"scale={scale!r} must be 'auto', 'linear' or 'log'. Leave it at "
                "'auto' if in doubt."
            )
        below_zero = self._ends()[1] < 0
        if scale == "log" and not below_zero:
            raise ValueError(
                f"scale='log' needs scores and a threshold below zero, and the highest "
                f"is {self._ends()[1]:.3g}. Give scale='linear'."
            )
        low, high = self.scores.min(), self.scores.max()
        return scale == "log" or (
            scale == "auto" and below_zero and low / high > LOG_FACTOR
        )

    def _ends(self):
        """Return the lowest and the highest score, the threshold among them."""
        values = self.scores
        if self.threshold is not None:
            values = np.append(values, self.threshold)
        return values.min(), values.max()

    def _edges(self, bins, is_log):
        low, high = self._ends()
        if is_log:
            return -np.geomspace(-low, -high, bins + 1)
        return np.histogram_bin_edges([low, high], bins)

    def _draw_histograms(self, ax, edges, hist_kwargs):
        everything = {"all rows": np.ones(len(self.scores), dtype=bool)}
        histograms = []
        for position, (name, rows) in enumerate((self.groups or everything).items()):
            scores = self.scores[rows]
            # Rounding must not push the extreme scores over the outer edges.
            inside = np.clip(scores, edges[0], edges[-1])
            share = np.histogram(inside, edges)[0] / max(len(scores), 1)
            style = {"color": ("C0", "C3")[position % 2], "alpha": 0.55, "fill": True}
            style["label"] = self._label(name, scores)
            histograms.append(ax.stairs(share, edges, **merged(style, hist_kwargs)))
        return histograms

    def _label(self, name, scores):
        if self.threshold is None or not len(scores):
            return name
        # As predict has it: a score at the threshold itself is an inlier's.
        return f"{name}: {np.mean(scores < self.threshold):.0%} below"


def _groups(y):
    """Return which rows are inliers and which outliers, by name."""
    labels = set(np.unique(y).tolist())
    if y.dtype != bool and labels <= {-1, 1}:
        is_outlier, inlier, outlier = y == -1, "1", "-1"
    elif labels <= {0, 1}:
        is_outlier, inlier, outlier = y == 1, "0", "1"
    else:
        raise ValueError(
            f"y holds the labels {sorted(labels, key=str)[:5]}; they must be -1 "
            "(outlier) and 1 (inlier), or 1 (outlier) and 0 (inlier). Give, for "
            "example, y == the class that you take as outliers."
        )
    return {
        f"inliers (y = {inlier})": ~is_outlier,
        f"outliers (y = {outlier})": is_outlier,
    }


def _set_log(ax, edges):
    """Make the axis logarithmic between edges below zero."""
    from matplotlib.ticker import NullLocator, SymmetricalLogLocator

    # Linear only nearer to zero than any score.
    nearest, farthest = -edges[-1], -edges[0]
    ax.set_xscale("symlog", linthresh=nearest)
    steps = (1,) if farthest / nearest > 100 else (1, 2, 5)
    ticks = SymmetricalLogLocator(base=10, linthresh=nearest, subs=steps)
    ax.xaxis.set_major_locator(ticks)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:,.12g}")
