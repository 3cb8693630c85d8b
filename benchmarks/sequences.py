"""What networks for sequences keep of what they promise.

Each part measures one claim:

* codes: the nearest neighbour in codes, and R² of reconstructions, against PCA;
* heartbeats: odd ones among normal ones, against PCA and IsolationForest;
* text: messages, character by character, and what codes know of spam;
* speed: what lengths cost, and the framework; a series of a million steps;
* nab, smap: long series, against PCA, IsolationForest, neighbours and PyOD's LSTMAD;
* windows, cells, scores: defaults for these and for sequences, beside others.

    python benchmarks/sequences.py
    python benchmarks/sequences.py --only codes

Every part writes its own ``results/sequences_<part>.md``. A missed bound makes the exit
status 1. No parameter of ours is chosen by looking at test sequences or labels.
"""

import _data
import _parts
import _sequences_cells
import _sequences_codes
import _sequences_heartbeats
import _sequences_scores
import _sequences_series
import _sequences_speed
import _sequences_text
import _sequences_windows

PARTS = {
    "codes": ("Codes of sequences", _sequences_codes.run),
    "heartbeats": ("Outliers among heartbeats", _sequences_heartbeats.run),
    "text": ("Codes of text messages", _sequences_text.run),
    "speed": ("What lengths and the framework cost", _sequences_speed.run),
    "nab": ("Outliers in long series: NAB", _sequences_series.run_nab),
    "smap": ("Outliers in long series: SMAP", _sequences_series.run_smap),
    "windows": ("Defaults for long series", _sequences_windows.run),
    "cells": ("Cells for sequences", _sequences_cells.run),
    "scores": ("Outlier scores of sequences", _sequences_scores.run),
}


def main():
    """Run what the command line asks for."""
    options = _parts.parse(_parts.make_parser(__doc__, PARTS), PARTS)
    unusual = options.quick or options.data != _data.DEFAULT_DATA
    _parts.run_parts("sequences", PARTS, options, is_usual=not unusual)


if __name__ == "__main__":
    main()
