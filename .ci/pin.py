#!/usr/bin/env python3
"""Write constraints.txt: what pip picks today for the package with all its extras.

torch keeps the pin that constraints.txt holds; edit that line by hand to move it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

HEADER = """\
# The exact versions that make, the tests and the documentation use: everything
# named in pyproject.toml, and what that needs in turn. Users are not bound by it.
# "make pin" rewrites this file with the newest releases, but never moves torch.
"""

PINS = Path("constraints.txt")
EXTRAS = "plot,test,docs,benchmark,lint"


def resolve(torch_pin):
    """Return what pip would install, without installing it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet"]
    command += ["--dry-run", "--ignore-installed", "--report", "-"]
    # One call with torch's pin in it, or the others pull the newest torch first.
    command += [torch_pin, f".[{EXTRAS}]"]
    report = json.loads(subprocess.check_output(command, text=True))
    return [item["metadata"] for item in report["install"]]


def main():
    torch_pin = re.search(r"^torch==\S+", PINS.read_text(), re.MULTILINE).group()
    # A local label such as "+cpu" names a build of the same release: "==2.13.0"
    # accepts each of them, "==2.13.0+cpu" only one.
    pins = {
        found["name"].lower(): f"{found['name']}=={found['version'].split('+')[0]}"
        for found in resolve(torch_pin)
        if found["name"] != "sklearn-ae"
    }
    PINS.write_text(HEADER + "".join(f"{pins[name]}\n" for name in sorted(pins)))


if __name__ == "__main__":
    main()
