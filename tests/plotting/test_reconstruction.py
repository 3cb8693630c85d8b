import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import SequenceAutoencoder
from sklearn_ae.plotting import ReconstructionDisplay


def images(display):
    return [[ax.get_images()[0].get_array() for ax in row] for row in display.axes_]


@pytest.mark.parametrize("name", ["pca", "autoencoder"])
def test_images_are_the_rows_and_their_reconstructions(X, name, request):
    estimator = request.getfixturevalue(name)
    display = ReconstructionDisplay.from_estimator(
        estimator, X, image_shape=(2, 2), n_samples=3
    )
    originals, rebuilt = images(display)
    expected = estimator.inverse_transform(estimator.transform(X[:3]))
    np.testing.assert_array_equal(np.reshape(originals, (3, 4)), X[:3])
    np.testing.assert_allclose(np.reshape(rebuilt, (3, 4)), expected)


def test_profiles_are_the_rows_and_their_reconstructions(X, pca):
    display = ReconstructionDisplay.from_estimator(pca, X, n_samples=3)
    expected = pca.inverse_transform(pca.transform(X[:3]))
    for column in range(3):
        (line,) = display.axes_[0, column].get_lines()
        behind, front = display.axes_[1, column].get_lines()
        np.testing.assert_array_equal(line.get_ydata(), X[column])
        np.testing.assert_array_equal(behind.get_ydata(), X[column])
        np.testing.assert_allclose(front.get_ydata(), expected[column])
    assert len({ax.get_ylim() for ax in display.axes_.flat}) == 1


@pytest.mark.parametrize("lengths", [[10, 10, 10], [10, 7, 4]])
def test_sequences_are_lines_of_their_channels(lengths):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in lengths * 10]
    X = np.stack(X) if len(set(lengths)) == 1 else X
    model = SequenceAutoencoder(2, max_epochs=0, random_state=0).fit(X)
    display = ReconstructionDisplay.from_estimator(model, X, n_samples=3)
    for column, rebuilt in enumerate(model.reconstruct(X[:3])):
        lines = display.axes_[1, column].get_lines()
        values = np.stack([line.get_ydata() for line in lines], axis=1)
        np.testing.assert_array_equal(values[:, :2], X[column])
        np.testing.assert_array_equal(values[:, 2:], rebuilt)
    assert display.axes_[1, 0].get_xlabel() == "Step"
    display.figure_.canvas.draw()


def test_one_line_for_each_estimator(X, pca, autoencoder):
    estimators = {"A": pca, "B": autoencoder}
    display = ReconstructionDisplay.from_estimators(estimators, X, n_samples=5)
    assert display.axes_.shape == (3, 5)
    labels = [ax.get_ylabel() for ax in display.axes_[:, 0]]
    assert labels == ["Original", "A", "B"]


def test_class_is_the_name(X, pca):
    model = make_pipeline(StandardScaler(), pca).fit(X)
    assert list(ReconstructionDisplay.from_estimator(model, X).reconstructions) == [
        "PCA"
    ]
    display = ReconstructionDisplay.from_estimator(pca, X, name="linear")
    assert list(display.reconstructions) == ["linear"]


def test_fewer_rows_than_asked_for(X, pca):
    assert ReconstructionDisplay.from_estimator(pca, X[:2]).axes_.shape == (2, 2)


def test_one_scale_for_all_images(X, pca):
    display = ReconstructionDisplay.from_estimator(pca, X, image_shape=(2, 2))
    scales = {ax.get_images()[0].get_clim() for ax in display.axes_.flat}
    assert scales == {(X[:8].min(), X[:8].max())}


def test_colours_are_scaled_and_clipped():
    originals = np.linspace(0, 255, 12)[None]
    display = ReconstructionDisplay(
        originals=originals,
        reconstructions={"too far": 2 * originals - 100},
        image_shape=(2, 2, 3),
    ).plot()
    (original,), (rebuilt,) = images(display)
    np.testing.assert_allclose(original.ravel(), originals[0] / 255)
    assert (rebuilt.min(), rebuilt.max()) == (0, 1)


@pytest.mark.parametrize("image_shape", [None, (2, 2)])
def test_draws_inside_the_axes_given(X, pca, plt, image_shape):
    figure, axes = plt.subplots(ncols=2)
    display = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=image_shape, ax=axes[1]
    )
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert set(display.axes_.flat) == set(axes[1].child_axes)
    figure.canvas.draw()


def test_data_frames(X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    pca = PCA(2).set_output(transform="pandas").fit(frame)
    display = ReconstructionDisplay.from_estimator(pca, frame, n_samples=2)
    np.testing.assert_array_equal(display.originals, X[:2])


def test_sparse_rows(X, pca):
    display = ReconstructionDisplay.from_estimator(pca, sparse.csr_array(X))
    np.testing.assert_array_equal(display.originals, X[:8])


def test_keywords_reach_the_pictures(X, pca):
    display = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=(2, 2), image_kwargs={"cmap": "viridis"}
    )
    assert display.axes_[0, 0].get_images()[0].get_cmap().name == "viridis"
    display = ReconstructionDisplay.from_estimator(pca, X, line_kwargs={"color": "k"})
    assert display.axes_[0, 0].get_lines()[0].get_color() == "k"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3), r"image_shape=\(2, 3\) has 6 values, while a row has 4"),
        ((4,), r"image_shape=\(4,\) must be \(height, width\)"),
        ((1, 2, 2), r"image_shape=\(1, 2, 2\) must be \(height, width\)"),
    ],
)
def test_rows_that_are_no_such_images(X, pca, shape, message):
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(pca, X, image_shape=shape)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "all"])
def test_bad_n_samples(X, pca, n_samples):
    with pytest.raises(ValueError, match=f"n_samples={n_samples!r} must be"):
        ReconstructionDisplay.from_estimator(pca, X, n_samples=n_samples)


def test_no_estimators(X):
    with pytest.raises(ValueError, match="must name at least one estimator"):
        ReconstructionDisplay.from_estimators({}, X)


def test_estimator_that_does_not_decode(X, forest):
    with pytest.raises(AttributeError, match="IsolationForest has no transform"):
        ReconstructionDisplay.from_estimator(forest, X)


def test_without_matplotlib(X, pca, no_matplotlib):
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[plot\]"'):
        ReconstructionDisplay.from_estimator(pca, X)
