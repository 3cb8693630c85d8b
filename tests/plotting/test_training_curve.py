import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from sklearn_ae.plotting import TrainingCurveDisplay


@pytest.fixture(scope="module")
def judged(X):
    with warnings.catch_warnings():
        # A few epochs are too few, of course.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return Autoencoder(1, max_epochs=5, random_state=0).fit(X)


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_curves_are_the_history(judged):
    display = TrainingCurveDisplay.from_estimator(judged)
    train, valid = display.lines_
    np.testing.assert_array_equal(train.get_xdata(), np.arange(1, 6))
    np.testing.assert_allclose(train.get_ydata(), 1 - judged.history_["train_loss"])
    np.testing.assert_allclose(valid.get_ydata(), 1 - judged.history_["valid_loss"])
    assert len(legend_of(display)) == 4


def test_pca_has_a_line_at_its_level(judged):
    line = TrainingCurveDisplay.from_estimator(judged).start_line_
    assert set(line.get_ydata()) == {judged.pca_validation_r2_}


def test_mark_stands_at_the_kept_epoch(judged):
    display = TrainingCurveDisplay.from_estimator(judged)
    assert list(display.mark_.get_xdata()) == [judged.best_epoch_]
    np.testing.assert_allclose(display.mark_.get_ydata(), [judged.validation_r2_])


def test_epoch_zero_is_marked_at_pca_level():
    display = TrainingCurveDisplay(
        train_score=[0.6, 0.7], valid_score=[0.4, 0.3], start_score=0.5, best_epoch=0
    ).plot()
    assert (display.mark_.get_xdata()[0], display.mark_.get_ydata()[0]) == (0, 0.5)


def test_without_held_out_rows(autoencoder):
    display = TrainingCurveDisplay.from_estimator(autoencoder)
    assert display.valid_score is None
    assert len(display.lines_) == 1
    assert display.start_line_ is None
    np.testing.assert_allclose(
        display.mark_.get_ydata(), 1 - autoencoder.history_["train_loss"][-1:]
    )


@pytest.mark.parametrize("early_stopping", [True, False])
def test_without_epochs(X, early_stopping):
    pca = Autoencoder(1, max_epochs=0, early_stopping=early_stopping).fit(X)
    display = TrainingCurveDisplay.from_estimator(pca)
    assert len(display.train_score) == 0
    assert (display.mark_ is not None) == early_stopping
    display.figure_.canvas.draw()


def test_without_anything_known():
    display = TrainingCurveDisplay(train_score=[]).plot()
    assert display.ax_.get_legend() is None


def test_mark_beyond_the_history_is_left_out():
    assert TrainingCurveDisplay(train_score=[0.5], best_epoch=7).plot().mark_ is None


def test_single_epoch_shows():
    (line,) = TrainingCurveDisplay(train_score=[0.5]).plot().lines_
    assert line.get_marker() == "."


def test_draws_on_the_axes_given(judged, plt):
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(judged, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure


def test_keywords_reach_the_curves(judged):
    style = {"linewidth": 7}
    display = TrainingCurveDisplay.from_estimator(judged, line_kwargs=style)
    assert {line.get_linewidth() for line in display.lines_} == {7}


def test_pipeline(X):
    model = make_pipeline(StandardScaler(), Autoencoder(1, max_epochs=0)).fit(X)
    display = TrainingCurveDisplay.from_estimator(model)
    assert display.start_score == model[-1].pca_validation_r2_


def test_estimator_without_history(pca):
    with pytest.raises(AttributeError, match=r"PCA has no history_.*Autoencoder"):
        TrainingCurveDisplay.from_estimator(pca)


def test_estimator_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(Autoencoder())


def test_without_matplotlib(judged, no_matplotlib):
    with pytest.raises(ImportError, match=r'pip install "sklearn-ae\[plot\]"'):
        TrainingCurveDisplay.from_estimator(judged)
    with pytest.raises(ImportError, match=r"TrainingCurveDisplay\.plot"):
        TrainingCurveDisplay(train_score=[0.5]).plot()


@pytest.mark.parametrize(
    ("kind", "quantity", "start"),
    [
        (Autoencoder, "R² of the reconstruction", "PCA on held-out"),
        (DenoisingAutoencoder, "R² to the clean rows", "linear denoiser on held-out"),
        (SparseAutoencoder, "1 less the loss", None),
        (VariationalAutoencoder, "Evidence lower bound", "probabilistic PCA on held"),
    ],
)
@pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
def test_curves_say_what_they_show(blob, kind, quantity, start):
    model = kind(max_epochs=3, random_state=0).fit(blob)
    display = TrainingCurveDisplay.from_estimator(model)
    assert display.ax_.get_ylabel().startswith(quantity)
    if start is None:
        assert display.start_line_ is None
    else:
        assert display.start_line_.get_label().startswith(start)
    sign = -1 if kind is VariationalAutoencoder else 0
    expected = (1 + sign) - model.history_["valid_loss"]
    np.testing.assert_allclose(display.valid_score, expected)
