import sys

import numpy as np
import pytest
from scipy import sparse

from sklearn_ae.plotting._shared import as_rows, import_pyplot, merged


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
