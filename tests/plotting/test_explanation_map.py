import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae.plotting import ExplanationMapDisplay


def rows_of(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def columns_of(display):
    return [label.get_text() for label in display.ax_.get_xticklabels()]


def test_the_map_has_parts_of_each_rows_score(autoencoder, odd):
    display = ExplanationMapDisplay.from_estimator(autoencoder, odd)
    shares = autoencoder.explain(odd).shares
    parts = shares / np.abs(shares).sum(axis=1, keepdims=True)
    order = np.argsort(-parts.mean(axis=0))
    assert_allclose(display.image_.get_array(), parts[:, order])
    assert columns_of(display) == order.astype(str).tolist()
    low, high = display.image_.get_clim()
    assert low == -high == -np.abs(parts).max()
    display.figure_.canvas.draw()


def test_the_map_has_as_many_columns_as_asked_for(autoencoder, odd):
    display = ExplanationMapDisplay.from_estimator(autoencoder, odd, n_columns=2)
    assert display.image_.get_array().shape == (3, 2)
    assert columns_of(display.plot(n_columns=1)) == columns_of(display)[:1]


def test_rows_of_the_map_have_the_names_of_the_index(autoencoder, odd):
    pd = pytest.importorskip("pandas")
    explanation = autoencoder.explain(odd)
    display = ExplanationMapDisplay(
        shares=explanation.shares, columns="abcd", rows=pd.Index(["x", "y", "z"])
    ).plot()
    display.figure_.canvas.draw()
    assert [name for name in rows_of(display) if name] == ["x", "y", "z"]
    assert set(columns_of(display)) == set("abcd")


def test_an_infinite_score_has_all_of_it_in_the_map(distance, odd):
    odd[1, 3] = -1e300
    display = ExplanationMapDisplay.from_estimator(distance, odd)
    place = columns_of(display).index("3")
    values = np.asarray(display.image_.get_array())
    assert_array_equal(values[1], np.eye(4)[place])
    assert np.isfinite(values).all()


def test_style_and_axes_are_the_callers(autoencoder, odd, plt):
    _, ax = plt.subplots()
    display = ExplanationMapDisplay.from_estimator(
        autoencoder, odd, ax=ax, image_kwargs={"cmap": "PiYG"}
    )
    assert display.ax_ is ax
    assert display.image_.get_cmap().name == "PiYG"
