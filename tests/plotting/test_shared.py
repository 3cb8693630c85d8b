import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae.plotting import ExplanationDisplay, ExplanationMapDisplay
from sklearn_ae.plotting._shared import as_rows, import_pyplot, merged

# Displays of explanations.
DISPLAYS = [ExplanationDisplay, ExplanationMapDisplay]


def test_import_names_the_caller_and_the_extra(no_matplotlib):
    with pytest.raises(ImportError, match=r'Caller needs.*"sklearn-ae\[plot\]"'):
        import_pyplot("Caller")


def test_package_imports_without_matplotlib(no_matplotlib, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sklearn_ae.plot")]:
        monkeypatch.delitem(sys.modules, name)
    import sklearn_ae.plotting

    assert all(map(sklearn_ae.plotting.__dict__.get, sklearn_ae.plotting.__all__))


@pytest.mark.parametrize(
    "X", [np.ones((3, 4)), np.ones((3, 2, 2)), sparse.csr_array(np.ones((3, 4)))]
)
def test_rows_are_dense_and_flat(X):
    np.testing.assert_array_equal(as_rows(X), np.ones((3, 4)))


def test_given_keywords_win():
    assert merged({"a": 1, "b": 2}, {"b": 3}) == {"a": 1, "b": 3}
    assert merged({"a": 1}, None) == {"a": 1}


@pytest.mark.parametrize("display", DISPLAYS)
def test_of_a_pipeline_the_last_step_is_asked(display, X, odd):
    last = Autoencoder(2, max_epochs=2, early_stopping=False, random_state=0)
    pipeline = make_pipeline(StandardScaler(), last).fit(X)
    scaled = pipeline[:-1].transform(odd[:1])
    drawn = display.from_estimator(pipeline, odd[:1])
    shares = pipeline[-1].explain(scaled).shares
    np.testing.assert_array_equal(np.ravel(drawn.shares), shares[0])


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_detector_that_does_not_explain(display, X):
    forest = IsolationForest(n_estimators=5).fit(X)
    with pytest.raises(AttributeError, match="has no explain"):
        display.from_estimator(forest, X[:1])


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib(display, autoencoder, X, no_matplotlib):
    with pytest.raises(ImportError, match="needs matplotlib"):
        display.from_estimator(autoencoder, X[:1])
