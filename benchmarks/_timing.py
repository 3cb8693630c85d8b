"""Time measured side by side: a busy machine then slows all rivals alike."""

import time
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def seconds_of(function):
    """Return how long a call takes, and what it returns."""
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


class Clock:
    """Counts the seconds since it was made, but for those while it is paused."""

    def __init__(self):
        self.start = time.perf_counter()

    @contextmanager
    def paused(self):
        """Stop the clock; gives the seconds so far."""
        now = time.perf_counter()
        yield now - self.start
        self.start += time.perf_counter() - now


class Stopwatch:
    """A function that counts the seconds of its calls."""

    def __init__(self, function):
        self.function = function
        self.seconds = 0.0

    def __call__(self, *args, **kwargs):
        seconds, value = seconds_of(partial(self.function, *args, **kwargs))
        self.seconds += seconds
        return value


@contextmanager
def threads(n_threads):
    """Let torch and the libraries of NumPy have so many threads inside the block.

    What is timed takes as many as its caller lets torch have, and the parts of a script
    that come after it are not to be timed on another number.
    """
    before = torch.get_num_threads()
    with threadpool_limits(n_threads):
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


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
