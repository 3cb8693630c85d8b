"""Learning curves, beside PCA's level."""

import numpy as np

from ._shared import check_display, import_pyplot, merged


class TrainingCurveDisplay:
    """R² of the reconstruction, epoch by epoch, beside PCA's.

    It is best made with :meth:`from_estimator`. All parameters are kept as attributes.

    Parameters
    ----------
    train_r2 : array-like of shape (n_epochs,)
        R² on the training rows during each epoch.
    valid_r2 : array-like of shape (n_epochs,), default=None
        R² on the held-out rows after each epoch. None if no row was held out.
    pca_r2 : float, default=None
        R² of PCA with as many components on the held-out rows: where training starts.
        None if it is not known.
    best_epoch : int, default=None
        The epoch whose weights were kept, counted from 1; 0 is the PCA that training
        starts from. None leaves the mark out.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves: of the training rows, then of the held-out rows if there are any.
    pca_line_ : matplotlib Line2D or None
        PCA's level.
    mark_ : matplotlib Line2D or None
        The mark at the epoch that was kept.
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
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.plotting import TrainingCurveDisplay
    >>> X = load_iris().data
    >>> autoencoder = Autoencoder(1, max_epochs=20, random_state=0).fit(X)
    >>> display = TrainingCurveDisplay.from_estimator(autoencoder)
    >>> display.train_r2.shape
    (20,)
    """

    def __init__(self, *, train_r2, valid_r2=None, pca_r2=None, best_epoch=None):
        self.train_r2 = train_r2
        self.valid_r2 = valid_r2
        self.pca_r2 = pca_r2
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kwargs=None):
        """Draw the training of a fitted autoencoder.

        Parameters
        ----------
        estimator : estimator instance
            A fitted autoencoder, or a fitted :class:`~sklearn.pipeline.Pipeline` that
            ends in one. Read are ``history_``, ``pca_validation_r2_`` and
            ``best_epoch_``.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator keeps no ``history_``.
        ImportError
            If matplotlib is not installed.
        """
        estimator = check_display(cls, estimator, "history_")
        losses = estimator.history_
        display = cls(
            # Without a single epoch there may be no losses at all.
            train_r2=1 - np.asarray(losses.get("train_loss", [])),
            valid_r2=1 - losses["valid_loss"] if "valid_loss" in losses else None,
            pca_r2=getattr(estimator, "pca_validation_r2_", None),
            best_epoch=getattr(estimator, "best_epoch_", None),
        )
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``, for the curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display, drawn.
        """
        plt = import_pyplot("TrainingCurveDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_ = self._draw_curves(ax, line_kwargs)
        self.pca_line_ = self.mark_ = None
        if self.pca_r2 is not None:
            self.pca_line_ = ax.axhline(
                self.pca_r2,
                color="0.4",
                linestyle="--",
                zorder=1,
                label=f"PCA on held-out rows: {self.pca_r2:.3f}",
            )
        mark = self._place_of_mark()
        if mark is not None:
            (self.mark_,) = ax.plot(
                *mark,
                "o",
                color="black",
                markerfacecolor="white",
                markersize=8,
                markeredgewidth=1.5,
                zorder=3,
                label=f"kept: epoch {mark[0]}, {mark[1]:.3f}",
            )
        # Epochs are whole, also where there are few of them.
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="Epoch", ylabel="R² of the reconstruction")
        n_epochs = max(len(self.train_r2), 1)
        ax.set_xlim(-0.03 * n_epochs, 1.03 * n_epochs)
        if ax.get_legend_handles_labels()[1]:
            # Below the axes, clear of its labels: curves may run through any corner.
            ax.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, 0),
                borderaxespad=4,
                ncols=2,
                frameon=False,
            )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_curves(self, ax, line_kwargs):
        curves = [("training rows", self.train_r2, "C0")]
        if self.valid_r2 is not None:
            curves.append(("held-out rows", self.valid_r2, "C1"))
        lines = []
        for label, r2, color in curves:
            epochs = np.arange(1, len(r2) + 1)
            # A single epoch has no line; its point should show.
            marker = "." if len(r2) == 1 else ""
            style = merged(
                {"color": color, "label": label, "marker": marker}, line_kwargs
            )
            lines += ax.plot(epochs, r2, **style)
        # A curve without points would be a legend entry for nothing.
        for line in lines:
            if not len(line.get_xdata()):
                line.set_label("_nolegend_")
        return lines

    def _place_of_mark(self):
        """Return the epoch that was kept and its R², or None."""
        if self.best_epoch is None:
            return None
        if self.best_epoch == 0:
            return None if self.pca_r2 is None else (0, self.pca_r2)
        curve = self.train_r2 if self.valid_r2 is None else self.valid_r2
        # A stream's history may be shorter than the epochs behind the estimator.
        if self.best_epoch > len(curve):
            return None
        return self.best_epoch, float(curve[self.best_epoch - 1])
