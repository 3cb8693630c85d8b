import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae import Autoencoder
from sklearn_ae._fitting import fit_network
from sklearn_ae.detection import (
    IsotropicScorer,
    MahalanobisScorer,
    NeighborScorer,
    _fits,
    fit_isotropic,
    fit_mahalanobis,
    fit_neighbors,
)
from sklearn_ae.detection._fits import evidence_of, rounding_of, share_of, some_of
from sklearn_ae.detection._neighbors import tempered
from sklearn_ae.training import Scaling

FAST = {"max_epochs": 2, "random_state": 0}


def fit_alone(X, weight=None):
    """Return what a fit with nothing held out has come to."""
    estimator = Autoencoder(2, early_stopping=False, **FAST)
    rows, weight, group, recipe, _ = estimator._open(X, weight)
    return fit_network(rows, weight, group, recipe)


@pytest.fixture
def fitted(blob):
    return fit_alone(blob)


# -- which rows


def test_few_rows_are_all_learnt_from():
    index = np.array([3, 5, 8])
    assert some_of(index, 10) is index


def test_some_of_many_rows_are_drawn_and_keep_their_order(monkeypatch):
    monkeypatch.setattr(_fits, "MAX_REFERENCE_ROWS", 100)
    index = np.arange(0, 3000, 3)
    some = some_of(index, 10)
    assert len(some) == 100
    assert set(some) < set(index)
    assert (np.diff(some) > 0).all()
    assert abs(some.mean() / index.mean() - 1) < 0.2
    assert_array_equal(some_of(index, 10), some)


def test_rows_of_many_features_are_fewer(monkeypatch):
    monkeypatch.setattr(_fits, "REFERENCE_BYTES", 8 * 10 * 50)
    assert len(some_of(np.arange(200), 10)) == 50
    assert len(some_of(np.arange(200), 100)) == 5


def test_evidence_counts_distinct_rows(blob):
    everything = np.arange(60)
    assert evidence_of(fit_alone(blob), everything) == pytest.approx(60)
    assert evidence_of(fit_alone(blob), everything[:7]) == pytest.approx(7)
    twice = fit_alone(np.repeat(blob, 2, axis=0))
    assert evidence_of(twice, np.arange(120)) == pytest.approx(60)
    one_counts = np.where(everything == 3, 1e9, 1.0)
    assert evidence_of(fit_alone(blob, one_counts), everything) == pytest.approx(1)


@pytest.mark.parametrize(("trim", "share"), [("auto", 0.1), (0.0, 0.0), (0.3, 0.3)])
def test_auto_leaves_a_tenth_out_of_a_covariance(trim, share):
    assert share_of(trim) == share


# -- what they make


@pytest.mark.parametrize(
    ("fit", "scorer"),
    [
        (fit_mahalanobis, MahalanobisScorer),
        (fit_isotropic, IsotropicScorer),
        (fit_neighbors, NeighborScorer),
    ],
)
def test_scorers_learn_from_the_rows_at_the_index_alone(fit, scorer, blob):
    index = np.arange(0, 60, 2)
    far = blob.copy()
    far[1::2] += 100
    fitted = fit_alone(blob)
    rows = fitted.rows.read(slice(0, 60))

    def scores(index):
        made = fit(fitted, fitted.network, index)
        assert isinstance(made, scorer)
        return made.score_rows(fitted.network, fitted.loss, rows)

    half, whole = scores(index), scores(np.arange(60))
    assert np.abs(half - whole).max() > 0.01
    fitted.rows.X = far
    assert_array_equal(scores(index), half)


@pytest.mark.parametrize("fit", [fit_mahalanobis, fit_isotropic])
@pytest.mark.parametrize(("trim", "share"), [("auto", 0.1), (0.0, 0), (0.25, 0.25)])
def test_a_share_is_left_out(fit, trim, share, fitted):
    scorer = fit(fitted, fitted.network, np.arange(60), trim)
    assert scorer.trim == share
    assert scorer.share_trimmed == pytest.approx(share)


@pytest.mark.parametrize("trim", ["auto", 0.0, 0.25])
def test_so_it_is_of_neighbors(trim, fitted):
    scorer = fit_neighbors(fitted, fitted.network, np.arange(60), trim)
    n_references = len(scorer.rows.points)
    assert scorer.share_trimmed == pytest.approx(1 - n_references / 60)
    if trim != "auto":
        assert scorer.share_trimmed == trim


# -- neighbours


@pytest.mark.parametrize("mean", [0.0, 1.0, 1e3])
def test_no_row_comes_back_in_float32_from_farther_than_its_rounding(mean):
    X = np.random.default_rng(0).normal(size=(500, 4)) * [1, 10, 0.1, 5] + mean
    scaling = Scaling(X.mean(axis=0), X.std(axis=0))
    moved = (X.astype(np.float32) - X) / scaling.std
    expected = np.linalg.norm(scaling.mean / scaling.std) * 2**-23
    assert rounding_of(scaling) == pytest.approx(expected)
    if mean == 1e3:
        # Half of the last digit at the most, and of all columns at once.
        largest = np.linalg.norm(moved, axis=1).max()
        assert expected / 10 < largest < expected


def test_references_are_rows_as_the_network_reads_them(blob, fitted):
    points = fit_neighbors(fitted, fitted.network, np.arange(60), 0.0).rows.points
    standardised = tempered((blob - blob.mean(axis=0)) / blob.std(axis=0))
    # In an order that the contents of the rows decide, not their places.
    assert_allclose(np.sort(points, axis=0), np.sort(standardised, axis=0))
    assert not np.allclose(points, standardised)
    turned = fit_alone(blob[::-1].copy())
    again = fit_neighbors(turned, turned.network, np.arange(60), 0.0).rows.points
    assert_allclose(again, points, atol=1e-12)


def test_of_many_rows_some_are_references(blob, monkeypatch):
    monkeypatch.setattr("sklearn_ae.detection._neighbors.N_REFERENCES", 10)
    fitted, seen = fit_alone(blob), []
    fit = NeighborScorer.fit

    def spy(self, rows, features, **known):
        seen.append((len(rows), len(features)))
        return fit(self, rows, features, **known)

    monkeypatch.setattr(NeighborScorer, "fit", spy)
    scorer = fit_neighbors(fitted, fitted.network, np.arange(60))
    assert seen == [(10, 10)]
    assert len(scorer.rows.points) == 10


def test_a_row_of_much_weight_stands_many_times_among_them(blob):
    weight = np.ones(60)
    weight[7] = 60
    fitted = fit_alone(blob, weight)
    points = fit_neighbors(fitted, fitted.network, np.arange(60), 0.0).rows.points
    distinct, counts = np.unique(points, axis=0, return_counts=True)
    assert 29 <= counts.max() <= 31
    row = fitted.rows.read(slice(7, 8)).numpy()
    assert_array_equal(distinct[counts.argmax()], row[0])


def test_equal_rows_are_as_many_as_two(blob):
    fitted = fit_alone(np.repeat(blob[:1], 9, axis=0))
    scorer = fit_neighbors(fitted, fitted.network, np.arange(9))
    assert scorer.rows.points.shape == (2, 5)
