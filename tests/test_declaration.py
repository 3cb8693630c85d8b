"""Parameters declared as fields: signatures and merged docstrings."""

import inspect

import pytest
from sklearn.base import BaseEstimator, clone

from sklearn_ae._declaration import declare_parameters


class Declared(BaseEstimator):
    """Summary of the parent.

    Parameters
    ----------
    n_components : int, default=2
        Components.
    depth : int, default=1
        Depth,

        in two paragraphs.

    Attributes
    ----------
    found_ : int
        What was found.
    """

    n_components: int = 2
    depth: int = 1
    _private: int = 0
    unset: int

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        declare_parameters(cls)


class Child(Declared):
    """Summary of the child.

    Parameters
    ----------
    n_components : int, default=5
        More components.
    noise : float, default=0.5
        Noise.

    Notes
    -----
    Something.
    """

    n_components = 5
    noise: float = 0.5


class Grandchild(Child):
    depth = 3


def test_signature_has_own_parameters_before_inherited_ones():
    parameters = inspect.signature(Child).parameters
    assert list(parameters) == ["n_components", "noise", "depth"]
    assert [p.default for p in parameters.values()] == [5, 0.5, 1]
    assert [p.kind.name for p in parameters.values()] == [
        "POSITIONAL_OR_KEYWORD",
        "KEYWORD_ONLY",
        "KEYWORD_ONLY",
    ]


def test_a_plain_value_changes_a_default():
    assert Grandchild().get_params() == {"depth": 3, "n_components": 5, "noise": 0.5}


def test_init_only_assigns():
    model = Child(7, noise="anything")
    assert vars(model) == {"n_components": 7, "noise": "anything", "depth": 1}
    assert clone(model).get_params() == model.get_params()


def test_unknown_parameters_are_refused_by_name():
    with pytest.raises(TypeError, match=r"Child\.__init__\(\) got an unexpected .*wid"):
        Child(width=3)


def test_own_init_is_kept():
    class Own(Declared):
        def __init__(self, other=1):
            self.other = other

    assert Own().get_params() == {"other": 1}


def test_docstring_merges_entries_in_the_signatures_order():
    assert Child.__doc__ == (
        "Summary of the child.\n\n"
        "Parameters\n----------\n"
        "n_components : int, default=5\n    More components.\n"
        "noise : float, default=0.5\n    Noise.\n"
        "depth : int, default=1\n    Depth,\n\n    in two paragraphs.\n\n"
        "Attributes\n----------\nfound_ : int\n    What was found.\n\n"
        "Notes\n-----\nSomething.\n"
    )


def test_a_class_without_docstring_gets_none():
    assert Grandchild.__doc__ is None
