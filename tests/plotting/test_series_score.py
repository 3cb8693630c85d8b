import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from sklearn_ae import SeriesDetector
from sklearn_ae.plotting import SeriesScoreDisplay


@pytest.fixture(scope="module")
def series():
    X = np.sin(np.arange(600)[:, None] / [5, 7])
    X[300:320] = 3
    return X


@pytest.fixture(scope="module")
def detector(series):
    forest = IsolationForest(n_estimators=20, random_state=0)
    return SeriesDetector(forest, window=20, contamination=0.05).fit(series)


def test_spans_are_what_predict_flags(series, detector):
    display = SeriesScoreDisplay.from_estimator(detector, series)
    flagged = np.zeros(len(series), dtype=int)
    for span in display.spans_:
        first = round(span.get_x())
        flagged[first : first + round(span.get_width()) + 1] = 1
    assert_array_equal(flagged, detector.predict(series) == -1)
    assert_array_equal(display.scores, detector.score_samples(series))
    assert_array_equal(display.score_line_.get_ydata(), display.scores)
    assert set(display.threshold_line_.get_ydata()) == {detector.offset_}
    assert [list(line.get_ydata()) for line in display.lines_] == series.T.tolist()
    display.figure_.canvas.draw()


def test_times_and_names_come_from_the_frame(series, detector):
    index = pd.date_range("2026-01-01", periods=len(series), freq="h")
    X = pd.DataFrame(series, index=index, columns=["left", "right"])
    display = SeriesScoreDisplay.from_estimator(clone(detector).fit(X), X)
    names = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert names == ["left", "right"]
    assert_array_equal(display.times, index)
    assert display.axes_[1].get_xlabel() == "Time"
    display.figure_.canvas.draw()


def test_gaps_and_truth_are_drawn(series):
    X = series.copy()
    X[100:110] = np.nan
    forest = IsolationForest(n_estimators=20, random_state=0)
    detector = SeriesDetector(forest, window=20).fit(X)
    y = np.zeros(len(X), bool)
    y[300:320] = True
    display = SeriesScoreDisplay.from_estimator(detector, X, y)
    assert np.isnan(display.scores[100:110]).all()
    assert len(display.axes_[0].lines) == 3  # two channels and what is known
    display.figure_.canvas.draw()


def test_without_a_threshold_nothing_is_shaded():
    display = SeriesScoreDisplay(series=np.ones((5, 1)), scores=np.arange(5.0)).plot()
    assert display.spans_ == []
    assert display.threshold_line_ is None


def test_axes_may_be_given(series, detector):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    display = SeriesScoreDisplay.from_estimator(
        detector, series, ax=ax, line_kwargs={"color": "C5"}
    )
    assert display.ax_ is ax
    assert {line.get_color() for line in display.lines_} == {"C5"}


def test_what_is_refused(series, detector):
    with pytest.raises(
        ValueError,
        match=r"^X holds 2 series, and SeriesScoreDisplay draws one. Give one of them.",
    ):
        SeriesScoreDisplay.from_estimator(detector, [series, series])
    with pytest.raises(
        ValueError,
        match=r"^y holds the labels \[-1, 1\]; they must be 1 \(outlier\) and 0 "
        r"\(inlier\). Give, for example, y == -1 for labels as predict returns them.$",
    ):
        SeriesScoreDisplay.from_estimator(detector, series, detector.predict(series))
