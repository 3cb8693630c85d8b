import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae._anchor import Metric, Problem
from sklearn_ae._lengths import fit_sequence_scaling
from sklearn_ae._resampling import ResampledRows, on_grid, variance_on_grid
from sklearn_ae._sequences import as_rows
from sklearn_ae.training import LazyRows

CPU = torch.device("cpu")
N_CHANNELS = 2


@pytest.fixture
def case():
    """A source of sequences, their units, and what NumPy resamples them to."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n, N_CHANNELS)) for n in rng.integers(1, 8, size=20)]
    rows = as_rows(parts, [len(part) for part in parts], 7)
    scaling, variance = fit_sequence_scaling(rows, np.ones(20), N_CHANNELS)
    grid = []
    for part in parts:
        steps = (part - scaling.mean[:N_CHANNELS]) / scaling.std[:N_CHANNELS]
        places = np.linspace(0, len(part) - 1, 7)
        index = np.arange(len(part))
        grid.append(np.stack([np.interp(places, index, c) for c in steps.T], axis=1))
    source = LazyRows(rows, scaling, torch.float64, CPU)
    return source, scaling, variance, np.stack(grid).reshape(20, -1)


def test_rows_are_interpolated_from_end_to_end(case):
    source, _, _, grid = case
    ours = ResampledRows(source, N_CHANNELS)
    assert (ours.n_rows, ours.n_features, ours.n_steps) == (20, 14, 7)
    assert_allclose(ours.take(torch.arange(20)), grid, atol=1e-12)
    index = torch.tensor([[3, 1], [0, 7]])
    assert_allclose(ours.take(index), grid[index.numpy()], atol=1e-12)


def test_a_problem_on_the_grid_has_its_metric(case):
    source, scaling, variance, _ = case
    unit = torch.from_numpy(scaling.std)
    metric = Metric(unit, torch.from_numpy(variance / scaling.std**2))
    weights = torch.ones(1, 20, dtype=torch.float64)
    problem = on_grid(Problem(source, weights, scaling, metric, 3, 0), N_CHANNELS)
    assert problem.grid_shape == (7, 1, N_CHANNELS)
    assert problem.source.n_features == len(problem.metric.unit) == 14
    assert problem.metric.code_unit == metric.code_unit
    assert problem.metric.varies.all()


def test_variance_on_the_grid(case):
    source, scaling, _, grid = case
    unit = torch.from_numpy(scaling.std)
    weight = torch.ones(20, dtype=torch.float64)
    total = variance_on_grid(source, weight, unit, N_CHANNELS)
    assert total == pytest.approx((grid * scaling.std[:14]).var(axis=0).sum())
