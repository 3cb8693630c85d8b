"""What networks for sequences keep of what they promise.

Each part measures one claim:

* codes: the nearest neighbour in codes, and R² of reconstructions, against PCA;
* heartbeats: odd ones among normal ones, against PCA and IsolationForest.

    python benchmarks/sequences.py
    python benchmarks/sequences.py --only codes

Every part writes its own ``results/sequences_<part>.md``. A missed bound makes the exit
status 1. No parameter of ours is chosen by looking at test sequences or labels.
"""

import argparse
from pathlib import Path

import _data
import _report
import _sequences_codes
import _sequences_heartbeats
from _report import say
from _variants import note

PARTS = {
    "codes": ("Codes of sequences", _sequences_codes.run),
    "heartbeats": ("Outliers among heartbeats", _sequences_heartbeats.run),
}


def main():
    """Run what the command line asks for."""
    options = parse_options()
    bounds = []
    for name, (title, run) in PARTS.items():
        if not any(name.startswith(wanted) for wanted in options.only):
            continue
        note(f"{name}: {title}")
        part = run(options)
        bounds += part.bounds
        sections = list(part.sections)
        if part.bounds:
            sections.insert(0, _report.bounds_table(part.bounds))
        say("\n" + "\n\n".join(sections))
        is_usual = not options.quick and options.data == _data.DEFAULT_DATA
        save = is_usual if options.save is None else options.save
        if "|" in "".join(part.sections) and save:
            command = f"python benchmarks/sequences.py --only {name}"
            _report.write(f"sequences_{name}", title, command, sections)
    _report.finish(bounds)


def parse_options():
    """Return the options; ``only`` is a list of beginnings of parts' names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add(
        "--only",
        nargs="+",
        metavar="PART",
        default=list(PARTS),
        help=f"these parts, or parts that begin so: {', '.join(PARTS)}",
    )
    add("--quick", action="store_true", help="tiny sizes, to try the code")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option a trial of "
        "other data or sizes writes nothing",
    )
    options = parser.parse_args()
    for wanted in options.only:
        if not any(name.startswith(wanted) for name in PARTS):
            parser.error(f"--only: {wanted!r} begins none of {list(PARTS)}")
    return options


if __name__ == "__main__":
    main()
