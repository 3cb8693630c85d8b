"""Docstrings: numpydoc's form, and defaults that are the signature's."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklearn_ae
from sklearn_ae import metrics, model_selection, plotting

# What numpydoc asks and this project, like scikit-learn, does not: examples and "see
# also" in every method, and unnamed return values.
IGNORED = {"ES01", "EX01", "SA01", "SA04", "GL08", "RT03", "PR02", "RT02", "YD01"}


def public_objects():
    for module in (sklearn_ae, metrics, model_selection, plotting):
        for name in module.__all__:
            yield f"{module.__name__}.{name}"


def public_callables():
    for path in public_objects():
        module, _, name = path.rpartition(".")
        item = getattr(importlib.import_module(module), name)
        yield path
        if inspect.isclass(item):
            for method, value in vars(item).items():
                if not method.startswith("_") and callable(value):
                    yield f"{path}.{method}"
            for parent in item.__mro__[1:]:
                if parent.__module__.startswith("sklearn_ae"):
                    for method, value in vars(parent).items():
                        if not method.startswith("_") and callable(value):
                            yield f"{path}.{method}"


@pytest.mark.parametrize("path", sorted(set(public_callables())))
def test_docstring_is_valid(path):
    errors = [error for error in validate(path)["errors"] if error[0] not in IGNORED]
    assert not errors


@pytest.mark.parametrize("path", sorted(set(public_objects())))
def test_defaults_are_the_signatures(path):
    module, _, name = path.rpartition(".")
    item = getattr(importlib.import_module(module), name)
    documented = {
        parameter: kind
        for entry in NumpyDocString(inspect.getdoc(item))["Parameters"]
        for parameter, kind in [(entry.name, entry.type)]
    }
    for parameter in inspect.signature(item).parameters.values():
        if parameter.default is parameter.empty or parameter.name == "y":
            continue
        stated = re.search(r"default=(.+)$", documented[parameter.name])
        assert stated, f"{parameter.name} states no default"
        value = stated[1].replace("np.nan", '"nan"')
        if not isinstance(parameter.default, str):
            value = str(ast.literal_eval(value))
        assert value.strip('"') == str(parameter.default)


def test_every_module_has_its_test():
    root = Path(__file__).parent
    missing = []
    for module in pkgutil.walk_packages(sklearn_ae.__path__, "sklearn_ae."):
        if module.ispkg:
            continue
        *folders, name = module.name.split(".")[1:]
        test = root.joinpath(*folders, f"test_{name.lstrip('_')}.py")
        if not test.exists():
            missing.append(str(test.relative_to(root)))
    assert not missing
