"""How long the package takes to import, beside scikit-learn."""

import subprocess
import sys
from functools import partial

import _report
import numpy as np
from _timing import interleave
from _variants import Part, judge, note, section

SCIKIT_LEARN, OURS = "import sklearn.base", "import sklearn_ae"
STATEMENTS = (SCIKIT_LEARN, OURS, "from sklearn_ae import Autoencoder")
SECONDS = 0.1
REPETITIONS, QUICK_REPETITIONS = 15, 2

HEADER = ("statement", "seconds", f"more than `{SCIKIT_LEARN}`")


def run(options):
    """Time fresh interpreters in turn."""
    repetitions = QUICK_REPETITIONS if options.quick else REPETITIONS
    ways = {statement: partial(execute, statement) for statement in STATEMENTS}
    interleave(ways, 1)  # files are then compiled, and in the system's memory
    seconds = interleave(ways, repetitions)
    bounds, rows = [], []
    for statement in STATEMENTS:
        more = float(np.median(seconds[statement] - seconds[SCIKIT_LEARN]))
        median = np.median(seconds[statement])
        rows.append((f"`{statement}`", f"{median:.3f}", f"{more:+.3f}"))
        note(*rows[-1])
        if statement == OURS:
            claim = f"seconds that {OURS} takes more than {SCIKIT_LEARN}"
            judge(bounds, _report.at_most(claim, more, SECONDS))
    text = (
        "Seconds of whole interpreters, from their start to their end, each of which "
        "executes one statement. The package loads scikit-learn and torch when one of "
        f"its names is first used, so that `{OURS}` alone has next to nothing to load. "
        f"Medians of {repetitions} interleaved runs, the last column of the "
        "differences within each, after one that is not counted."
    )
    return Part(bounds, [section("Import", text, HEADER, rows)])


def execute(statement):
    """Execute a statement in a fresh interpreter that finds what this one finds."""
    # Without -P it would look in the working directory first.
    subprocess.run([sys.executable, "-P", "-c", statement], check=True)
