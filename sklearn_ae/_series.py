"""Long series as users hold them, and the stretches of them that have no gaps."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import validate_data

# A pause counts as a gap if it is longer than so many times the usual one between
# steps. Weekends and holidays between working days are none.
LONGEST_PAUSE = 5


class Series(NamedTuple):
    """One series.

    Attributes
    ----------
    values : ndarray of shape (n_steps, n_channels)
    is_first : ndarray of shape (n_steps,), bool
        Steps before which there is a pause.
    times : ndarray of int of shape (n_steps,) or None
        In nanoseconds, of steps that have such.
    """

    values: np.ndarray
    is_first: np.ndarray
    times: np.ndarray | None = None

    def segments(self):
        """Return slices of steps that follow each other, none of them missing."""
        there = ~np.isnan(self.values).any(axis=1)
        before = np.concatenate([[False], there[:-1]])
        starts = np.flatnonzero(there & (~before | self.is_first))
        after = np.concatenate([there[1:] & ~self.is_first[1:], [False]])
        ends = np.flatnonzero(there & ~after) + 1
        return [slice(*ends) for ends in zip(starts, ends, strict=True)]


def are_several(X):
    """Whether an object holds several series, and not one."""
    if isinstance(X, (list, tuple)):
        # A list of lists of numbers is one series, as everywhere in scikit-learn.
        return not len(X) or any(np.ndim(item) and hasattr(item, "shape") for item in X)
    return getattr(X, "ndim", 2) == 3 or (
        isinstance(X, np.ndarray)
        and X.ndim == 1
        and X.dtype == object
        and any(np.ndim(item) for item in X)
    )


def read_series(estimator, X, *, reset, least=1):
    """Check one series or several, and return a list of :class:`Series`.

    Parameters
    ----------
    estimator : estimator instance
        Whose number of channels, and their names, are set or compared with.
    X : array-like or list of array-like
    reset : bool
        Whether they are set.
    least : int
        Steps that one stretch without gaps must have.

    Returns
    -------
    series : list of Series
    """
    if not are_several(X):
        series = [_read(estimator, X, reset=reset)]
    else:
        if not len(X):
            raise ValueError("X holds no series. Give at least one.")
        if reset:
            _check_channels(X)
        series = [_read(estimator, X[0], reset=reset)]
        series += [_read(estimator, item, reset=False) for item in X[1:]]
    longest = max(longest_segment(one) for one in series)
    if longest < least:
        total = sum(len(one.values) for one in series)
        shape = total, series[0].values.shape[1]
        raise ValueError(
            f"Found array with {longest} sample(s) (shape={shape}) while a minimum of "
            f"{least} is required by {type(estimator).__name__}, without a gap between "
            "them. Give a series with more steps."
        )
    return series


def longest_segment(series):
    """Return the number of steps of the longest stretch without gaps."""
    return max((part.stop - part.start for part in series.segments()), default=0)


def _check_is_single(estimator, reset):
    n_channels = 1 if reset else getattr(estimator, "n_features_in_", 1)
    if n_channels > 1:
        raise ValueError(
            f"X has one dimension, and {type(estimator).__name__} was fitted on "
            f"{n_channels} channels. Reshape your data to (n_steps, {n_channels}): one "
            "step alone is X.reshape(1, -1)."
        )


def _n_dimensions(X):
    if hasattr(X, "ndim"):
        return X.ndim
    try:
        return np.asarray(X).ndim
    except ValueError as error:
        raise ValueError(
            "X is a list of lists of several lengths. Give several series as arrays: "
            "[np.asarray(x) for x in X]."
        ) from error


def _check_channels(X):
    shapes = [np.shape(item) for item in X]
    counts = sorted({shape[1] if len(shape) > 1 else 1 for shape in shapes})
    if len(counts) > 1:
        raise ValueError(
            f"X holds series of {' and '.join(map(str, counts))} channels. Give all "
            "the same channels."
        )


def _read(estimator, X, *, reset):
    times = _times(X)
    if _n_dimensions(X) == 1:
        X = np.asarray(X).reshape(-1, 1)
        _check_is_single(estimator, reset)
    values = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
    )
    return Series(values, _pauses(times, len(values)), times)


def _times(X):
    """Return the times in the index of a data frame, which must rise, or None."""
    index = getattr(X, "index", None)
    kind = getattr(getattr(index, "dtype", None), "kind", "")
    if kind not in ("m", "M"):
        return None
    if index.hasnans:
        raise ValueError(
            "X.index holds a missing time. Drop these rows: X[X.index.notna()]."
        )
    times = np.asarray(index, dtype=f"{kind}8[ns]").astype(np.int64)
    pauses = np.diff(times)
    for is_bad, what, remedy in (
        (pauses < 0, "is before the time above it", "Sort the rows: X.sort_index()."),
        (
            pauses == 0,
            "is there twice",
            "Keep one row for each time: X[~X.index.duplicated()].",
        ),
    ):
        if is_bad.any():
            position = int(np.argmax(is_bad)) + 1
            raise ValueError(
                f"X.index must rise from row to row, and {index[position]} (row "
                f"{position}) {what}. {remedy}"
            )
    return times


def usual_pause(times):
    """Return the usual time from one step to the next, 0 where there is one step."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _pauses(times, n_steps):
    """Return before which steps there is a pause, by the times that they have."""
    if times is None:
        return np.zeros(n_steps, dtype=bool)
    return np.diff(times, prepend=times[:1]) > LONGEST_PAUSE * usual_pause(times)
