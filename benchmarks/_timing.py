"""Time measured side by side: a busy machine then slows all rivals alike."""

import time

import numpy as np


def seconds_of(function):
    """Return how long a call takes, and what it returns."""
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


def interleave(functions, repetitions):
    """Call functions in turn, A B C A B C, and return the seconds of each by name."""
    seconds = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            seconds[name].append(seconds_of(function)[0])
    return {name: np.array(values) for name, values in seconds.items()}


def median_ratio(seconds, other):
    """Return the median of the ratios within each repetition.

    Both sides of such a ratio ran within moments of each other.
    """
    return float(np.median(seconds / other))
