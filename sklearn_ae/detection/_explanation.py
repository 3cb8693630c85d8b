"""Which columns make a row an outlier, and what they would be expected to be."""

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..training import dense_block
from ._expected import TypicalRows
from ._path import path_shares


@dataclass(frozen=True, eq=False)
class Explanation:
    """The share of each column in the scores of rows, and the values expected.

    What ``explain`` of an outlier detector returns. The first three have the shape of
    the rows, and are data frames with the index and the columns of ``X`` where that was
    a pandas data frame.

    Parameters
    ----------
    shares : ndarray or DataFrame of shape (n_samples, n_features)
        Of each column in minus the score: they sum to ``-scores``. The larger, the more
        abnormal; a share below zero speaks for the row. Images and sequences come in
        their own shape.
    expected : ndarray or DataFrame of the shape of ``shares``
        Mean of the training rows most like the row, in the units of ``X``.
    seen : ndarray or DataFrame of the shape of ``shares``
        The rows themselves.
    scores : ndarray of shape (n_samples,)
        Outlier scores of the rows, as ``score_samples`` returns them.
    expected_scores : ndarray of shape (n_samples,)
        Those of the expected rows.
    columns : ndarray of shape (n_features,)
        Names of the columns; their positions if they have none.
    """

    shares: object
    expected: object
    seen: object
    scores: np.ndarray
    expected_scores: np.ndarray
    columns: np.ndarray

    def top(self, n=5):
        """Return the columns with the largest shares of each row.

        Parameters
        ----------
        n : int, default=5
            Columns of each row, at most.

        Returns
        -------
        top : DataFrame or ndarray with named fields
            One line for each row and column, ordered by row and, from the largest down,
            by share. ``row`` (in the index of ``X``, or its position), ``column`` (its
            name, or its position in the flattened row), ``share``, ``seen``,
            ``expected``. A data frame where ``X`` was one.

        Raises
        ------
        ValueError
            If ``n`` is below 1.
        """
        if not isinstance(n, Integral) or n < 1:
            raise ValueError(
                f"n={n!r} must be an integer of at least 1: it is the number of "
                "columns to return of each row."
            )
        shares = _flat(self.shares)
        best = np.argsort(-shares, axis=1, kind="stable")[:, :n]
        fields = {
            "row": np.repeat(self._index(), best.shape[1]),
            "column": self.columns[best].ravel(),
        }
        for name, values in (
            ("share", shares),
            ("seen", _flat(self.seen)),
            ("expected", _flat(self.expected)),
        ):
            fields[name] = np.take_along_axis(values, best, axis=1).ravel()
        if hasattr(self.shares, "iloc"):
            return type(self.shares)(fields)
        dtype = [(name, values.dtype) for name, values in fields.items()]
        top = np.empty(best.size, dtype)
        for name, values in fields.items():
            top[name] = values
        return top

    def _index(self):
        if hasattr(self.shares, "iloc"):
            return self.shares.index
        return np.arange(len(self.scores))


