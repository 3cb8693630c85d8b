import numpy as np
import torch

from sklearn_ae.training import TargetRows


def test_rows_have_their_targets_behind_them(make_rows):
    X = np.arange(12.0).reshape(4, 3)
    targets = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    source = TargetRows(make_rows(X), targets)
    assert (source.n_rows, source.n_features) == (4, 4)
    taken = source.take(torch.tensor([2, 0]))
    assert taken.tolist() == [[6, 7, 8, 2], [0, 1, 2, 0]]


def test_rows_of_several_models_are_taken_at_once(make_rows):
    X = np.arange(12.0).reshape(4, 3)
    source = TargetRows(make_rows(X), torch.ones(4, 2, dtype=torch.float64))
    assert source.take(torch.tensor([[0, 1], [2, 3], [1, 0]])).shape == (3, 2, 5)
