from itertools import product

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae.plotting import OutlierScoreDisplay


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        *product(["forest", "autoencoder", "distance"], ["auto", "linear"]),
        # The default scores of tables have both signs.
        *product(["forest", "distance"], ["log"]),
    ],
)
def test_bars_are_the_shares_of_the_scores(X, name, scale, request):
    estimator = request.getfixturevalue(name)
    display = OutlierScoreDisplay.from_estimator(estimator, X, scale=scale, bins=10)
    (bars,) = display.histograms_
    shares, edges, _ = bars.get_data()
    scores = np.sort(estimator.score_samples(X))
    np.testing.assert_allclose(shares.sum(), 1)
    below = np.searchsorted(scores, edges[1:-1]) / len(scores)
    np.testing.assert_allclose(np.cumsum(shares)[:-1], below)


@pytest.mark.parametrize("name", ["forest", "autoencoder"])
def test_threshold_is_the_offset(X, name, request):
    estimator = request.getfixturevalue(name)
    display = OutlierScoreDisplay.from_estimator(estimator, X)
    assert set(display.threshold_line_.get_xdata()) == {estimator.offset_}
    share = np.mean(estimator.predict(X) == -1)
    assert legend_of(display)[0] == f"all rows: {share:.0%} below"


@pytest.mark.parametrize(
    ("labels", "inlier", "outlier"),
    [([1, -1], "1", "-1"), ([0, 1], "0", "1"), ([False, True], "0", "1")],
)
def test_groups(X, y, forest, labels, inlier, outlier):
    display = OutlierScoreDisplay.from_estimator(
        forest, X, np.where(y == 2, labels[1], labels[0])
    )
    inliers, outliers = display.groups
    assert inliers == f"inliers (y = {inlier})"
    assert outliers == f"outliers (y = {outlier})"
    np.testing.assert_array_equal(display.groups[outliers], y == 2)
    np.testing.assert_array_equal(display.groups[inliers], y != 2)
    for bars in display.histograms_:
        np.testing.assert_allclose(bars.get_data().values.sum(), 1)


@pytest.mark.parametrize(
    ("label", "n_outliers"), [(1, 0), (-1, 150), (0, 0), (True, 150), (False, 0)]
)
def test_labels_that_are_all_alike(X, forest, label, n_outliers):
    display = OutlierScoreDisplay.from_estimator(forest, X, np.full(len(X), label))
    assert list(display.groups.values())[1].sum() == n_outliers
    display.figure_.canvas.draw()


@pytest.mark.parametrize("labels", [[1, 2], [-1, 0, 1], ["in", "out"], [0.5, 1]])
def test_other_labels(X, forest, labels):
    y = np.resize(np.array(labels), len(X))
    with pytest.raises(ValueError, match=r"y holds the labels .* they must be -1"):
        OutlierScoreDisplay.from_estimator(forest, X, y)


def test_labels_of_other_length(X, forest):
    with pytest.raises(ValueError, match=r"y has shape \(1,\), while X has 150 rows"):
        OutlierScoreDisplay.from_estimator(forest, X, [1])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([-1000.0, -10.0, -1.0], "symlog"),
        ([-5.0, -1.0], "linear"),
        ([-1000.0, 1.0], "linear"),
    ],
)
def test_scores_that_differ_much_are_drawn_on_a_log_axis(scores, expected):
    display = OutlierScoreDisplay(scores=np.array(scores)).plot()
    assert display.ax_.get_xscale() == expected
    assert display.threshold_line_ is None
    display.figure_.canvas.draw()


def test_equal_scores():
    display = OutlierScoreDisplay(scores=np.full(5, -2.0), threshold=-2.0).plot()
    assert display.histograms_[0].get_data().values.sum() == 1
    assert legend_of(display)[0] == "all rows: 0% below"


def test_log_axis_needs_scores_below_zero():
    display = OutlierScoreDisplay(scores=np.array([-1.0, 2.0]))
    with pytest.raises(ValueError, match=r"scale='log' needs .* the highest is 2"):
        display.plot(scale="log")


def test_unknown_scale():
    with pytest.raises(ValueError, match="scale='square' must be"):
        OutlierScoreDisplay(scores=np.array([-1.0])).plot(scale="square")


def test_detector_without_threshold(X):
    density = KernelDensity().fit(X)
    display = OutlierScoreDisplay.from_estimator(density, X)
    assert display.threshold_line_ is None
    assert legend_of(display) == ["all rows"]


def test_pipeline(X):
    model = make_pipeline(StandardScaler(), IsolationForest(n_estimators=10)).fit(X)
    display = OutlierScoreDisplay.from_estimator(model, X)
    assert display.threshold == model[-1].offset_
    np.testing.assert_array_equal(display.scores, model.score_samples(X))


def test_draws_on_the_axes_given(X, forest, plt):
    figure, axes = plt.subplots(ncols=2)
    display = OutlierScoreDisplay.from_estimator(forest, X, ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure


def test_keywords_reach_the_bars(X, forest):
    style = {"alpha": 0.2}
    display = OutlierScoreDisplay.from_estimator(forest, X, hist_kwargs=style)
    assert display.histograms_[0].get_alpha() == 0.2


def test_estimator_that_does_not_score(X, pca, y):
    scaler = StandardScaler().fit(X)
    with pytest.raises(AttributeError, match="StandardScaler has no score_samples"):
        OutlierScoreDisplay.from_estimator(scaler, X)


def test_without_matplotlib(X, forest, no_matplotlib):
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[plot\]"'):
        OutlierScoreDisplay.from_estimator(forest, X)
