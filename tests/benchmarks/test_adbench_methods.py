import warnings

import numpy as np
import pytest
from _adbench_methods import METHODS, OURS, neighbour_distances, silence
from _adbench_spread import VARIANTS, moved

from sklearn_ae import OutlierAutoencoder

# PyOD is for benchmarks alone.
INSTALLED = [name for name in METHODS if not name.startswith("PyOD")]


def make_rows(distance):
    """Return 60 rows near a line, and 6 others of which the last 3 are off it."""
    rng = np.random.default_rng(0)
    t = rng.normal(size=(66, 1))
    X = t * [1.0, 2.0, -1.0] + 0.1 * rng.normal(size=(66, 3))
    X[63:] += distance * np.array([1.0, -1.0, 1.0])
    return X[:60], X[60:]


@pytest.mark.parametrize("name", INSTALLED)
def test_other_rows_that_are_odd_score_highest(name):
    scores = METHODS[name](0)(*make_rows(3))
    assert scores.shape == (6,)
    assert set(np.argsort(scores)[3:]) == {3, 4, 5}


@pytest.mark.parametrize("name", INSTALLED)
def test_training_rows_that_are_odd_score_higher(name):
    # Near enough not to turn the axis of PCA.
    scores = METHODS[name](0)(np.concatenate(make_rows(1.5)), None)
    assert scores.shape == (66,)
    assert np.median(scores[:63]) < scores[63:].min()


def test_no_training_row_is_its_own_neighbour():
    X = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert neighbour_distances(1, X, None).tolist() == [1, 1, 2, 4]
    assert neighbour_distances(1, X, X).tolist() == [0, 0, 0, 0]


def test_neighbours_are_the_square_root_of_the_rows_and_never_all():
    X = np.arange(9.0)[:, None]
    assert neighbour_distances(None, X, None)[0] == 3
    assert neighbour_distances(50, X, None)[0] == 8


def test_rivals_alone_are_silenced():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in METHODS:
            with silence(name):
                warnings.warn(name, stacklevel=1)
    assert [str(one.message) for one in caught] == [OURS]


def test_parameters_move_from_their_defaults():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert moved("learning_rate", 2.0, X, 0) == 0.02
    assert moved("hidden_layer_sizes", 0.5, X, 0) == (32, 16)
    assert moved("batch_size", 2.0, X, 0) == 512
    assert moved("validation_fraction", 0.5, X, 0) == 0.05


@pytest.mark.parametrize(("factor", "share"), [(0.5, 0.95), (2.0, 0.8)])
def test_of_components_the_rest_moves(blob, factor, share):
    assert moved("n_components", factor, blob, 0) == pytest.approx(share)


def test_epochs_move_from_those_of_a_fit(blob):
    epochs = OutlierAutoencoder(random_state=0).fit(blob).max_epochs_
    assert moved("max_epochs", 0.5, blob, 0) == epochs // 2


def test_moved_ours_is_ours_with_that_parameter():
    train, test = make_rows(3)
    model = OutlierAutoencoder(n_components=0.8, random_state=3).fit(train)
    scores = VARIANTS["ours, n_components doubled"](3)(train, test)
    np.testing.assert_allclose(scores, -model.score_samples(test))
