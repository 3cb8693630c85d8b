"""Rows, images or sequences beside their reconstructions."""

from numbers import Integral

import numpy as np

from ._shared import as_rows, check_display, import_pyplot, merged


class ReconstructionDisplay:
    """Rows, and below them what estimators make of them.

    The upper row of the picture holds the originals, each further row one estimator's
    reconstructions: as images, or as profiles of the features' values, or of a
    sequence's steps, over a thick line of the original's. It is best made with
    :meth:`from_estimator` or :meth:`from_estimators`. All parameters are kept as
    attributes.

    Parameters
    ----------
    originals : ndarray of shape (n_samples, n_features), or list of ndarray
        The rows; or sequences of shape (n_steps,) or (n_steps, n_channels), of which
        each channel is a line.
    reconstructions : dict of str to the same
        The reconstructions, by the name that stands beside them.
    image_shape : tuple of int, default=None
        The shape of a row as an image, (height, width) or (height, width, 3). None
        draws profiles.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (1 + n_estimators, n_samples)
        One small axes for each picture, inside ``ax_``.
    ax_ : matplotlib Axes
        The axes that holds them all.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    CodeDisplay : Two components of the codes.
    sklearn_ae.metrics.reconstruction_r2 : The same in one number.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae.plotting import ReconstructionDisplay
    >>> X = load_digits().data
    >>> pca = PCA(8).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(pca, X, image_shape=(8, 8))
    >>> display.axes_.shape
    (2, 8)
    """

    def __init__(self, *, originals, reconstructions, image_shape=None):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        image_shape=None,
        n_samples=8,
        name=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw rows beside an estimator's reconstructions.

        Parameters
        ----------
        estimator : estimator instance
            A fitted transformer with ``inverse_transform``, such as an autoencoder,
            :class:`~sklearn.decomposition.PCA`, or a Pipeline of such transformers.
        X : array-like or sparse matrix of shape (n_rows, n_features)
            The rows. Also sequences, as an array of shape (n_rows, n_steps, n_channels)
            or a list of arrays.
        image_shape : tuple of int, default=None
            The shape of a row as an image, (height, width) or (height, width, 3). None
            draws profiles.
        n_samples : int, default=8
            How many of the rows are drawn, from the first on; all if there are fewer.
        name : str, default=None
            What stands beside the reconstructions. None takes the class's name.
        ax : matplotlib Axes, default=None
            The axes to divide up. None makes a new figure.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``transform`` or no ``inverse_transform``.
        ImportError
            If matplotlib is not installed.
        ValueError
            If a row does not fill ``image_shape``.
        """
        last = check_display(cls, estimator, "transform", "inverse_transform")
        return cls.from_estimators(
            {name or type(last).__name__: estimator},
            X,
            image_shape=image_shape,
            n_samples=n_samples,
            ax=ax,
            image_kwargs=image_kwargs,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        *,
        image_shape=None,
        n_samples=8,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw rows beside the reconstructions of several estimators.

        Parameters
        ----------
        estimators : dict of str to estimator instance
            Fitted transformers with ``inverse_transform``, by the name that stands
            beside their reconstructions.
        X : array-like or sparse matrix of shape (n_rows, n_features)
            The rows, given to every estimator. Also sequences, as an array of shape
            (n_rows, n_steps, n_channels) or a list of arrays.
        image_shape : tuple of int, default=None
            The shape of a row as an image, (height, width) or (height, width, 3). None
            draws profiles.
        n_samples : int, default=8
            How many of the rows are drawn, from the first on; all if there are fewer.
        ax : matplotlib Axes, default=None
            The axes to divide up. None makes a new figure.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.decomposition import PCA
        >>> from sklearn.preprocessing import StandardScaler
        >>> from sklearn_ae.plotting import ReconstructionDisplay
        >>> X = StandardScaler().fit_transform(load_wine().data)
        >>> few, many = PCA(2).fit(X), PCA(8).fit(X)
        >>> display = ReconstructionDisplay.from_estimators(
        ...     {"2 components": few, "8 components": many}, X, n_samples=4
        ... )
        >>> display.axes_.shape
        (3, 4)
        """
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(
                f"n_samples={n_samples!r} must be an integer of at least 1. Give the "
                "number of rows to draw, such as 8."
            )
        if not estimators:
            raise ValueError(
                f"estimators={estimators!r} must name at least one estimator. Give a "
                'dict such as {"PCA": pca}.'
            )
        reconstructions = {}
        are_sequences = image_shape is None and _are_sequences(X)
        if are_sequences:
            X = X[:n_samples]
        for name, estimator in estimators.items():
            check_display(cls, estimator, "transform", "inverse_transform")
            if are_sequences:
                reconstructions[name] = _rebuilt(estimator, X)
                continue
            # The rows are cut after encoding: slicing a data frame would need to know
            # its kind, and slicing it to an array would lose its columns' names.
            codes = np.asarray(estimator.transform(X))[:n_samples]
            reconstructions[name] = as_rows(estimator.inverse_transform(codes))
        display = cls(
            originals=X if are_sequences else as_rows(X)[:n_samples],
            reconstructions=reconstructions,
            image_shape=image_shape,
        )
        return display.plot(ax, image_kwargs=image_kwargs, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, image_kwargs=None, line_kwargs=None):
        """Draw the rows and their reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide up. None makes a new figure.
        image_kwargs : dict, default=None
            Keywords for matplotlib's ``imshow``.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.
        """
        self._check_image_shape()
        plt = import_pyplot("ReconstructionDisplay.plot")
        rows = {"Original": self.originals, **self.reconstructions}
        n_lines, n_samples = len(rows), len(self.originals)
        if ax is None:
            width, height = (1.0, 1.05) if self.image_shape else (1.7, 1.4)
            _, ax = plt.subplots(
                figsize=(1.3 + width * n_samples, 0.1 + height * n_lines),
                layout="constrained",
            )
        ax.set_axis_off()
        if self.image_shape:
            # Else the images would drift apart in axes of another shape.
            height, width = self.image_shape[:2]
            ax.set_box_aspect(n_lines * height / (n_samples * width))
        self.axes_ = _divide(ax, n_lines, n_samples)
        for line, (name, values) in enumerate(rows.items()):
            for column in range(n_samples):
                small = self.axes_[line, column]
                if self.image_shape:
                    self._draw_image(small, values[column], image_kwargs)
                else:
                    original = self.originals[column] if line else None
                    self._draw_profile(small, values[column], original, line_kwargs)
                    self._label_profile(small, line == n_lines - 1, column == 0)
            self.axes_[line, 0].set_ylabel(
                name,
                rotation="horizontal",
                horizontalalignment="right",
                verticalalignment="center",
                labelpad=8,
            )
        if not self.image_shape:
            _share_limits(self.axes_)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _check_image_shape(self):
        shape = self.image_shape
        if shape is None:
            return
        n_features = self.originals.shape[1]
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
            raise ValueError(
                f"image_shape={shape!r} must be (height, width) or (height, width, 3). "
                "Give image_shape=None to draw profiles."
            )
        if np.prod(shape) != n_features:
            raise ValueError(
                f"image_shape={shape!r} has {np.prod(shape)} values, while a row has "
                f"{n_features}; they must be equal. Give the shape of one row, or "
                "image_shape=None to draw profiles."
            )

    def _draw_image(self, ax, row, image_kwargs):
        # One scale for all, the originals': a reconstruction that is too faint should
        # look faint. What lies outside it is clipped.
        low, high = self.originals.min(), self.originals.max()
        image = row.reshape(self.image_shape)
        if image.ndim == 3:  # matplotlib scales no colours
            image = np.clip((image - low) / ((high - low) or 1), 0, 1)
        style = {"cmap": "gray_r", "vmin": low, "vmax": high}
        ax.imshow(image, **merged(style, image_kwargs))
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set_color("0.8")

    def _draw_profile(self, ax, row, original, line_kwargs):
        style = {}
        if np.ndim(row) == 1:  # of several channels each has a colour
            style["color"] = "C0" if original is None else "C1"
        if original is not None:
            ax.plot(original, color="0.7", linewidth=3, zorder=1)
        ax.plot(row, **merged(style, line_kwargs))

    def _label_profile(self, ax, is_lowest, is_first):
        ax.tick_params(
            labelsize="small", labelbottom=is_lowest, labelleft=is_first, length=2
        )
        ax.locator_params(nbins=3)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if is_lowest:
            is_table = isinstance(self.originals, np.ndarray) and (
                self.originals.ndim == 2
            )
            ax.set_xlabel("Feature" if is_table else "Step", fontsize="small")


