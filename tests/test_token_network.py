"""What a fit to tokens starts from, and what its losses are shares of."""

import numpy as np
import torch
from numpy.testing import assert_allclose

from sklearn_ae import SequenceAutoencoder
from sklearn_ae._token_network import TokenNetwork
from sklearn_ae._tokens import TokenShape
from sklearn_ae.networks import Output
from sklearn_ae.training import Batch

ROWS = np.array([[1, 2, 1, 3], [2, 0, 0, 1], [1, 1, 0, 2]], dtype=float)


def scaling(weight):
    shape = TokenShape(3, 1, 4)
    return TokenNetwork().fit_scaling(ROWS, np.asarray(weight, float), shape)[0]


def test_shares_count_weights_and_no_padding():
    shares = np.exp(scaling([1, 1, 2]).log_share)
    counts = np.array([0.5 * 4 / 3, 2 + 4, 1 + 1, 0.5 * 4 / 3])
    assert_allclose(shares, counts / counts.sum())
    assert_allclose(scaling([1, 1, 2]).unit, scaling([10, 10, 20]).unit)


def test_the_shares_alone_have_a_loss_of_one():
    weight = np.array([1.0, 1, 2])
    units = scaling(weight)
    loss = TokenNetwork().make_loss(units, None)
    x = torch.from_numpy(ROWS)
    errors = loss.row_errors(Output(x[None], None), Batch(x, x))
    assert_allclose(np.average(errors.numpy(), weights=weight), 1)


def test_untrained_is_no_better_than_the_shares():
    rng = np.random.default_rng(0)
    X = ["".join(rng.choice(list("aaab"), size=8)) for _ in range(100)]
    model = SequenceAutoencoder(2, tokens="char", max_epochs=0, random_state=0).fit(X)
    assert abs(model.validation_r2_) < 0.05
