"""Learning curves, beside the level at which training starts."""

from typing import NamedTuple

import numpy as np

from ._shared import check_display, import_pyplot, merged


class Quantity(NamedTuple):
    """What a kind of estimator's losses mean.

    Attributes
    ----------
    name : str
    of : callable
        Returns the scores of losses.
    start : str or None
        The attribute with the score of the start, which tells the kinds apart.
    start_name : str
    """

    name: str
    of: callable
    start: str | None
    start_name: str


QUANTITIES = (
    Quantity("R² of the reconstruction", lambda x: 1 - x, "pca_validation_r2_", "PCA"),
    Quantity(
        "R² to the clean rows",
        lambda x: 1 - x,
        "linear_validation_r2_",
        "linear denoiser",
    ),
    Quantity(
        "Evidence lower bound, nats per row",
        lambda x: -x,
        "pca_validation_elbo_",
        "probabilistic PCA",
    ),
    Quantity("1 less the loss", lambda x: 1 - x, None, ""),
)


def quantity_of(estimator):
    """Return what an estimator's losses mean."""
    return next(q for q in QUANTITIES if q.start is None or hasattr(estimator, q.start))


class TrainingCurveDisplay:
    """What training gains, epoch by epoch, beside the level at which it starts.

    R² of the reconstruction beside PCA's; of a denoiser, R² to the clean rows beside
    the best linear denoiser's; of a variational autoencoder, the evidence lower bound
    beside that of probabilistic PCA; of a sparse one, 1 less the loss.

    It is best made with :meth:`from_estimator`. All parameters are kept as attributes.

    Parameters
    ----------
    train_score : array-like of shape (n_epochs,)
        The score on the training rows during each epoch.
    valid_score : array-like of shape (n_epochs,), default=None
        The score on the held-out rows after each epoch. None if no row was held out.
    start_score : float, default=None
        The score on the held-out rows of the linear model where training starts. None
        if it is not known.
    best_epoch : int, default=None
        The epoch whose weights were kept, counted from 1; 0 is the start. None leaves
        the mark out.
    quantity : str, default="R² of the reconstruction"
        What the scores are.
    start_name : str, default="PCA"
        What the linear model at the start is.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves: of the training rows, then of the held-out rows if there are any.
    start_line_ : matplotlib Line2D or None
        The level of the start.
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
    >>> display.train_score.shape
    (20,)
    """

    def __init__(
        self,
        *,
        train_score,
        valid_score=None,
        start_score=None,
        best_epoch=None,
        quantity="R² of the reconstruction",
        start_name="PCA",
    ):
        self.train_score = train_score
        self.valid_score = valid_score
        self.start_score = start_score
        self.best_epoch = best_epoch
        self.quantity = quantity
        self.start_name = start_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kwargs=None):
        """Draw the training of a fitted autoencoder.

        Parameters
        ----------
        estimator : estimator instance
            A fitted autoencoder, or a fitted :class:`~sklearn.pipeline.Pipeline` that
            ends in one. Read are ``history_``, ``best_epoch_``, and the score of the
            start on held-out rows where there is one.
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
        losses, quantity = estimator.history_, quantity_of(estimator)
        valid = losses.get("valid_loss")
        display = cls(
            # Without a single epoch there may be no losses at all.
            train_score=quantity.of(np.asarray(losses.get("train_loss", []))),
            valid_score=None if valid is None else quantity.of(valid),
            start_score=getattr(estimator, quantity.start or "", None),
            best_epoch=getattr(estimator, "best_epoch_", None),
            quantity=quantity.name,
            start_name=quantity.start_name,
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
        self.start_line_ = self.mark_ = None
        if self.start_score is not None:
            self.start_line_ = ax.axhline(
                self.start_score,
                color="0.4",
                linestyle="--",
                zorder=1,
                label=f"{self.start_name} on held-out rows: {self.start_score:.3f}",
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
        ax.set(xlabel="Epoch", ylabel=self.quantity)
        n_epochs = max(len(self.train_score), 1)
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
        curves = [("training rows", self.train_score, "C0")]
        if self.valid_score is not None:
            curves.append(("held-out rows", self.valid_score, "C1"))
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
            return None if self.start_score is None else (0, self.start_score)
        curve = self.train_score if self.valid_score is None else self.valid_score
        # A stream's history may be shorter than the epochs behind the estimator.
        if self.best_epoch > len(curve):
            return None
        return self.best_epoch, float(curve[self.best_epoch - 1])
