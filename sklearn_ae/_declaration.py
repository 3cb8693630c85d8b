"""Parameters of estimators: declared once as fields, documented once.

A class states a parameter as an annotated attribute with its default, and documents it
where it states it. Classes below inherit both; a plain ``name = value`` changes a
default. Otherwise every variant would repeat some twenty parameters in its signature,
in its assignments and in its docstring, to add two of its own.
"""

import dataclasses
import inspect

# Parameters that may be given by position, as PCA's, and the autoencoder inside
# another estimator; all others are keyword-only.
POSITIONAL = ("n_components", "encoder")

MERGED = ("Parameters", "Attributes")


def declare_parameters(cls):
    """Give an estimator the ``__init__`` that its fields describe, and their docs.

    A class that writes its own ``__init__`` keeps it.
    """
    if "__init__" not in vars(cls):
        cls.__init__ = _make_init(cls)
    if cls.__doc__ is not None:
        cls.__doc__ = _merged_docstring(cls)


def _make_init(cls):
    """Return an ``__init__`` that only assigns, as scikit-learn demands."""
    fields = [
        (
            name,
            annotation,
            dataclasses.field(
                default=getattr(cls, name), kw_only=name not in POSITIONAL
            ),
        )
        for name, annotation in _fields(cls).items()
    ]
    made = dataclasses.make_dataclass(cls.__name__, fields, eq=False, repr=False)
    init = made.__init__
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    return init


def _fields(cls):
    """Return annotations by name: positional ones, then those nearest to the class."""
    fields = {}
    for parent in cls.__mro__:
        for name, annotation in inspect.get_annotations(parent).items():
            if not name.startswith("_") and name in vars(parent):
                fields.setdefault(name, annotation)
    order = sorted(fields, key=lambda name: name not in POSITIONAL)
    return {name: fields[name] for name in order}


# -- docstrings


def _merged_docstring(cls):
    """Return a class's docstring with the entries it inherits, in numpydoc's order.

    Parameters come in the order of the signature, attributes nearest to the class
    first.
    """
    summary, sections = _sections_of(cls)
    entries = {title: _split_entries(sections.pop(title, [])) for title in MERGED}
    for parent in cls.__mro__[1:]:
        _, inherited = _sections_of(parent)
        for title in MERGED:
            for name, lines in _split_entries(inherited.get(title, [])).items():
                entries[title].setdefault(name, lines)
    known = entries["Parameters"]
    signature = inspect.signature(cls.__init__).parameters
    entries["Parameters"] = {name: known[name] for name in signature if name in known}
    merged = {title: list(entries[title].values()) for title in MERGED} | sections
    parts = [
        "\n".join([title, "-" * len(title), *lines]).rstrip()
        for title, lines in merged.items()
        if lines
    ]
    return "\n\n".join([summary, *parts]) + "\n"


def _sections_of(cls):
    """Split a class's own docstring into its summary and its sections' lines."""
    lines = inspect.cleandoc(vars(cls).get("__doc__") or "").splitlines()
    heads = [
        i - 1
        for i, line in enumerate(lines)
        if line and not line.strip("-") and len(line) == len(lines[i - 1])
    ]
    ends = [*heads[1:], len(lines)]
    summary = "\n".join(lines[: heads[0]] if heads else lines).rstrip()
    return summary, {
        lines[head]: lines[head + 2 : end]
        for head, end in zip(heads, ends, strict=False)
    }


def _split_entries(lines):
    """Return a section's entries by name."""
    entries = {}
    for line in lines:
        if line and not line.startswith(" "):
            name = line.partition(" : ")[0]
            entries[name] = line
        elif entries:
            entries[name] += "\n" + line
    return {name: entry.rstrip() for name, entry in entries.items()}
