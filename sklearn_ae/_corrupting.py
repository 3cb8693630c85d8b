"""Corruption of the input, as a choice of any estimator."""

from numbers import Real

import numpy as np

from ._compat import Interval, StrOptions
from .training import CLEAN, KINDS, Corruptions, make_corruption


class CorruptionMixin:
    """Rows are corrupted in training, afresh at every step, and never afterwards.

    Parameters
    ----------
    corruption : str or None, default=None
        None, or what is done to the rows that the encoder reads in training, while
        the clean rows stay the target. "gaussian" adds normal noise; the others change
        cells drawn at random: "masking" to the column's mean, "salt_and_pepper" to its
        least or largest value, "swap" to its value in another row. "step_masking", of
        sequences, puts all channels of a step to their means together.
    corruption_rate : float or array-like of shape (n_features,), default=0.2
        Share of the cells that are changed; one for all columns or one for each. Not
        used by "gaussian".
    noise_scale : float or array-like of shape (n_features,), default=0.5
        Standard deviation of the noise of "gaussian", in standard deviations of each
        column; one for all columns or one for each.
    """

    corruption: str | None = None
    corruption_rate: float | tuple = 0.2
    noise_scale: float | tuple = 0.5

    _parameter_constraints = {
        "corruption": [StrOptions(set(KINDS)), None],
        "corruption_rate": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "noise_scale": [Interval(Real, 0, None, closed="left"), "array-like"],
    }

    @property
    def _corruption_kind(self):
        """What is done to rows, once "auto" is settled where there is such."""
        return self.corruption

    @property
    def _is_corrupted(self):
        return self._corruption_kind is not None

    def _check_rows(self, rows):
        super()._check_rows(rows)
        if not self._is_corrupted:
            return
        self._corruption_amount(rows.shape[1])
        if self._corruption_kind == "step_masking" and len(self._row_shape) != 2:
            raise ValueError(
                "corruption='step_masking' is for sequences, and rows of a table and "
                "images have no steps. Take corruption='masking', or a network for "
                "sequences."
            )

    def _make_corruptions(self, source, weight):
        if not self._is_corrupted:
            return CLEAN
        amount = self._corruption_amount(source.n_features)
        return Corruptions(self._make_corruption(amount, source, weight))

    def _make_corruption(self, amount, source, weight):
        n_channels = self._row_shape[-1]
        return make_corruption(
            self._corruption_kind, amount, source, weight, n_channels
        )

    def _corruption_amount(self, n_features):
        """Return the rate, or the scale of the noise, of each column."""
        name = (
            "noise_scale" if self._corruption_kind == "gaussian" else "corruption_rate"
        )
        return per_column(name, getattr(self, name), n_features, self._corruption_kind)


def per_column(name, value, n_features, kind):
    """Return a parameter that may be one number as one number for each column."""
    amount = np.asarray(value, dtype=np.float64)
    if amount.shape not in {(), (n_features,)}:
        raise ValueError(
            f"{name} has shape {amount.shape}, but X has {n_features} columns. Give "
            "one number for all columns, or one for each."
        )
    most, rule = (np.inf, "0 or more") if kind == "gaussian" else (1, "between 0 and 1")
    if not np.all((amount >= 0) & (amount <= most)):
        wrong = amount[~((amount >= 0) & (amount <= most))].flat[0]
        raise ValueError(
            f"{name} holds {wrong}, and must be {rule} in each column: "
            + (
                "it counts standard deviations."
                if kind == "gaussian"
                else "it is the share of the cells that are changed."
            )
        )
    return np.broadcast_to(amount, (n_features,)).copy()
