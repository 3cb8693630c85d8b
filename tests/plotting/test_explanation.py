import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae import Autoencoder
from sklearn_ae.plotting import ExplanationDisplay


def labels_of(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


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


def test_style_and_axes_are_the_callers(autoencoder, odd, plt):
    _, ax = plt.subplots()
    display = ExplanationDisplay.from_estimator(
        autoencoder, odd[:1], ax=ax, bar_kwargs={"color": "green"}
    )
    assert display.ax_ is ax
    assert display.bars_[0].get_facecolor() == (0.0, 128 / 255, 0.0, 1.0)