class ExplanationMixin:
    """``explain`` of an outlier detector, whatever its score is."""

    def explain(self, X):
        r"""Return the share of each column in the scores, and the values expected.

        The row expected, :math:`e_i`, is the mean of the ten training rows that are
        most like row :math:`x_i`, of a sample of those that are no outliers
        themselves; what one column has does not decide which they are. Where that mean
        is an outlier, it is the row that is most alike. On the straight path from
        :math:`e_i` to :math:`x_i` each change of the score is due to columns, and over
        the whole path the change is [1]_

        .. math::
            a_{ij} = -\int_0^1 \frac{\partial s}{\partial x_j}
            \bigl(e_i + t (x_i - e_i)\bigr)\, (x_{ij} - e_{ij})\, dt.

        The share of a column is :math:`a_{ij} - s(e_i) / d`: what no column explains,
        the score of the expected row itself, is spread evenly over all :math:`d`. So
        shares sum to :math:`-s(x_i)`. The integral is computed by finite differences
        in eight segments: 16 rows are scored for each column that is not as expected.
        A row's explanation does not depend on the rows around it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        explanation : Explanation
            With ``shares``, ``expected``, ``seen`` of the shape of ``X`` (data frames
            where ``X`` is a pandas one), ``scores``, and
            :meth:`~sklearn_ae.detection.Explanation.top`. Of a row whose score is
            infinite the column farthest from what is expected has all of it.

        Raises
        ------
        ValueError
            If the estimator was fitted on tokens, or on sequences of several lengths:
            there is no path from one to another.

        References
        ----------
        .. [1] Sundararajan, M., Taly, A. and Yan, Q. (2017). Axiomatic attribution for
           deep networks. International Conference on Machine Learning, 3319-3328.
        """
        check_is_fitted(self)
        model, score = self._explained()
        _check_is_explained(model)
        rows = model._read(X)
        scores = score(rows)
        reference = model._reference
        typical = TypicalRows(
            reference.rows, reference.weight, score, model._fit_scaling
        )
        seen = np.empty(rows.shape, dtype=rows.dtype)
        expected, shares = np.empty_like(seen), np.empty(rows.shape)
        expected_scores = np.empty(len(seen))
        for i in range(len(seen)):
            seen[i] = dense_block(rows, slice(i, i + 1))[0]
            expected[i], expected_scores[i] = typical.expect(seen[i])
            start, end = (part[i].astype(np.float64) for part in (expected, seen))
            shares[i] = row_shares(
                score, start, end, expected_scores[i], scores[i], typical.unit
            )
        parts = (_in_form(part, X) for part in (shares, expected, seen))
        return Explanation(*parts, scores, expected_scores, _names(model, X))

    def _explained(self):
        """Return the autoencoder that reads rows, and the function that scores them."""
        return self, self._score_rows


def row_shares(score, expected, seen, of_expected, of_seen, unit):
    """Return the share of each column of one row in minus its score.

    Parameters
    ----------
    score : callable
        Returns the scores of rows of shape ``(n, n_features)``.
    expected, seen : ndarray of shape (n_features,)
    of_expected, of_seen : float
        Their scores.
    unit : ndarray of shape (n_features,)
        Of the columns.

    Returns
    -------
    shares : ndarray of shape (n_features,)
    """
    if np.isfinite([of_expected, of_seen]).all():
        with np.errstate(over="ignore", invalid="ignore"):
            shares = path_shares(score, expected, seen, of_expected, of_seen)
            shares -= of_expected / len(shares)
        if np.isfinite(shares).all():
            return shares
    # Beyond the range of floats all of it is the farthest column's.
    with np.errstate(over="ignore"):
        apart = np.abs(seen / unit - expected / unit)
    shares = np.zeros(len(apart))
    shares[apart.argmax()] = -of_seen
    return shares


def _check_is_explained(model):
    """Refuse rows that have nothing between them."""
    name = type(model).__name__
    if hasattr(model, "vocabulary_"):
        raise ValueError(
            f"{name} was fitted on tokens, and explain follows the score from a "
            "sequence that is expected to the one seen: between tokens there is "
            "nothing. Compare score_samples of the sequence with some tokens left out."
        )
    if getattr(model, "varies_in_length_", False):
        raise ValueError(
            f"{name} was fitted on sequences of several lengths, and explain follows "
            "the score from a sequence that is expected to the one seen, step by step. "
            "Resample the sequences to one length and fit on an array of them."
        )


# -- forms of what comes in


def _in_form(values, X):
    """Return rows in the form of what came in: a data frame, or an array."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return type(X)(values, index=X.index, columns=X.columns)
    shape = () if hasattr(X, "iloc") else np.shape(X)
    # An array of objects that are images or sequences has no shape but its length.
    is_whole = len(shape) > 1 and math.prod(shape) == values.size
    return values.reshape(shape) if is_whole else values


def _names(model, X):
    """Return the names of the columns, or their positions."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return np.asarray(X.columns)
    names = getattr(model, "feature_names_in_", None)
    return np.arange(model.n_features_in_) if names is None else names


def _flat(values):
    """Return rows as an array of shape (n_samples, n_values)."""
    values = np.asarray(values)
    return values.reshape(len(values), -1)
