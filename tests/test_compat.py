import ast
import importlib.util
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import sklearn_ae
from sklearn_ae import _compat

MODULES = sorted(Path(sklearn_ae.__file__).parent.rglob("*.py"))


def private_names(path):
    """scikit-learn's private names that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "sklearn" and any(part.startswith("_") for part in parts):
                yield name


@pytest.fixture
def older(monkeypatch):
    """The module as it is with a scikit-learn that has no callbacks."""
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.spec_from_file_location("older_compat", _compat.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_private_names_of_scikit_learn_stay_in_one_file(path):
    if path.name == "_compat.py":
        assert list(private_names(path))
    else:
        assert not list(private_names(path))


def test_all_names_are_there(older):
    for module in (_compat, older):
        for name in module.__all__:
            assert hasattr(module, name)


def test_without_callbacks_fit_is_left_as_it_is(older):
    def fit(self, X):
        return self

    assert older.with_callbacks(fit) is fit


def test_without_callbacks_there_is_no_context(older):
    class Estimator(older.CallbackSupportMixin, BaseEstimator):
        pass

    assert older.open_callback_context(Estimator(), 5) is None


def test_with_callbacks_the_context_knows_the_number_of_epochs():
    class Estimator:
        def _init_callback_context(self, max_subtasks):
            return "context", max_subtasks

    assert _compat.open_callback_context(Estimator(), 5) == ("context", 5)
