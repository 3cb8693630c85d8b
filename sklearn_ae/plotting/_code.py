"""Two components of the codes, as a scatter plot."""

from numbers import Integral

import numpy as np

from ._shared import check_display, check_labels, import_pyplot, merged

# With more distinct values than this, numbers in y are no names of classes.
MAX_CLASSES = 20


class CodeDisplay:
    """Two components of the codes, coloured by what is known of the rows.

    It is best made with :meth:`from_estimator`. All parameters are kept as attributes.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
        The two components.
    y : ndarray of shape (n_samples,), default=None
        What the colours stand for. Strings, booleans, and whole numbers of at most 20
        distinct values are classes and get a legend; other numbers are quantities and
        get a colour bar. None draws in one colour.
    names : tuple of (str, str), default=("Component 0", "Component 1")
        Labels of the axes.

    Attributes
    ----------
    scatters_ : list of matplotlib PathCollection
        The points, one collection for each class, in sorted order; or one for all.
    colorbar_ : matplotlib Colorbar or None
        The colour bar, if y is a quantity.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    ReconstructionDisplay : Rows beside their reconstructions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae.plotting import CodeDisplay
    >>> iris = load_iris()
    >>> pca = PCA(2).fit(iris.data)
    >>> species = iris.target_names[iris.target]
    >>> display = CodeDisplay.from_estimator(pca, iris.data, species)
    >>> len(display.scatters_)
    3
    """

    def __init__(self, *, codes, y=None, names=("Component 0", "Component 1")):
        self.codes = codes
        self.y = y
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        components=(0, 1),
        ax=None,
        scatter_kwargs=None,
    ):
        """Draw the codes that an estimator gives to rows.

        Parameters
        ----------
        estimator : estimator instance
            A fitted transformer, such as an autoencoder,
            :class:`~sklearn.decomposition.PCA`, or a Pipeline of transformers.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            What the colours stand for. Strings, booleans, and whole numbers of at most
            20 distinct values are classes and get a legend; other numbers are
            quantities and get a colour bar. None draws in one colour.
        components : tuple of (int, int), default=(0, 1)
            Which components go along and which up, counted from 0.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        scatter_kwargs : dict, default=None
            Keywords for matplotlib's ``scatter``.

        Returns
        -------
        display : CodeDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``transform``.
        ImportError
            If matplotlib is not installed.
        ValueError
            If the codes do not have these components, or ``y`` not a label for each
            row.
        """
        check_display(cls, estimator, "transform")
        codes = np.asarray(estimator.transform(X))
        components = _check_components(components, codes.shape[1])
        display = cls(
            codes=codes[:, components],
            y=None if y is None else check_labels(y, len(codes)),
            names=tuple(f"Component {component}" for component in components),
        )
        return display.plot(ax, scatter_kwargs=scatter_kwargs)

    def plot(self, ax=None, *, scatter_kwargs=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        scatter_kwargs : dict, default=None
            Keywords for matplotlib's ``scatter``.

        Returns
        -------
        display : CodeDisplay
            The display, drawn.
        """
        plt = import_pyplot("CodeDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        style = merged({"s": 14, "alpha": 0.8, "linewidths": 0}, scatter_kwargs)
        self.colorbar_ = None
        if self.y is None:
            self.scatters_ = [ax.scatter(*self.codes.T, **style)]
        elif _are_classes(self.y):
            self.scatters_ = self._draw_classes(ax, plt, style)
        else:
            self.scatters_ = [ax.scatter(*self.codes.T, **merged({"c": self.y}, style))]
            self.colorbar_ = ax.figure.colorbar(self.scatters_[0], ax=ax)
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_classes(self, ax, plt, style):
        classes = np.unique(self.y)
        colors = plt.get_cmap("tab10" if len(classes) <= 10 else "tab20").colors
        scatters = []
        for position, label in enumerate(classes):
            color = {"color": colors[position % len(colors)], "label": str(label)}
            points = self.codes[self.y == label]
            scatters.append(ax.scatter(*points.T, **merged(color, style)))
        # Beside the points: with many classes there is no free corner among them.
        legend = ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            borderaxespad=0,
            frameon=False,
            handletextpad=0.2,
            ncols=1 + (len(classes) > 16),
        )
        for handle in legend.legend_handles:
            handle.set(sizes=[36], alpha=1)
        return scatters


def _check_components(components, n_components):
    if n_components < 2:
        raise ValueError(
            f"The codes have {n_components} component(s), while CodeDisplay draws two. "
            "Fit the estimator with n_components=2 or more."
        )
    is_pair = np.ndim(components) == 1 and len(components) == 2
    if not is_pair or not all(
        isinstance(component, Integral) and 0 <= component < n_components
        for component in components
    ):
        raise ValueError(
            f"components={components!r} must be two integers between 0 and "
            f"{n_components - 1}, as the codes have {n_components} components. Give, "
            "for example, components=(0, 1)."
        )
    return list(components)


def _are_classes(y):
    if y.dtype.kind not in "iuf":
        return True
    values = np.unique(y)
    return len(values) <= MAX_CLASSES and bool(np.all(values == np.round(values)))
