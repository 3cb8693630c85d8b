import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from sklearn_ae import Autoencoder, AutoencoderRegressor

FAST = {"max_epochs": 4, "random_state": 0}
SMALL = Autoencoder(5, hidden_layer_sizes=(8,), max_epochs=2)


@pytest.fixture(scope="module")
def table():
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), y


@pytest.fixture(scope="module")
def curved():
    """Values on a curve, of which a fifth is known, and the others."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 3 * np.pi, 600)
    X = np.column_stack([t * np.cos(t), t * np.sin(t), t**2 / 20])
    X += 0.05 * rng.normal(size=X.shape)
    y = np.where(np.arange(600) % 5 == 0, t, np.nan)
    return X, y, t


def test_it_is_no_worse_than_where_it_starts(table):
    X, y = table
    model = AutoencoderRegressor(random_state=0).fit(X[:300], y[:300])
    start = Ridge().fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > start.score(X[300:], y[300:]) - 0.05


def test_values_without_a_label_follow_their_neighbours(curved):
    X, y, t = curved
    model = AutoencoderRegressor(random_state=0).fit(X, y)
    known = np.isfinite(y)
    start = Ridge().fit(X[known], y[known])
    assert model.propagated_
    assert model.score(X, t) > max(0.95, start.score(X, t))


def test_several_values_at_once(table):
    X, y = table
    both = np.column_stack([y, -3 * y + 7])
    model = AutoencoderRegressor(SMALL, **FAST).fit(X, both)
    predicted = model.predict(X)
    assert predicted.shape == both.shape
    assert np.allclose(predicted[:, 1], -3 * predicted[:, 0] + 7, rtol=0.2)
    assert model.score(X, both) > 0.3


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_values_come_back_in_the_form_they_came_in(table, shape):
    X, y = table
    model = AutoencoderRegressor(SMALL, **FAST).fit(X, y.reshape(shape))
    assert model.predict(X).shape == y.reshape(shape).shape


@pytest.mark.parametrize(("scale", "shift"), [(1e6, 0), (1, 1e4)])
def test_the_units_of_values_are_the_users(table, scale, shift):
    X, y = table
    one = AutoencoderRegressor(SMALL, **FAST).fit(X, y)
    other = AutoencoderRegressor(SMALL, **FAST).fit(X, scale * y + shift)
    assert np.allclose(other.predict(X), scale * one.predict(X) + shift, rtol=1e-3)


def test_a_value_that_never_varies_is_predicted(table):
    X, y = table
    model = AutoencoderRegressor(SMALL, **FAST)
    model.fit(X, np.column_stack([y, np.full(len(y), 3.0)]))
    assert np.allclose(model.predict(X)[:, 1], 3, atol=0.2)


def test_too_few_values_are_refused(table):
    X, y = table
    y = np.where(np.arange(len(y)) == 0, y, np.nan)
    with pytest.raises(ValueError, match=r"y has 1 sample\(s\) with a value"):
        AutoencoderRegressor(SMALL, **FAST).fit(X, y)
