"""Which columns make a row an outlier."""

import numpy as np

from ._shared import explanation_of, import_pyplot, merged


class ExplanationDisplay:
    """Bars of the largest shares of a row's outlier score, with what was expected.

    Each bar is a column, and its label says what was seen and, in brackets, what was
    expected. Columns are those with the largest shares in size, as one below zero
    counts as well; the last bar is the sum of all others, so that bars sum to minus the
    score. It is best made with :meth:`from_estimator`. All parameters are kept as
    attributes.

    Parameters
    ----------
    shares : ndarray of shape (n_features,)
        Of each column in minus the score.
    seen, expected : ndarray of shape (n_features,)
        Values of the row, and those expected.
    columns : sequence of shape (n_features,)
        Names of the columns.
    score : float, default=None
        Of the row, for the title. None sets none.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        The bars, from the largest share down.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    ExplanationMapDisplay : Shares of many rows.
    OutlierScoreDisplay : The histogram of scores.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.plotting import ExplanationDisplay
    >>> X = load_wine().data
    >>> autoencoder = Autoencoder(2, max_epochs=5, random_state=0).fit(X)
    >>> display = ExplanationDisplay.from_estimator(autoencoder, X[:1], n_columns=3)
    >>> len(display.bars_)
    4
    """

    def __init__(self, *, shares, seen, expected, columns, score=None):
        self.shares = shares
        self.seen = seen
        self.expected = expected
        self.columns = columns
        self.score = score

    @classmethod
    def from_estimator(
        cls, estimator, X, *, columns=None, n_columns=10, ax=None, bar_kwargs=None
    ):
        """Draw why a detector gives a row its score.

        Parameters
        ----------
        estimator : estimator instance
            A fitted outlier detector with ``explain``, or a Pipeline that ends in one:
            values then are in the units that reach its last step.
        X : array-like or sparse matrix of shape (1, n_features)
            The row.
        columns : sequence of shape (n_features,), default=None
            Names of the columns. None takes those of ``X`` or of ``fit``.
        n_columns : int, default=10
            Columns with a bar of their own, at most.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        bar_kwargs : dict, default=None
            Keywords for matplotlib's ``barh``.

        Returns
        -------
        display : ExplanationDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``explain``.
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``X`` holds more than one row, or its score is infinite.
        """
        explanation = explanation_of(cls, estimator, X)
        if len(explanation.scores) != 1:
            raise ValueError(
                f"X holds {len(explanation.scores)} rows, and ExplanationDisplay draws "
                "one. Give one of them, as X[i : i + 1], or take ExplanationMapDisplay."
            )
        return cls.from_explanation(
            explanation,
            columns=columns,
            n_columns=n_columns,
            ax=ax,
            bar_kwargs=bar_kwargs,
        )

    @classmethod
    def from_explanation(
        cls,
        explanation,
        row=0,
        *,
        columns=None,
        n_columns=10,
        ax=None,
        bar_kwargs=None,
    ):
        """Draw one row of what ``explain`` returned.

        Parameters
        ----------
        explanation : Explanation
            Of one row or more.
        row : int, default=0
            Position of the row.
        columns : sequence of shape (n_features,), default=None
            Names of the columns. None takes those of the explanation.
        n_columns : int, default=10
            Columns with a bar of their own, at most.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        bar_kwargs : dict, default=None
            Keywords for matplotlib's ``barh``.

        Returns
        -------
        display : ExplanationDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the score of the row is infinite.
        """
        import_pyplot(cls.__name__)
        score = float(explanation.scores[row])
        if not np.isfinite(score):
            raise ValueError(
                f"The score of the row is {score}, and a bar would have no end. Look "
                "at the shares and the values of explain instead."
            )
        parts = (explanation.shares, explanation.seen, explanation.expected)
        shares, seen, expected = (np.asarray(part)[row].ravel() for part in parts)
        names = explanation.columns if columns is None else columns
        display = cls(
            shares=shares, seen=seen, expected=expected, columns=names, score=score
        )
        return display.plot(ax, n_columns=n_columns, bar_kwargs=bar_kwargs)

    def plot(self, ax=None, *, n_columns=10, bar_kwargs=None):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        n_columns : int, default=10
            Columns with a bar of their own, at most.
        bar_kwargs : dict, default=None
            Keywords for matplotlib's ``barh``.

        Returns
        -------
        display : ExplanationDisplay
            The display, drawn.
        """
        plt = import_pyplot("ExplanationDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        widths, labels = self._bars(n_columns)
        style = {"color": np.where(widths < 0, "C0", "C3")}
        places = np.arange(len(widths))
        self.bars_ = ax.barh(places, widths, **merged(style, bar_kwargs))
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_yticks(places, labels)
        ax.invert_yaxis()
        ax.set_xlabel("Share of the outlier score")
        if self.score is not None:
            ax.set_title(f"Outlier score: {self.score:.4g}")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _bars(self, n_columns):
        """Return the widths of the bars and their labels, the largest first."""
        by_size = np.argsort(-np.abs(self.shares), kind="stable")
        best, others = by_size[:n_columns], by_size[n_columns:]
        best = best[np.argsort(-self.shares[best], kind="stable")]
        widths = self.shares[best]
        labels = [
            f"{self.columns[j]}: {self.seen[j]:.4g} ({self.expected[j]:.4g})"
            for j in best
        ]
        if len(others):
            widths = np.append(widths, self.shares[others].sum())
            labels.append(f"{len(others)} other" + "s" * (len(others) > 1))
        return widths, labels
