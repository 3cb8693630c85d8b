"""The dictionary a sparse autoencoder starts from."""

import numpy as np
import pytest
import torch

from sklearn_ae._anchor import Problem
from sklearn_ae._dictionary import dictionary_start
from sklearn_ae._fitting import make_metric
from sklearn_ae.networks import keep_largest
from sklearn_ae.training import LazyRows, content_ranks

CPU = torch.device("cpu")


def make_problem(X, weight=None, n_components=8, train=None):
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    scaling, metric, _ = make_metric(X, weight, False)
    train = weight if train is None else train
    return Problem(
        LazyRows(X, scaling, torch.float64, CPU),
        torch.tensor(weight[None]),
        scaling,
        metric,
        n_components,
        0,
        None,
        content_ranks(X, 0),
        torch.tensor(train[None]),
    )


def start(problem, penalty="topk", n_active=3, target=0.1):
    return dictionary_start(
        problem, penalty=penalty, n_active=n_active, target_activation=target
    )


def scaled(problem, begin):
    rows = problem.source.read(slice(None))
    return (rows - begin.mean) * begin.scale


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_atoms_are_rows_of_unit_norm(blob, penalty):
    problem = make_problem(blob)
    begin = start(problem, penalty)
    rows = torch.nn.functional.normalize(scaled(problem, begin)[0:], dim=1)
    cosines = (begin.atoms[0] @ rows.T).amax(dim=1)
    torch.testing.assert_close(cosines, torch.ones_like(cosines))
    assert len(torch.unique(begin.atoms[0], dim=0)) == 8


def test_held_out_rows_are_no_atoms(blob):
    train = np.ones(len(blob))
    train[::2] = 0
    problem = make_problem(blob, n_components=20, train=train)
    begin = start(problem)
    held_out = torch.nn.functional.normalize(scaled(problem, begin)[::2], dim=1)
    assert (begin.atoms[0] @ held_out.T).max() < 1 - 1e-9


def test_rows_have_a_total_variance_of_one(blob):
    problem = make_problem(blob)
    rows = scaled(problem, start(problem))
    assert float(rows.square().sum(dim=1).mean()) == pytest.approx(1)


def test_too_few_rows_are_filled_up(blob):
    begin = start(make_problem(blob[:3], n_components=8))
    lengths = begin.atoms[0].norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


@pytest.mark.parametrize("penalty", ["topk", "l1", "kl"])
def test_a_weight_of_two_is_a_row_given_twice(blob, penalty):
    weight = np.random.default_rng(0).integers(1, 4, size=len(blob))
    weighed = start(make_problem(blob, weight), penalty)
    given = start(make_problem(np.repeat(blob, weight, axis=0)), penalty)
    for one, other in zip(weighed, given, strict=True):
        torch.testing.assert_close(one, other)


def test_the_first_codes_fit_best_at_their_size(blob):
    problem = make_problem(blob)
    begin = start(problem)
    rows, atoms = scaled(problem, begin), begin.atoms[0]
    size = float((begin.encoder[0] / atoms.T).mean())

    def error(size):
        return (rows - keep_largest(size * rows @ atoms.T, 3) @ atoms).square().sum()

    # Rows are drawn by weight, and some more often than others.
    assert error(size) < 1.01 * min(error(0.9 * size), error(1.1 * size))


def test_units_of_bounded_activations_start_at_their_target(blob):
    problem = make_problem(blob)
    begin = start(problem, "kl")
    inputs = scaled(problem, begin) @ begin.encoder[0] + begin.bias[0]
    mean = torch.sigmoid(inputs).mean(dim=0)
    torch.testing.assert_close(mean, torch.full_like(mean, 0.1), atol=0.01, rtol=0)