def _are_sequences(X):
    """Whether ``X`` is an array with channels, or a list of arrays."""
    if isinstance(X, list):
        return any(hasattr(item, "shape") for item in X)
    return getattr(X, "ndim", 2) == 3


def _rebuilt(estimator, X):
    """Return reconstructions of sequences, of their own lengths where it can be."""
    if hasattr(estimator, "reconstruct"):
        return estimator.reconstruct(X)
    return estimator.inverse_transform(estimator.transform(X))


def _divide(ax, n_rows, n_columns, gap=0.06):
    """Return a grid of axes inside ``ax``, wherever it lies.

    Insets and not a grid of the figure's: the axes given may be anything.
    """
    height, width = 1 / n_rows, 1 / n_columns
    grid = np.empty((n_rows, n_columns), dtype=object)
    for i, j in np.ndindex(grid.shape):
        left, bottom = j * width, 1 - (i + 1) * height
        inner = (1 - gap) * width, (1 - gap) * height
        grid[i, j] = ax.inset_axes([left, bottom, *inner])
    return grid


def _share_limits(axes):
    """Give all axes the widest of their limits."""
    lows, highs = zip(*(ax.get_ylim() for ax in axes.flat), strict=True)
    for ax in axes.flat:
        ax.set_ylim(min(lows), max(highs))
