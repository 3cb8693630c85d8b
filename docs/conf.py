"""Sphinx configuration.

The build needs no network: references to other projects are resolved from their
stable addresses instead of from downloaded inventories.
"""

import re
from importlib import import_module
from inspect import isclass
from pathlib import Path

from docutils import nodes
from jinja2 import Template

import sklearn_ae

HERE = Path(__file__).parent

project = "sklearn-ae"
author = "the sklearn_ae developers"
copyright = f"2026, {author}"
release = version = sklearn_ae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
# `Autoencoder` in single backquotes is a reference, and a misspelt one an error.
default_role = "py:obj"
nitpicky = True

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-ae"
html_theme_options = {"show_prev_next": False}
html_show_sourcelink = False

autosummary_generate = True
autodoc_typehints = "none"
# The class template lists the members.
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    # The demo is a script for the command line, not an essay.
    "ignore_pattern": r"demo\.py",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("sklearn_ae",),
    "reference_url": {"sklearn_ae": None},
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
    "plot_gallery": True,
}

# Where the neighbours document an object: one page for each class and function.
STABLE_PAGES = {
    "matplotlib": "https://matplotlib.org/stable/api/_as_gen/{page}.html",
    "numpy": "https://numpy.org/doc/stable/reference/generated/{page}.html",
    "scipy": "https://docs.scipy.org/doc/scipy/reference/generated/{page}.html",
    "sklearn": "https://scikit-learn.org/stable/modules/generated/{page}.html",
    "torch": "https://docs.pytorch.org/docs/stable/generated/{page}.html",
}


def find_object(name):
    """Return the page and the object that a dotted name stands for, or None."""
    module_name, _, rest = name.rpartition(".")
    try:
        found = getattr(import_module(module_name), rest, None)
        return None if found is None else (name, found)
    except ImportError:
        owner = find_object(module_name) if module_name else None
    if owner is None or not isclass(owner[1]) or not hasattr(owner[1], rest):
        return None
    return owner[0], getattr(owner[1], rest)


def link_to_neighbour(app, env, node, contnode):
    """Link to another project's object, if there is one of that name."""
    target = node.get("reftarget", "")
    address = STABLE_PAGES.get(target.partition(".")[0])
    found = find_object(target) if address else None
    if found is None:
        return None  # Sphinx goes on and reports a missing reference
    page = found[0]
    anchor = "" if page == target else f"#{target}"
    return nodes.reference(
        "", "", contnode, internal=False, refuri=address.format(page=page) + anchor
    )


def skip_foreign_members(app, what, name, obj, skip, options):
    """Leave out what scikit-learn defines: its texts refer to pages of its own."""
    obj = getattr(obj, "fget", None) or obj  # a property has no module of its own
    module = getattr(obj, "__module__", None) or ""
    if module.startswith("sklearn.") or re.fullmatch(r"set_\w+_request", name):
        return True
    return None


def fill_template(app, docname, source):
    """Let the page of benchmarks list the tables that exist."""
    if docname != "benchmarks":
        return
    tables = sorted((HERE.parent / "benchmarks" / "results").glob("*.md"))
    source[0] = Template(source[0]).render(tables=[table.stem for table in tables])


def setup(app):
    app.connect("missing-reference", link_to_neighbour)
    app.connect("autodoc-skip-member", skip_foreign_members)
    app.connect("source-read", fill_template)
