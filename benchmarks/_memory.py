"""Memory of a process of its own: what no file lies behind, at its peak."""

import json
import subprocess
import sys
import threading
from pathlib import Path

# Seconds between two looks.
INTERVAL = 0.005


def anonymous():
    """Return the bytes of this process that no file lies behind (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    raise OSError("/proc/self/status has no RssAnon: this takes Linux.")


def at_peak(function):
    """Return what a call returns, and the bytes at most while it ran."""
    peak, done = [anonymous()], threading.Event()

    def watch():
        while not done.wait(INTERVAL):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        value = function()
    finally:
        done.set()
        watcher.join()
    return value, peak[0]


def megabytes_beside(function):
    """Return the megabytes that a call takes beside the array it returns."""
    before = anonymous()
    value, peak = at_peak(function)
    return (peak - before - value.nbytes) / 1e6


def in_child(module, function, *arguments):
    """Return what a function of a module here returns in a process of its own.

    Arguments and result are plain values.
    """
    call = f"{module}.{function}(*{arguments!r})"
    code = f"import json, {module}; print(json.dumps({call}))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=Path(__file__).parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
