import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae.plotting import CodeDisplay


@pytest.mark.parametrize("name", ["pca", "autoencoder"])
def test_points_are_the_codes(X, name, request):
    estimator = request.getfixturevalue(name)
    display = CodeDisplay.from_estimator(estimator, X)
    (points,) = display.scatters_
    np.testing.assert_allclose(points.get_offsets(), estimator.transform(X))
    assert display.ax_.get_legend() is None
    assert display.colorbar_ is None


def test_components(X):
    pca = PCA(3).fit(X)
    display = CodeDisplay.from_estimator(pca, X, components=(2, 0))
    np.testing.assert_array_equal(display.codes, pca.transform(X)[:, [2, 0]])
    assert display.ax_.get_xlabel() == "Component 2"
    assert display.ax_.get_ylabel() == "Component 0"


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: y,
        lambda y: y.astype(float),
        lambda y: np.array(["a", "b", "c"])[y],
        lambda y: np.array(["a", "b", "c"], dtype=object)[y].tolist(),
    ],
    ids=["int", "float", "str", "list of objects"],
)
def test_classes_have_a_legend(X, y, pca, labels):
    display = CodeDisplay.from_estimator(pca, X, labels(y))
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == [str(label) for label in np.unique(labels(y))]
    for label, points in enumerate(display.scatters_):
        np.testing.assert_array_equal(
            points.get_offsets(), pca.transform(X[y == label])
        )
    assert display.colorbar_ is None


def test_booleans_are_classes(X, y, pca):
    assert len(CodeDisplay.from_estimator(pca, X, y == 1).scatters_) == 2


@pytest.mark.parametrize(
    "quantity",
    [lambda X: X[:, 0], lambda X: np.arange(len(X))],
    ids=["float", "many integers"],
)
def test_quantities_have_a_colour_bar(X, pca, quantity):
    display = CodeDisplay.from_estimator(pca, X, quantity(X))
    (points,) = display.scatters_
    np.testing.assert_array_equal(points.get_array(), quantity(X))
    assert display.colorbar_.mappable is points
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize("n_classes", [2, 10, 20])
def test_each_class_has_its_colour(X, pca, n_classes):
    labels = np.arange(len(X)) % n_classes
    display = CodeDisplay.from_estimator(pca, X, labels)
    colors = {tuple(points.get_facecolor()[0]) for points in display.scatters_}
    assert len(colors) == n_classes


def test_draws_on_the_axes_given(X, y, pca, plt):
    figure, axes = plt.subplots(ncols=2)
    display = CodeDisplay.from_estimator(pca, X, y, ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure


def test_keywords_reach_the_points(X, y, pca):
    for labels in (None, y, X[:, 0]):
        style = {"s": 99}
        display = CodeDisplay.from_estimator(pca, X, labels, scatter_kwargs=style)
        assert {points.get_sizes()[0] for points in display.scatters_} == {99}


def test_pipeline_and_data_frames(X, y):
    model = make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas")
    display = CodeDisplay.from_estimator(model.fit(X), X, y)
    np.testing.assert_array_equal(display.codes, model.transform(X))


@pytest.mark.parametrize("components", [(0, 2), (-1, 0), (0,), (0, 1.0), 1])
def test_bad_components(X, pca, components):
    with pytest.raises(ValueError, match="must be two integers between 0 and 1"):
        CodeDisplay.from_estimator(pca, X, components=components)


def test_single_component(X):
    with pytest.raises(ValueError, match=r"have 1 component.*n_components=2"):
        CodeDisplay.from_estimator(PCA(1).fit(X), X)


def test_labels_of_other_length(X, y, pca):
    with pytest.raises(ValueError, match=r"y has shape \(9,\), while X has 150 rows"):
        CodeDisplay.from_estimator(pca, X, y[:9])


def test_estimator_that_does_not_encode(X, forest):
    with pytest.raises(AttributeError, match="IsolationForest has no transform"):
        CodeDisplay.from_estimator(forest, X)


def test_without_matplotlib(X, pca, no_matplotlib):
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[plot\]"'):
        CodeDisplay.from_estimator(pca, X)
