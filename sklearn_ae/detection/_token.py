"""Outlier scores of sequences of tokens."""

import numpy as np
import torch

from ._scorer import MahalanobisScorer


class TokenScorer(MahalanobisScorer):
    r"""Robust distance of [code, surprise] from the bulk of the training rows.

    As :class:`MahalanobisScorer`, with the mean of :math:`-\log p(x_t \mid z)` over a
    row's tokens in the place of the residual.
    """

    @staticmethod
    def read(network, rows):
        """Return the features of rows, the only part of what scores are made of."""
        return (token_features(network, rows),)


@torch.no_grad()
def token_features(network, rows):
    """Return [raw code, mean surprise] of rows, of shape (n, k + 1)."""
    output, lengths = network(rows), network.lengths_of(rows)
    surprise = -output.log_likelihood[0].sum(dim=-1) / lengths
    features = torch.cat([output.code[0], surprise[:, None].to(output.code)], dim=-1)
    return features.cpu().numpy().astype(np.float64)
