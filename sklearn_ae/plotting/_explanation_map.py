"""Which columns make rows outliers: a map of many rows."""

import numpy as np

from ._shared import explanation_of, import_pyplot, merged


class ExplanationMapDisplay:
    """Shares of many rows' outlier scores: rows by the columns that say most.

    Each row's shares are divided by the sum of their sizes, so that a row far out does
    not press all others into one colour. Columns are those with the largest mean of
    these, from the left. It is best made with :meth:`from_estimator`. All parameters
    are kept as attributes.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, n_features)
        Of each row and column in minus the score.
    columns : sequence of shape (n_features,)
        Names of the columns.
    rows : sequence of shape (n_samples,), default=None
        Names of the rows. None counts them.

    Attributes
    ----------
    image_ : matplotlib AxesImage
        The map.
    colorbar_ : matplotlib Colorbar
        What its colours mean.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    ExplanationDisplay : One row, with the values seen and expected.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.plotting import ExplanationMapDisplay
    >>> X = load_wine().data
    >>> autoencoder = Autoencoder(2, max_epochs=5, random_state=0).fit(X)
    >>> display = ExplanationMapDisplay.from_estimator(autoencoder, X[:8], n_columns=5)
    >>> display.image_.get_array().shape
    (8, 5)
    """

    def __init__(self, *, shares, columns, rows=None):
        self.shares = shares
        self.columns = columns
        self.rows = rows

    @classmethod
    def from_estimator(
        cls, estimator, X, *, columns=None, n_columns=10, ax=None, image_kwargs=None
    ):
        """Draw why a detector gives rows their scores.

        Parameters
        ----------
        estimator : estimator instance
            A fitted outlier detector with ``explain``, or a Pipeline that ends in one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, such as those that ``predict`` calls outliers.
        columns : sequence of shape (n_features,), default=None
            Names of the columns. None takes those of ``X`` or of ``fit``.
        n_columns : int, default=10
            Columns that are drawn, at most.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.

        Returns
        -------
        display : ExplanationMapDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``explain``.
        ImportError
            If matplotlib is not installed.
        """
        return cls.from_explanation(
            explanation_of(cls, estimator, X),
            columns=columns,
            n_columns=n_columns,
            ax=ax,
            image_kwargs=image_kwargs,
        )

    @classmethod
    def from_explanation(
        cls, explanation, *, columns=None, n_columns=10, ax=None, image_kwargs=None
    ):
        """Draw what ``explain`` returned.

        Parameters
        ----------
        explanation : Explanation
            Of one row or more.
        columns : sequence of shape (n_features,), default=None
            Names of the columns. None takes those of the explanation.
        n_columns : int, default=10
            Columns that are drawn, at most.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.

        Returns
        -------
        display : ExplanationMapDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(cls.__name__)
        display = cls(
            shares=np.asarray(explanation.shares).reshape(len(explanation.scores), -1),
            columns=explanation.columns if columns is None else columns,
            rows=getattr(explanation.shares, "index", None),
        )
        return display.plot(ax, n_columns=n_columns, image_kwargs=image_kwargs)

    def plot(self, ax=None, *, n_columns=10, image_kwargs=None):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        n_columns : int, default=10
            Columns that are drawn, at most.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.

        Returns
        -------
        display : ExplanationMapDisplay
            The display, drawn.
        """
        plt = import_pyplot("ExplanationMapDisplay.plot")
        from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        parts = _parts_of_sizes(self.shares)
        best = np.argsort(-parts.mean(axis=0), kind="stable")[:n_columns]
        most = np.abs(parts[:, best]).max(initial=0) or 1.0
        style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "aspect": "auto"}
        style["interpolation"] = "nearest"
        self.image_ = ax.imshow(parts[:, best], **merged(style, image_kwargs))
        names = [str(self.columns[j]) for j in best]
        ax.set_xticks(np.arange(len(best)), names, rotation=45, ha="right")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=20))
        ax.yaxis.set_major_formatter(FuncFormatter(self._name_of_row))
        ax.set_ylabel("Row")
        self.colorbar_ = ax.figure.colorbar(
            self.image_, ax=ax, format=PercentFormatter(1, decimals=0)
        )
        self.colorbar_.set_label("Share of the outlier score")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _name_of_row(self, place, _):
        """Return the name of the row at a place of the axis, "" where there is none."""
        if not 0 <= place < len(self.shares):
            return ""
        return f"{place:.0f}" if self.rows is None else str(self.rows[int(place)])


def _parts_of_sizes(shares):
    """Return shares as parts of the sum of their sizes, row by row."""
    is_infinite = np.isinf(shares).any(axis=1, keepdims=True)
    shares = np.where(is_infinite, np.isinf(shares).astype(float), shares)
    sizes = np.abs(shares).sum(axis=1, keepdims=True)
    return shares / np.where(sizes > 0, sizes, 1.0)
