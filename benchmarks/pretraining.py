"""What pretraining is worth.

* layerwise: a deep network on images, whose hidden layers are trained one by one
  before all of them together, or not; with the linear path that is PCA, and without.

    python benchmarks/pretraining.py

Every part writes its own ``results/pretraining_<part>.md``. A missed bound makes the
exit status 1. No parameter is chosen by looking at test rows.
"""

import _data
import _parts
import _pretraining_layerwise
import torch
from threadpoolctl import threadpool_limits

PARTS = {
    "layerwise": ("Hidden layers one by one", _pretraining_layerwise.run),
}


def main():
    """Run what the command line asks for."""
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument("--images", type=int, help="training images of MNIST at most")
    options = _parts.parse(parser, PARTS)
    unusual = options.quick or options.images
    is_usual = not unusual and options.data == _data.DEFAULT_DATA
    torch.set_num_threads(1)
    with threadpool_limits(1):
        _parts.run_parts("pretraining", PARTS, options, is_usual=is_usual)


if __name__ == "__main__":
    main()
