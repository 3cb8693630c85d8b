import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import ConvolutionalAutoencoder
from sklearn_ae.plotting import RateDistortionDisplay


def test_points_are_sizes_and_errors(X, autoencoder):
    display = RateDistortionDisplay.from_estimator(autoencoder, X, bits=(2, 5))
    expected = [autoencoder.compress(X, bits=bits) for bits in (2, 5)]
    sizes = [len(data) / len(X) for data in expected]
    errors = [np.square(X - autoencoder.decompress(data)).mean() for data in expected]
    psnr = 10 * np.log10((X.max() - X.min()) ** 2 / errors)
    np.testing.assert_array_equal(display.bytes_per_row["Autoencoder"], sizes)
    np.testing.assert_allclose(display.quality["Autoencoder"], psnr)
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_xdata(), sizes)
    np.testing.assert_allclose(line.get_ydata(), psnr)
    assert display.ax_.get_xlabel() == "Bytes per row, header included"
    assert display.ax_.get_ylabel() == display.quantity == "PSNR, dB"


def test_r2_is_the_share_of_variance_kept(X, autoencoder):
    display = RateDistortionDisplay.from_estimator(
        autoencoder, X, bits=[12], measure="r2"
    )
    assert display.ax_.get_ylabel() == "R² of the decompressed rows"
    (r2,) = display.quality["Autoencoder"]
    assert r2 == pytest.approx(autoencoder.score(X), abs=1e-3)


def test_more_bytes_buy_more_quality(X, autoencoder):
    display = RateDistortionDisplay.from_estimator(autoencoder, X)
    assert display.bytes_per_row["Autoencoder"].shape == (7,)
    assert (np.diff(display.bytes_per_row["Autoencoder"]) > 0).all()
    # The codes lose least in the end.
    quality = display.quality["Autoencoder"]
    assert quality[0] < quality[2] < quality[-1]


def test_one_curve_for_each_estimator(X, autoencoder):
    one = clone(autoencoder).set_params(n_components=1).fit(X)
    display = RateDistortionDisplay.from_estimators(
        {"A": autoencoder, "B": one}, X, bits=range(3, 6)
    )
    assert [line.get_label() for line in display.lines_] == ["A", "B"]
    assert list(display.quality) == list(display.bytes_per_row) == ["A", "B"]
    texts = display.ax_.get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["A", "B"]


def test_a_name_is_given_or_the_class(X, autoencoder):
    display = RateDistortionDisplay.from_estimator(
        autoencoder, X, bits=[2], name="mine"
    )
    assert list(display.quality) == ["mine"]


def test_sparse_rows(X, autoencoder):
    dense, thin = (
        RateDistortionDisplay.from_estimator(autoencoder, rows, bits=[4]).quality
        for rows in (X, sparse.csr_array(X))
    )
    assert dense == thin


def test_integer_images():
    images = load_digits().images.astype(np.uint8)[:60]
    model = ConvolutionalAutoencoder(
        2, channels=(4,), round_pixels=True, max_epochs=0, random_state=0
    ).fit(images)
    display = RateDistortionDisplay.from_estimator(model, images, bits=[2, 8])
    (low, high) = display.quality["ConvolutionalAutoencoder"]
    assert 5 < low < high < 30


def test_keywords_and_axes_given(X, autoencoder, plt):
    _, ax = plt.subplots()
    display = RateDistortionDisplay.from_estimator(
        autoencoder, X, bits=[2, 4], ax=ax, line_kwargs={"color": "red"}
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.lines_[0].get_color() == "red"
    display.figure_.canvas.draw()


def test_a_display_of_data():
    display = RateDistortionDisplay(
        bytes_per_row={"mine": np.array([3.0, 9.0])},
        quality={"mine": np.array([20.0, np.inf])},
        quantity="quality",
    ).plot()
    assert display.ax_.get_ylabel() == "quality"
    display.figure_.canvas.draw()


def test_rows_without_any_error():
    X = np.repeat(np.eye(2), 20, axis=0)
    model = ConvolutionalAutoencoder(
        1, channels=(2,), image_shape=(2, 1), round_pixels=True, max_epochs=0
    ).fit(X.astype(np.uint8))
    display = RateDistortionDisplay.from_estimator(model, X.astype(np.uint8), bits=[8])
    assert np.isinf(display.quality["ConvolutionalAutoencoder"]).all()
    display.figure_.canvas.draw()


@pytest.mark.parametrize("measure", ["ssim", None])
def test_bad_measure(X, autoencoder, measure):
    with pytest.raises(ValueError, match=f"measure={measure!r} must be 'psnr' or 'r2'"):
        RateDistortionDisplay.from_estimator(autoencoder, X, measure=measure)


def test_bad_bits(X, autoencoder):
    with pytest.raises(ValueError, match="bits=0 must be an integer from 1 to 16"):
        RateDistortionDisplay.from_estimator(autoencoder, X, bits=[4, 0])


@pytest.mark.parametrize(
    ("measure", "name"), [("psnr", "PSNR, dB"), ("r2", "R² of the decompressed rows")]
)
def test_rows_all_alike(autoencoder, measure, name):
    with pytest.raises(ValueError, match=f"All entries of X are 3, and {name} is"):
        RateDistortionDisplay.from_estimator(
            autoencoder, np.full((5, 4), 3.0), measure=measure
        )


def test_no_estimators(X):
    with pytest.raises(ValueError, match="must name at least one estimator"):
        RateDistortionDisplay.from_estimators({}, X)


@pytest.mark.parametrize("name", ["pca", "pipeline"])
def test_estimator_that_does_not_compress(X, pca, name):
    estimator = pca if name == "pca" else make_pipeline(StandardScaler(), pca).fit(X)
    with pytest.raises(AttributeError, match="PCA has no compress"):
        RateDistortionDisplay.from_estimator(estimator, X)


def test_pipelines_do_not_compress(X, autoencoder):
    model = make_pipeline(StandardScaler(), clone(autoencoder)).fit(X)
    with pytest.raises(AttributeError, match=r"Give the step itself, estimator\[-1\]"):
        RateDistortionDisplay.from_estimator(model, X)


def test_without_matplotlib(X, autoencoder, no_matplotlib):
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[plot\]"'):
        RateDistortionDisplay.from_estimator(autoencoder, X)


def test_without_constriction(X, autoencoder, monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[compression\]"'):
        RateDistortionDisplay.from_estimator(autoencoder, X)
