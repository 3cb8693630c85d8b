"""A script in parts: which of them run, their reports, and its command line."""

import argparse
from pathlib import Path

import _data
import _report
from _report import say
from _variants import note


def run_parts(script, parts, options, *, is_usual, device="cpu"):
    """Run the parts that are asked for, and write a report of each.

    Parameters
    ----------
    script : str
        Name of the script, without its ending; reports begin with it.
    parts : dict
        A title and a function of the options by name; it returns a ``Part``.
    options : Namespace
        As :func:`parse` returns it.
    is_usual : bool
        Whether data and sizes are the usual, and reports are written unless asked.
    device : str
        Where it runs, for scripts with ``--device``; reports of another than the CPU
        end with it.
    """
    bounds = []
    save = is_usual if options.save is None else options.save
    for name, (title, run) in parts.items():
        if not any(name.startswith(wanted) for wanted in options.only):
            continue
        note(f"{name}: {title}")
        part = run(options)
        bounds += part.bounds
        sections = list(part.sections)
        if part.bounds:
            sections.insert(0, _report.bounds_table(part.bounds))
        say("\n" + "\n\n".join(sections))
        if save and "|" in "".join(sections):
            command = f"python benchmarks/{script}.py --only {name}"
            report = f"{script}_{name.replace('-', '_')}"
            if device != "cpu":
                command, report = f"{command} --device {device}", f"{report}_{device}"
            _report.write(report, title, command, sections)
    _report.finish(bounds)


def make_parser(doc, parts):
    """Return a parser of what all scripts in parts take."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add(
        "--only",
        nargs="+",
        metavar="PART",
        default=list(parts),
        help=f"these parts, or parts that begin so: {', '.join(parts)}",
    )
    add("--quick", action="store_true", help="tiny sizes, to try the code")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option a trial of "
        "other data or sizes writes nothing",
    )
    return parser


def parse(parser, parts):
    """Return the options; ``only`` is a list of beginnings of parts' names."""
    options = parser.parse_args()
    options.only = [name for names in options.only for name in names.split(",") if name]
    for wanted in options.only:
        if not any(name.startswith(wanted) for name in parts):
            parser.error(f"--only: {wanted!r} begins none of {list(parts)}")
    return options
