"""What the outlier detectors keep of what they promise.

Each part measures one claim, or compares, on labelled tables of ADBench:

* calibration: false alarms among new normal rows at p-values of 0.05, and the share of
  training rows that ``contamination`` flags;
* explanations: whether the column that makes a row odd has the largest share of its
  score;
* scores: the default score beside others, and with one part changed at a time, on the
  half of the tables on which it was chosen, and of embeddings of images;
* seconds: of the default score of a million made rows, beside an IsolationForest's, and
  the memory it takes.

    python benchmarks/detection.py
    python benchmarks/detection.py --only calibration

Every part writes its own ``results/detection_<part>.md``. A missed bound makes the exit
status 1. But for the scores, nothing is chosen by looking at labels of test rows.
"""

import _data
import _detection_calibration
import _detection_explanations
import _detection_scores
import _detection_seconds
import _parts
import torch
from _report import say
from threadpoolctl import threadpool_limits

PARTS = {
    "calibration": ("False alarms of outlier detectors", _detection_calibration.run),
    "explanations": ("Which column makes a row odd", _detection_explanations.run),
    "scores": ("Which scores tell outliers apart", _detection_scores.run),
    "seconds": ("How long scores of a million rows take", _detection_seconds.run),
}


def main():
    """Run what the command line asks for."""
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="these tables only")
    options = _parts.parse(parser, PARTS)
    if not options.data.is_dir():
        say("There is no directory of data: there is nothing to run on.")
    unusual = options.quick or options.tables or options.data != _data.DEFAULT_DATA
    torch.set_num_threads(1)
    with threadpool_limits(1):
        _parts.run_parts("detection", PARTS, options, is_usual=not unusual)


if __name__ == "__main__":
    main()
