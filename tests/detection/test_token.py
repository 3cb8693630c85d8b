import numpy as np
import torch
from numpy.testing import assert_allclose

from sklearn_ae.detection import TokenScorer
from sklearn_ae.detection._token import token_features

from ..networks.test_token import rows, trained


def test_features_are_codes_and_the_mean_surprise():
    network, x = trained(n_models=1).eval(), rows()
    features = token_features(network, x)
    with torch.no_grad():
        output = network(x)
    assert_allclose(features[:, :-1], output.code[0].numpy())
    for row, feature in zip(range(4), features, strict=True):
        length = int(x[row, -1])
        surprise = -output.log_likelihood[0, row, :length].mean()
        assert_allclose(feature[-1], surprise)


def test_scores_are_distances_of_features():
    network, x = trained(n_models=1).eval(), rows(40)
    features = token_features(network, x)
    scorer = TokenScorer().fit(features, np.ones(40), 40)
    assert_allclose(scorer.score_rows(network, None, x), scorer.score(features))
