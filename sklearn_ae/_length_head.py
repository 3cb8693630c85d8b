"""How long a sequence is of which only the code is known."""

import numpy as np
import torch

from .training import blocks_of, weighted_sum

# Ridge of the regression of lengths on codes, the most components of which products
# are terms of it, and the sequences, at most, that it is learned from.
RIDGE, MOST_PRODUCTS, HEAD_ROWS = 1e-3, 32, 10_000


class LengthHead:
    """What lengths codes tell of: a ridge regression on them and their products.

    Attributes
    ----------
    center, spread : ndarray of shape (n_components,)
    weights : ndarray of shape (n_terms,)
    least, most : int
        Of the training sequences' lengths.
    """

    def __init__(self, least, most):
        self.least, self.most = int(least), int(most)

    def fit(self, codes, lengths, weight):
        """Learn from training sequences.

        Parameters
        ----------
        codes : ndarray of shape (n, n_components)
        lengths, weight : ndarray of shape (n,)
        """
        share = weight / weight.sum()
        self.center = weighted_sum(share, codes)
        variance = weighted_sum(share, (codes - self.center) ** 2)
        self.spread = np.sqrt(np.where(variance > 0, variance, 1.0))
        terms = self._terms(codes)
        gram = (terms.T * share) @ terms
        gram[1:, 1:] += RIDGE * np.eye(len(gram) - 1)
        self.weights = np.linalg.solve(gram, (terms.T * share) @ lengths)
        return self

    def predict(self, codes):
        """Return lengths, none beyond those of the training sequences."""
        lengths = np.rint(self._terms(codes) @ self.weights)
        return np.clip(lengths, self.least, self.most).astype(int)

    def _terms(self, codes):
        codes = np.clip((codes - self.center) / self.spread, -3, 3)
        ones = np.ones((len(codes), 1))
        if codes.shape[1] > MOST_PRODUCTS:
            return np.hstack([ones, codes])
        first, second = np.triu_indices(codes.shape[1])
        return np.hstack([ones, codes, codes[:, first] * codes[:, second]])


@torch.no_grad()
def learn_lengths(fitted, least, most):
    """Return the :class:`LengthHead` of a fit's training sequences.

    Of many it learns from some, which the ranks of their contents decide.
    """
    group = fitted.plan.group
    index = np.unique(group, return_index=True)[1][:HEAD_ROWS]
    codes, lengths = [], []
    for block in blocks_of(len(index), fitted.rows.n_features):
        rows = fitted.rows.take(torch.from_numpy(index[block]))
        codes.append(fitted.network.encode(rows)[0].cpu().numpy())
        lengths.append(rows[:, -1].cpu().numpy())
    weight = np.bincount(group, fitted.weight)[:HEAD_ROWS]
    head = LengthHead(least, most)
    return head.fit(np.concatenate(codes), np.concatenate(lengths), weight)


def check_lengths(lengths, codes):
    """Return lengths as an array of integers, one for each code."""
    array = np.asarray(lengths)
    if array.shape != (len(codes),) or array.dtype.kind not in "iu" or array.min() < 1:
        raise ValueError(
            f"lengths={lengths!r} must hold one positive integer for each of the "
            f"{len(codes)} codes. Leave it out to have them told from the codes."
        )
    return array
