"""What pretraining is worth.

Each part measures one claim:

* labels: classes of MNIST and of digits from few labels, against networks that are not
  pretrained, logistic regression, SVC and LabelSpreading;
* defaults: settings of fine-tuning beside others, on training rows alone;
* layerwise: a deep network on images, whose hidden layers are trained one by one
  before all of them together, or not; with the linear path that is PCA, and without.

    python benchmarks/pretraining.py
    python benchmarks/pretraining.py --only labels

Every part writes its own ``results/pretraining_<part>.md``. Everything runs on one
thread. A missed bound makes the exit status 1. No parameter of ours is chosen by
looking at test rows or their labels.
"""

import _data
import _parts
import _pretraining_defaults
import _pretraining_labels
import _pretraining_layerwise
import torch
from threadpoolctl import threadpool_limits

PARTS = {
    "labels": ("Few labels and many rows", _pretraining_labels.run),
    "defaults": ("Settings of fine-tuning", _pretraining_defaults.run),
    "layerwise": ("Hidden layers one by one", _pretraining_layerwise.run),
}


def main():
    """Run what the command line asks for."""
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument(
        "--images", type=int, help="training images of MNIST at most, for layerwise"
    )
    options = _parts.parse(parser, PARTS)
    unusual = options.quick or options.images
    is_usual = not unusual and options.data == _data.DEFAULT_DATA
    torch.set_num_threads(1)
    with threadpool_limits(1):
        _parts.run_parts("pretraining", PARTS, options, is_usual=is_usual)


if __name__ == "__main__":
    main()
