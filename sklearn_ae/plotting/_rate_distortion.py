"""What bytes buy: the quality of decompressed rows by their size."""

from typing import NamedTuple

import numpy as np

from ._shared import as_rows, check_display, import_pyplot, merged


class Measure(NamedTuple):
    """A measure of quality.

    Attributes
    ----------
    name : str
        As it stands at the axis.
    of : callable
        ``of(rows, mean squared error)`` returns the quality.
    """

    name: str
    of: callable


def _psnr(rows, error):
    with np.errstate(divide="ignore"):  # no error at all is infinitely good
        return 10 * np.log10(np.ptp(rows) ** 2 / error)


def _r2(rows, error):
    return 1 - error / np.square(rows - rows.mean(axis=0)).mean()


MEASURES = {
    "psnr": Measure("PSNR, dB", _psnr),
    "r2": Measure("R² of the decompressed rows", _r2),
}


class RateDistortionDisplay:
    """Quality of decompressed rows beside the bytes they took.

    One curve for each estimator, one point for each number of bits: the further up and
    to the left, the better. It is best made with :meth:`from_estimator` or
    :meth:`from_estimators`. All parameters are kept as attributes.

    Parameters
    ----------
    bytes_per_row : dict of str to ndarray of shape (n_bits,)
        Size of the compressed rows, their share of the header included, by the name of
        the curve.
    quality : dict of str to ndarray of shape (n_bits,)
        Quality of the decompressed rows, by the same names.
    quantity : str, default="PSNR, dB"
        What the quality is, with its unit.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves, in the order of ``bytes_per_row``.
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
    >>> from sklearn_ae.plotting import RateDistortionDisplay
    >>> X = load_iris().data
    >>> autoencoder = Autoencoder(2, max_epochs=20, random_state=0).fit(X)
    >>> display = RateDistortionDisplay.from_estimator(autoencoder, X, bits=(2, 4, 6))
    >>> display.bytes_per_row["Autoencoder"].shape
    (3,)
    """

    def __init__(self, *, bytes_per_row, quality, quantity="PSNR, dB"):
        self.bytes_per_row = bytes_per_row
        self.quality = quality
        self.quantity = quantity

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        bits=range(2, 9),
        measure="psnr",
        name=None,
        ax=None,
        line_kwargs=None,
    ):
        r"""Draw how well an estimator compresses rows.

        Parameters
        ----------
        estimator : estimator instance
            A fitted estimator with ``compress`` and ``decompress``, such as an
            :class:`~sklearn_ae.Autoencoder`.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, or images as the estimator takes them. They are compressed
            together, so that they share one header.
        bits : iterable of int, default=range(2, 9)
            Numbers of bits to compress with, each a point of the curve.
        measure : {"psnr", "r2"}, default="psnr"
            "psnr" is the peak signal-to-noise ratio in decibels,
            :math:`10 \log_{10}((\max X - \min X)^2 / \mathrm{MSE})`, with the mean of
            the squared errors of all entries. "r2" is the share of the variance of
            ``X`` kept, :math:`1 - \mathrm{MSE} / \mathrm{Var}`, about the mean of each
            column.
        name : str, default=None
            What the curve is called. None takes the class's name.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``.

        Returns
        -------
        display : RateDistortionDisplay
            The display, drawn.

        Raises
        ------
        AttributeError
            If the estimator has no ``compress`` or no ``decompress``, as no Pipeline
            has.
        ImportError
            If matplotlib or constriction is not installed.
        ValueError
            If ``measure`` is none of the two, ``bits`` holds what ``compress`` does not
            take, or ``X`` has one value only.
        """
        last = check_display(cls, estimator, "compress", "decompress")
        return cls.from_estimators(
            {name or type(last).__name__: estimator},
            X,
            bits=bits,
            measure=measure,
            ax=ax,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        *,
        bits=range(2, 9),
        measure="psnr",
        ax=None,
        line_kwargs=None,
    ):
        """Draw how well several estimators compress the same rows.

        Parameters
        ----------
        estimators : dict of str to estimator instance
            Fitted estimators with ``compress`` and ``decompress``, by the names of
            their curves.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, given to every estimator.
        bits : iterable of int, default=range(2, 9)
            Numbers of bits to compress with, each a point of every curve.
        measure : {"psnr", "r2"}, default="psnr"
            As in :meth:`from_estimator`.
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``.

        Returns
        -------
        display : RateDistortionDisplay
            The display, drawn.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn_ae import Autoencoder
        >>> from sklearn_ae.plotting import RateDistortionDisplay
        >>> X = load_digits().data
        >>> few, many = (Autoencoder(k, max_epochs=0).fit(X) for k in (4, 16))
        >>> display = RateDistortionDisplay.from_estimators(
        ...     {"4 components": few, "16 components": many}, X, measure="r2"
        ... )
        >>> len(display.lines_)
        2
        """
        if measure not in MEASURES:
            raise ValueError(
                f"measure={measure!r} must be 'psnr' or 'r2'. Give 'psnr' for "
                "decibels, 'r2' for the share of variance kept."
            )
        if not estimators:
            raise ValueError(
                f"estimators={estimators!r} must name at least one estimator. Give a "
                'dict such as {"Autoencoder": autoencoder}.'
            )
        for estimator in estimators.values():
            check_display(cls, estimator, "compress", "decompress")
            if not hasattr(estimator, "compress"):
                raise AttributeError(
                    "A Pipeline does not pass compress on to its last step. Give the "
                    "step itself, estimator[-1], and the rows that reach it, "
                    "estimator[:-1].transform(X)."
                )
        rows, bits = as_rows(X).astype(np.float64), tuple(bits)
        if not np.ptp(rows):
            raise ValueError(
                f"All entries of X are {rows.flat[0]:g}, and {MEASURES[measure].name} "
                "is relative to how far they differ. Give rows that differ."
            )
        points = {
            name: [_point(estimator, X, rows, b, measure) for b in bits]
            for name, estimator in estimators.items()
        }
        curves = {name: np.reshape(curve, (-1, 2)) for name, curve in points.items()}
        display = cls(
            bytes_per_row={name: curve[:, 0] for name, curve in curves.items()},
            quality={name: curve[:, 1] for name, curve in curves.items()},
            quantity=MEASURES[measure].name,
        )
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords for matplotlib's ``plot``.

        Returns
        -------
        display : RateDistortionDisplay
            The display, drawn.
        """
        plt = import_pyplot("RateDistortionDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_ = []
        for name, size in self.bytes_per_row.items():
            style = merged({"marker": "o", "markersize": 4, "label": name}, line_kwargs)
            self.lines_ += ax.plot(size, self.quality[name], **style)
        ax.set(xlabel="Bytes per row, header included", ylabel=self.quantity)
        ax.set_xlim(left=0)
        # Curves rise to the right, and leave this corner free.
        ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _point(estimator, X, rows, bits, measure):
    """Return the bytes per row and the quality of rows compressed with so many bits."""
    data = estimator.compress(X, bits=bits)
    rebuilt = as_rows(estimator.decompress(data)).astype(np.float64)
    error = np.square(rows - rebuilt).mean()
    return len(data) / len(rows), MEASURES[measure].of(rows, error)
