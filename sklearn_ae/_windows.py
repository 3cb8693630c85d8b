"""Windows of long series: where they begin, what they hold, what becomes of steps."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

# The shortest period told, in steps, and the least autocorrelation at it.
SHORTEST_PERIOD, LEAST_CORRELATION = 4, 0.2

# Windows hold as many periods as come to this many steps at least, and this many steps
# where there is no period: ``_sequences_windows.py`` of the benchmarks compares.
MIN_WINDOW, DEFAULT_WINDOW = 100, 128

# Steps of a segment, at most, that its period is told from, and the longest period.
MOST_STEPS, LONGEST_PERIOD = 2**17, 512

# Numbers in windows that are read at once.
BLOCK_CELLS = 2**22


def starts_back(n_steps, window, stride):
    """Return where windows begin that end with a series, and cover all of it.

    Counted from the end, so that its last steps are in the same windows whatever comes
    before them.
    """
    starts = np.arange(n_steps - window, -1, -stride)[::-1]
    return starts if starts[0] == 0 else np.concatenate([[0], starts])


def starts_on(n_steps, window, stride):
    """Return where windows begin, counted from the first step; there may be none."""
    return np.arange(0, n_steps - window + 1, stride)


def cut(values, starts, window):
    """Return windows of shape ``(n_windows, window, n_channels)``."""
    views = sliding_window_view(values, window, axis=0)
    return views[starts].transpose(0, 2, 1)


def continued(values, n_steps):
    """Return a short segment continued to ``n_steps`` by its mirror image."""
    return np.pad(values, ((0, n_steps - len(values)), (0, 0)), mode="reflect")


def blocks_of_windows(starts, n_cells):
    """Yield parts of ``starts`` whose windows, of so many numbers, are read at once."""
    step = max(1, BLOCK_CELLS // n_cells)
    for first in range(0, len(starts), step):
        yield starts[first : first + step]


class StepMean:
    """Mean over the windows that hold a step, for every step of a series.

    Parameters
    ----------
    n_steps : int
    shape : tuple of int
        Of what is averaged, for each step.
    """

    def __init__(self, n_steps, shape=()):
        self.total = np.zeros((n_steps, *shape))
        self.count = np.zeros(n_steps)

    def add(self, values, starts):
        """Take what windows say of their steps.

        Parameters
        ----------
        values : ndarray of shape (n_windows, window, ...)
        starts : ndarray of int of shape (n_windows,)
            Each other than the others.
        """
        for place in range(values.shape[1]):
            # One place after the other: no step is named twice in one sum.
            self.total[starts + place] += values[:, place]
            self.count[starts + place] += 1

    def result(self):
        """Return the means."""
        count = self.count.reshape(-1, *[1] * (self.total.ndim - 1))
        return self.total / count


def window_for(segments):
    """Return the window for segments, and the dominant period, None if there is none.

    Parameters
    ----------
    segments : list of ndarray of shape (n_steps, n_channels)

    Returns
    -------
    window : int
    period : int or None
    """
    longest = max(map(len, segments))
    period = dominant_period(segments, min(longest // 4, LONGEST_PERIOD))
    window = DEFAULT_WINDOW if period is None else period * -(-MIN_WINDOW // period)
    return max(1, min(window, longest // 4)), period


def dominant_period(segments, longest):
    """Return the lag of the highest peak of the autocorrelation, or None.

    Parameters
    ----------
    segments : list of ndarray of shape (n_steps, n_channels)
        Of mean zero and variance one over all of them; their channels count alike.
    longest : int
        The longest lag.
    """
    total, pairs = np.zeros(longest + 2), np.zeros(longest + 2)
    for segment in segments:
        steps = segment[:MOST_STEPS]
        lags = np.arange(min(longest + 2, len(steps)))
        total[lags] += _autocovariance(steps, len(lags))
        pairs[lags] += len(steps) - lags
    if not total[0] > 0:
        return None
    correlation = total / np.maximum(pairs, 1)
    correlation /= correlation[0]
    middle = correlation[1:-1]
    is_peak = (middle > correlation[:-2]) & (middle >= correlation[2:])
    is_peak &= middle > LEAST_CORRELATION
    is_peak[: SHORTEST_PERIOD - 1] = False
    if not is_peak.any():
        return None
    return int(np.argmax(np.where(is_peak, middle, -np.inf))) + 1


def _autocovariance(steps, n_lags):
    """Return sums of products at each lag, over steps and channels."""
    size = fft.next_fast_len(len(steps) + n_lags, real=True)
    power = np.zeros(size // 2 + 1)
    for channel in steps.T:
        power += np.abs(fft.rfft(channel.astype(np.float64), size)) ** 2
    return fft.irfft(power, size)[:n_lags]
