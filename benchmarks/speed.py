"""How fast training, fits, codes and scores are, beside other packages.

Each part measures one claim:

* step: the loop of ``fit`` against loops by hand; whole fits against PyOD, skorch and
  MLPRegressor, for the same layers, batches and epochs;
* quality: seconds until the held-out R² that PyOD or MLPRegressor ever reach;
* defaults: the same with other layers, rates and batches, on other tables;
* search: searches and ensembles whose fits train together;
* inference: codes, reconstructions and scores of fitted models;
* memory: what fits and fitted models take of it;
* import: how long it takes to load the package;
* fits: whole fits with each model's defaults, also to MNIST;
* throughput: rows per second through fitted models;
* devices: results in float32 on a GPU against the CPU's;
* auto: from which size of a step a GPU is faster.

    python benchmarks/speed.py
    python benchmarks/speed.py --only step quality
    python benchmarks/speed.py --device cuda

Every part writes its own ``results/speed_<part>.md``. With a GPU, Autoencoder and PyOD
run on it in the parts search, fits, throughput, devices and auto, whose reports end
with ``_cuda``; the others are about the CPU. Rivals run in turn, so that whatever else
the machine does falls on all of them. A missed bound makes the exit status 1.
"""

import _data
import _parts
import _peers
import _speed_auto
import _speed_defaults
import _speed_devices
import _speed_fits
import _speed_import
import _speed_inference
import _speed_memory
import _speed_precision
import _speed_quality
import _speed_search
import _speed_step
import _speed_throughput
import torch
from _report import say

PARTS = {
    "step": ("Steps and whole fits", _speed_step.run),
    "quality": ("Seconds until a quality", _speed_quality.run),
    "defaults": ("Seconds until a quality with other defaults", _speed_defaults.run),
    "search": ("Searches and ensembles", _speed_search.run),
    "inference": ("Codes, reconstructions and scores", _speed_inference.run),
    "memory": ("Memory", _speed_memory.run),
    "import": ("Loading the package", _speed_import.run),
    "fits": ("Whole fits with defaults", _speed_fits.run),
    "precision": ("Products in bfloat16", _speed_precision.run),
    "throughput": ("Rows per second", _speed_throughput.run),
    "devices": ("Results of devices", _speed_devices.run),
    "auto": ("From which size of a step a GPU is faster", _speed_auto.run),
}

ON_DEVICES = ("search", "fits", "throughput", "devices", "auto")


def main():
    """Run what the command line asks for."""
    parser = make_parser()
    options = _parts.parse(parser, PARTS)
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: there is no GPU that torch can use.")
    parts = PARTS
    if options.device != "cpu":
        parts = {name: PARTS[name] for name in ON_DEVICES}
        if not any(name.startswith(tuple(options.only)) for name in parts):
            parser.error(f"--only: on a GPU there are the parts {list(parts)}")
    if _peers.pyod_missing():
        say(_peers.pyod_missing())
    unusual = options.quick or options.repetitions or options.data != _data.DEFAULT_DATA
    _parts.run_parts(
        "speed", parts, options, is_usual=not unusual, device=options.device
    )


def make_parser():
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--repetitions", type=int, help="runs of each rival instead of a part's own"
    )
    return parser


if __name__ == "__main__":
    main()
