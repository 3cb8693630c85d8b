"""What the defaults of ``SeriesDetector`` are beside, on both halves of the series."""

from unittest import mock

import numpy as np
from _sequences_data import NO_LONG_SERIES, load_nab, load_smap
from _variants import Part, note, section
from sklearn.metrics import average_precision_score

from sklearn_ae import SeriesDetector, _window_network

# Noise of windows, as a share of the largest variance of codes; and steps of windows.
NOISE_SHARES = (0.005, 0.02, 0.05, 0.1)
WINDOWS = (64, 128)

HEADER = ("", "NAB, even", "NAB, odd", "SMAP, even", "SMAP, odd")


def run(options):
    """Score long series with other noise and other windows."""
    collections = (load_nab(options), load_smap(options))
    if None in collections:
        return Part([], [NO_LONG_SERIES])
    shares = {f"noise {share}": (share, "auto") for share in NOISE_SHARES}
    usual = _window_network.NOISE_SHARE
    windows = {f"windows of {steps}": (usual, steps) for steps in WINDOWS}
    rows = []
    for name, (share, window) in {**shares, **windows}.items():
        cells = [name]
        for series in collections:
            series = series[:2] if options.quick else series
            values = [_precision(one, share, window) for one in series]
            cells += [f"{np.mean(half):.3f}" for half in (values[::2], values[1::2])]
        rows.append(cells)
        note(*cells)
    text = (
        "AUC-PR of `SeriesDetector()`, mean over the series, every other one in each "
        f"half. The defaults are a noise of {usual} and windows of whole periods. The "
        "labels of all four were in sight when they were chosen: what confirms them is "
        "that neighbours are alike in all halves, not that one of these is best."
    )
    return Part([], [section("Windows", text, HEADER, rows)])


def _precision(series, share, window):
    _, train, test, truth = series
    if window != "auto":
        window = min(window, len(train) // 2)
    with mock.patch.object(_window_network, "NOISE_SHARE", share):
        detector = SeriesDetector(window=window, random_state=0).fit(train)
    return average_precision_score(truth, -detector.score_samples(test))
