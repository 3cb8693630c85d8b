"""What the benchmarks share in reporting: tables, bounds, the environment, files."""

import datetime
import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import NamedTuple

import joblib
import torch

RESULTS = Path(__file__).resolve().parent / "results"

PACKAGES = ("sklearn-ae", "torch", "scikit-learn", "skorch", "numpy", "pyod")


class Bound(NamedTuple):
    """A measured value and the claim it has to meet."""

    claim: str
    value: float
    limit: float
    met: bool


def at_most(claim, value, limit):
    """Return the bound that a value must not exceed; NaN misses it."""
    return Bound(claim, value, limit, bool(value <= limit))


def at_least(claim, value, limit):
    """Return the bound that a value must reach; NaN misses it."""
    return Bound(claim, value, limit, bool(value >= limit))


def bounds_table(bounds):
    """Return the bounds as a Markdown table."""
    rows = [
        (bound.claim, f"{bound.value:.4g}", f"{bound.limit:g}", _verdict(bound))
        for bound in bounds
    ]
    return markdown_table(("claim", "measured", "bound", ""), rows)


def _verdict(bound):
    return "met" if bound.met else "MISSED"


def markdown_table(header, rows):
    """Return a Markdown table whose columns line up in plain text too."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(table_row(line, widths) for line in lines)


def table_row(cells, widths):
    """Return one line of a table with columns of the given widths."""
    padded = (str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def environment():
    """Return versions, processor, device and date, and nothing that names a machine."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"Python {platform.python_version()}, {versions}; {_processor()}, "
        f"{joblib.cpu_count()} cores{gpu}; {datetime.date.today().isoformat()}."
    )


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def say(*parts):
    """Print at once, also into a pipe."""
    print(*parts, flush=True)


def write(name, title, command, sections):
    """Write a report to ``results/<name>.md``."""
    RESULTS.mkdir(exist_ok=True)
    parts = [f"# {title}", f"Written by `{command}`.\n\n{environment()}", *sections]
    (RESULTS / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    say(f"\nWritten: benchmarks/results/{name}.md")


def finish(bounds):
    """End the script; its exit status is 1 if a bound was missed."""
    missed = [bound.claim for bound in bounds if not bound.met]
    if missed:
        say(f"\nMissed: {'; '.join(missed)}.")
    sys.exit(1 if missed else 0)
