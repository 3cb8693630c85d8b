"""What a row would be expected to be: the mean of those that are most like it."""

import numpy as np

from ._scorer import weighted_quantile

# Rows that the expected one is the mean of.
N_NEAREST = 10

# Share of the rows, those with the lowest scores, that are not trusted.
TAIL = 0.1

# Standard deviations that are as far as can be: their square is a number still.
FAR = 1e150


class TypicalRows:
    r"""Training rows that are no outliers, and what they make one expect of others.

    Rows are near if few columns differ:

    .. math::
        d(x, y) = \sum_j \log\bigl(1 + (x_j - y_j)^2 / \sigma_j^2\bigr).

    A column that is far out adds little more than one that differs, and much the same
    to all distances: it is not what picks the rows that tell what it should have been.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    weight : ndarray of shape (n,)
        Above zero.
    score : callable
        Returns the outlier scores of rows.
    fit_scaling : callable
        Returns the ``Scaling`` of rows and weights, with the units of the columns, and
        another value.
    """

    def __init__(self, rows, weight, score, fit_scaling):
        scores = score(rows)
        self.least = weighted_quantile(scores, weight, TAIL)
        trusted = scores >= self.least
        self.rows, self.weight = rows[trusted], weight[trusted]
        self.score = score
        self.unit = fit_scaling(self.rows, self.weight)[0].std

    def expect(self, row):
        """Return the row expected in the place of one, and its score.

        Where there is nothing between the rows that are near, as between categories,
        their mean may be an outlier itself. Then it is the nearest of them.
        """
        nearest = self._nearest(row)
        for expected in (self._mean(nearest), self.rows[nearest[0]]):
            expected = expected.astype(row.dtype)
            of_expected = self.score(expected[None].astype(np.float64))[0]
            if of_expected >= self.least:
                break
        return expected, of_expected

    def _nearest(self, row):
        with np.errstate(over="ignore"):
            apart = np.abs(self.rows - row) / self.unit
        distance = np.log1p(np.square(np.minimum(apart, FAR))).sum(axis=1)
        return np.argsort(distance, kind="stable")[:N_NEAREST]

    def _mean(self, index):
        rows = self.rows[index]
        mean = np.average(rows, axis=0, weights=self.weight[index])
        # Of equal values the mean is this value, without a rounding error.
        return np.clip(mean, rows.min(axis=0), rows.max(axis=0))
