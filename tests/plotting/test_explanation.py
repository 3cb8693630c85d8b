import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae.plotting import ExplanationDisplay, ExplanationMapDisplay

DISPLAYS = [ExplanationDisplay, ExplanationMapDisplay]


@pytest.fixture
def odd(X):
    """Three rows of iris, the first odd in its second column."""
    rows = X[:3].copy()
    rows[0, 1] += 6 * X[:, 1].std()
    return rows


def labels_of(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def columns_of(display):
    return [label.get_text() for label in display.ax_.get_xticklabels()]


# -- one row


def test_bars_are_the_shares_from_the_largest_down(autoencoder, odd):
    display = ExplanationDisplay.from_estimator(autoencoder, odd[:1])
    explanation = autoencoder.explain(odd[:1])
    widths = [bar.get_width() for bar in display.bars_]
    assert_allclose(widths, np.sort(explanation.shares[0])[::-1])
    assert_allclose(sum(widths), -display.score)
    seen, expected = odd[0, 1], explanation.expected[0, 1]
    assert labels_of(display)[0] == f"1: {seen:.4g} ({expected:.4g})"
    assert display.ax_.get_title() == f"Outlier score: {display.score:.4g}"
    display.figure_.canvas.draw()


def test_other_columns_share_the_last_bar(autoencoder, odd):
    display = ExplanationDisplay.from_estimator(autoencoder, odd[:1], n_columns=2)
    assert len(display.bars_) == 3
    assert labels_of(display)[-1] == "2 others"
    assert_allclose(sum(bar.get_width() for bar in display.bars_), -display.score)
    sizes = np.sort(np.abs(display.shares))
    own = [abs(bar.get_width()) for bar in display.bars_[:2]]
    assert_allclose(np.sort(own), sizes[-2:])
    assert labels_of(display.plot(n_columns=3))[-1] == "1 other"


def test_a_large_share_below_zero_has_a_bar_of_its_own():
    display = ExplanationDisplay(
        shares=np.array([1.0, -9.0, 2.0, 4.0]),
        seen=np.zeros(4),
        expected=np.ones(4),
        columns="abcd",
    ).plot(n_columns=2)
    assert [bar.get_width() for bar in display.bars_] == [4, -9, 3]
    assert labels_of(display) == ["d: 0 (1)", "b: 0 (1)", "2 others"]
    assert display.ax_.get_title() == ""


def test_names_are_those_of_the_frame_or_given(X, odd):
    pd = pytest.importorskip("pandas")
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    fitted = Autoencoder(2, max_epochs=2, early_stopping=False, random_state=0)
    fitted.fit(pd.DataFrame(X, columns=names))
    frame = pd.DataFrame(odd, columns=names)
    display = ExplanationDisplay.from_estimator(fitted, frame[:1])
    assert labels_of(display)[0].startswith("sepal width: ")
    given = ExplanationDisplay.from_estimator(fitted, frame[:1], columns="abcd")
    assert labels_of(given)[0].startswith("b: ")


def test_one_row_of_an_explanation(autoencoder, odd):
    explanation = autoencoder.explain(odd)
    display = ExplanationDisplay.from_explanation(explanation, 2)
    assert_array_equal(display.shares, explanation.shares[2])
    assert display.score == explanation.scores[2]


def test_several_rows_are_refused(autoencoder, odd):
    with pytest.raises(ValueError, match="holds 3 rows") as caught:
        ExplanationDisplay.from_estimator(autoencoder, odd)
    assert str(caught.value) == (
        "X holds 3 rows, and ExplanationDisplay draws one. Give one of them, as "
        "X[i : i + 1], or take ExplanationMapDisplay."
    )


def test_an_infinite_score_is_refused(distance, odd):
    odd[0, 1] = 1e300
    with pytest.raises(ValueError, match="is -inf") as caught:
        ExplanationDisplay.from_estimator(distance, odd[:1])
    assert str(caught.value) == (
        "The score of the row is -inf, and a bar would have no end. Look at the shares "
        "and the values of explain instead."
    )


# -- many rows


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
    assert [name for name in labels_of(display) if name] == ["x", "y", "z"]
    assert set(columns_of(display)) == set("abcd")


def test_an_infinite_score_has_all_of_it_in_the_map(distance, odd):
    odd[1, 3] = -1e300
    display = ExplanationMapDisplay.from_estimator(distance, odd)
    place = columns_of(display).index("3")
    values = np.asarray(display.image_.get_array())
    assert_array_equal(values[1], np.eye(4)[place])
    assert np.isfinite(values).all()


# -- both


@pytest.mark.parametrize("display", DISPLAYS)
def test_of_a_pipeline_the_last_step_is_asked(display, X, odd):
    last = Autoencoder(2, max_epochs=2, early_stopping=False, random_state=0)
    pipeline = make_pipeline(StandardScaler(), last).fit(X)
    scaled = pipeline[:-1].transform(odd[:1])
    drawn = display.from_estimator(pipeline, odd[:1])
    shares = pipeline[-1].explain(scaled).shares
    assert_array_equal(np.ravel(drawn.shares), shares[0])


@pytest.mark.parametrize("display", DISPLAYS)
def test_style_and_axes_are_the_callers(display, autoencoder, odd, plt):
    _, ax = plt.subplots()
    drawn = display.from_estimator(
        autoencoder,
        odd[:1],
        ax=ax,
        **(
            {"bar_kwargs": {"color": "green"}}
            if display is ExplanationDisplay
            else {"image_kwargs": {"cmap": "PiYG"}}
        ),
    )
    assert drawn.ax_ is ax
    if display is ExplanationDisplay:
        assert drawn.bars_[0].get_facecolor() == (0.0, 128 / 255, 0.0, 1.0)
    else:
        assert drawn.image_.get_cmap().name == "PiYG"


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_detector_that_does_not_explain(display, X):
    forest = IsolationForest(n_estimators=5).fit(X)
    with pytest.raises(AttributeError, match="has no explain"):
        display.from_estimator(forest, X[:1])


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib(display, autoencoder, X, no_matplotlib):
    with pytest.raises(ImportError, match="needs matplotlib"):
        display.from_estimator(autoencoder, X[:1])
