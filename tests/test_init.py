import ast
import inspect
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sklearn_ae

LIGHT = ("metrics", "plotting")
SUBMODULES = (*LIGHT, "model_selection")
SLOW = {"torch", "skorch", "matplotlib"}


def answer(code):
    """What code prints in an interpreter that has imported nothing yet."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


# -- what an import brings


@pytest.mark.parametrize("name", ["sklearn_ae", *(f"sklearn_ae.{n}" for n in LIGHT)])
def test_import_brings_nothing_slow(name):
    loaded = answer(f"import sys, {name}; print(*sys.modules)")
    assert name in loaded
    assert not SLOW & set(loaded)


def test_a_look_around_brings_nothing_slow():
    code = "import sys, sklearn_ae; dir(sklearn_ae); print(*sys.modules)"
    assert not SLOW & set(answer(code))


def test_a_dense_fit_does_not_load_the_compiler_of_torch():
    code = (
        "import pickle, sys, numpy, sklearn_ae\n"
        "X = numpy.random.default_rng(0).normal(size=(60, 4))\n"
        "made = sklearn_ae.Autoencoder(2, max_epochs=2, random_state=0).fit(X)\n"
        "pickle.loads(pickle.dumps(made)).score_samples(X)\n"
        "print(*sys.modules)\n"
    )
    loaded = answer(code)
    assert "torch" in loaded
    assert "torch._dynamo" not in loaded


@pytest.mark.parametrize("name", SUBMODULES)
def test_a_submodule_is_an_attribute_without_its_own_import(name):
    code = f"import sklearn_ae; print(sklearn_ae.{name}.__name__)"
    assert answer(code) == [f"sklearn_ae.{name}"]


def test_a_broken_dependency_is_reported_as_such():
    code = (
        "import sys, sklearn_ae\n"
        "sys.modules['torch'] = None\n"
        "try:\n"
        "    hasattr(sklearn_ae, 'Autoencoder')\n"
        "except ImportError as error:\n"
        "    print(error.name)\n"
    )
    assert answer(code) == ["torch"]


# -- names


@pytest.mark.parametrize("name", sklearn_ae.__all__)
def test_a_name_is_the_class_of_its_module(name):
    found = getattr(sklearn_ae, name)
    assert inspect.isclass(found)
    assert found.__name__ == name
    assert found is getattr(import_module(found.__module__), name)
    assert vars(sklearn_ae)[name] is found  # and Python need not ask again
    assert pickle.loads(pickle.dumps(found)) is found


def test_a_star_brings_all_names():
    names = "[name for name in dir() if not name.startswith('_')]"
    assert answer(f"from sklearn_ae import *; print(*{names})") == sklearn_ae.__all__


def test_a_walk_over_members_finds_all_classes():
    code = (
        "import inspect, sklearn_ae\n"
        "print(*dict(inspect.getmembers(sklearn_ae, inspect.isclass)))\n"
    )
    assert answer(code) == sklearn_ae.__all__


def test_threads_may_ask_first_and_all_at_once():
    code = (
        "import threading, sklearn_ae\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "names = sklearn_ae.__all__\n"
        "start = threading.Barrier(len(names))\n"
        "def ask(name):\n"
        "    start.wait()\n"
        "    return getattr(sklearn_ae, name).__name__\n"
        "print(*ThreadPoolExecutor(len(names)).map(ask, names))\n"
    )
    assert answer(code) == sklearn_ae.__all__


def test_dir_is_what_is_public():
    assert dir(sklearn_ae) == sorted({*sklearn_ae.__all__, *SUBMODULES, "__version__"})


@pytest.mark.parametrize("name", ["Autoencodr", "_missing", "__wrapped__"])
def test_an_unknown_name_is_an_error_as_of_any_module(name):
    with pytest.raises(AttributeError) as error:
        getattr(sklearn_ae, name)
    assert str(error.value) == f"module 'sklearn_ae' has no attribute '{name}'"
    assert (error.value.name, error.value.obj) == (name, sklearn_ae)


def test_an_unknown_name_cannot_be_imported():
    with pytest.raises(ImportError, match="cannot import name 'Autoencodr' from"):
        from sklearn_ae import Autoencodr  # noqa: F401


# -- what editors read


def static_homes():
    """The module of each name that is imported for type checkers alone."""
    tree = ast.parse(Path(sklearn_ae.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        alias.name: node.module or alias.name
        for node in block.body
        for alias in node.names
    }


def test_editors_and_python_find_the_same():
    assert static_homes() == sklearn_ae._HOMES
    assert set(sklearn_ae._HOMES) == {*sklearn_ae.__all__, *SUBMODULES}
