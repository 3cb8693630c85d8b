import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.covariance import ledoit_wolf_shrinkage as reference_shrinkage

from sklearn_ae.detection import _covariance
from sklearn_ae.detection._covariance import (
    FullCovariance,
    LowRankCovariance,
    fit_covariance,
    ledoit_wolf_shrinkage,
)

KINDS = [FullCovariance, LowRankCovariance]


def draw(n_rows=200, n_features=12, seed=0):
    """Return rows of correlated columns, centred and of unit spread."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_features))
    rows = rng.normal(size=(n_rows, n_features)) @ mixing
    return (rows - rows.mean(axis=0)) / rows.std(axis=0)


def even(n_rows):
    return np.full(n_rows, 1 / n_rows)


def fit(kind, rows, weight=None, noise=0.0):
    weight = even(len(rows)) if weight is None else weight
    return kind(rows, weight, len(rows), noise)


def shrinkage_of(rows, evidence):
    n_rows = len(rows)
    covariance = rows.T @ rows / n_rows
    trace, norm = np.trace(covariance), np.square(covariance).sum()
    return ledoit_wolf_shrinkage(rows, trace, norm, even(n_rows), evidence)


def squares(covariance, rows):
    return np.square(covariance.whiten(rows)).sum(axis=1)


@pytest.mark.parametrize("n_rows", [2, 5, 30, 1000])
@pytest.mark.parametrize("n_features", [1, 2, 12])
def test_shrinkage_is_ledoit_and_wolfs(n_rows, n_features):
    rows = draw(n_rows, n_features)
    ours = shrinkage_of(rows, n_rows)
    if n_features == 1:  # one variance is its own mean: nothing to shrink towards
        assert 0 <= ours <= 1
    else:
        expected = reference_shrinkage(rows, assume_centered=True)
        assert ours == pytest.approx(expected, rel=1e-9)


def test_more_evidence_means_less_shrinkage():
    rows = draw(30)
    few, many = (shrinkage_of(rows, evidence) for evidence in (30, 3000))
    assert 0 < many < few <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_rows", [8, 200])
def test_squares_are_those_of_scikit_learns_shrunk_covariance(kind, n_rows):
    # Of rank 12 the low rank has all there is.
    rows, new = draw(n_rows), draw(seed=1)
    reference = LedoitWolf(assume_centered=True).fit(rows)
    expected = np.einsum("ij,jk,ik->i", new, reference.precision_, new)
    np.testing.assert_allclose(squares(fit(kind, rows), new), expected)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_of_low_rank_all_other_directions_share_one_variance(monkeypatch, noise):
    monkeypatch.setattr(_covariance, "RANK", 3)
    rows, new = draw(), draw(seed=1)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    values[:-3] = values[:-3].mean()
    amount = shrinkage_of(rows, len(rows))
    values = (1 - amount) * values + amount + noise
    expected = np.square(new @ vectors / np.sqrt(values)).sum(axis=1)
    covariance = fit(LowRankCovariance, rows, noise=np.full(12, noise))
    np.testing.assert_allclose(squares(covariance, new), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(kind, monkeypatch):
    monkeypatch.setattr(_covariance, "RANK", 3)
    rows, counts = draw(), np.random.default_rng(2).integers(1, 4, size=200)
    rows -= np.average(rows, axis=0, weights=counts)
    weighted = kind(rows, counts / counts.sum(), 200, 0.0)
    repeated = np.repeat(rows, counts, axis=0)
    repeated = kind(repeated, even(len(repeated)), 200, 0.0)
    new = draw(seed=1)
    np.testing.assert_allclose(squares(weighted, new), squares(repeated, new))


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_rows_than_directions_have_finite_squares(kind):
    rows = draw(3, 40)
    assert np.isfinite(squares(fit(kind, rows), draw(5, 40, seed=1))).all()


def test_many_columns_have_a_covariance_of_low_rank(monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", 12)
    assert isinstance(fit(fit_covariance, draw()), FullCovariance)
    assert isinstance(fit(fit_covariance, draw(n_features=13)), LowRankCovariance)
