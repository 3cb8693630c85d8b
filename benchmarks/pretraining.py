"""What pretraining on rows without a label is worth.

Each part measures one claim:

* labels: classes of MNIST and of digits from few labels, against networks that are not
  pretrained, logistic regression, SVC and LabelSpreading;
* defaults: settings of fine-tuning beside others, on training rows alone.

    python benchmarks/pretraining.py
    python benchmarks/pretraining.py --only labels

Every part writes its own ``results/pretraining_<part>.md``. A missed bound makes the
exit status 1. No parameter of ours is chosen by looking at test labels.
"""

import _data
import _parts
import _pretraining_defaults
import _pretraining_labels

PARTS = {
    "labels": ("Few labels and many rows", _pretraining_labels.run),
    "defaults": ("Settings of fine-tuning", _pretraining_defaults.run),
}


def main():
    """Run what the command line asks for."""
    options = _parts.parse(_parts.make_parser(__doc__, PARTS), PARTS)
    unusual = options.quick or options.data != _data.DEFAULT_DATA
    _parts.run_parts("pretraining", PARTS, options, is_usual=not unusual)


if __name__ == "__main__":
    main()
