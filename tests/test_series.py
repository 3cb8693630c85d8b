"""What users hold as series, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator

from sklearn_ae._series import Series, are_several, longest_segment, read_series


class Reader(BaseEstimator):
    """Stands for an estimator that reads series."""


def frame(n_steps, freq="h"):
    index = pd.date_range("2026-01-01", periods=n_steps, freq=freq)
    return pd.DataFrame({"a": np.arange(n_steps) / 2}, index=index)


def read(X, reader=None, **options):
    return read_series(reader or Reader(), X, reset=reader is None, **options)


def lengths(series):
    return [part.stop - part.start for part in series.segments()]


STEPS = np.arange(12.0)


@pytest.mark.parametrize(
    ("X", "shapes"),
    [
        (STEPS, [(12, 1)]),
        (pd.Series(STEPS), [(12, 1)]),
        (STEPS.tolist(), [(12, 1)]),
        (STEPS.reshape(6, 2), [(6, 2)]),
        (STEPS.reshape(6, 2).tolist(), [(6, 2)]),
        (frame(5), [(5, 1)]),
        ([STEPS, STEPS[:3]], [(12, 1), (3, 1)]),
        ([STEPS.reshape(6, 2), STEPS.reshape(6, 2)[:1]], [(6, 2), (1, 2)]),
        (STEPS.reshape(2, 3, 2), [(3, 2), (3, 2)]),
        ([frame(4), frame(7)], [(4, 1), (7, 1)]),
    ],
)
def test_layouts(X, shapes):
    assert [one.values.shape for one in read(X)] == shapes
    assert are_several(X) == (len(shapes) > 1)


def test_lists_of_objects_are_several():
    X = np.empty(2, dtype=object)
    X[0], X[1] = STEPS, STEPS[:4]
    assert [len(one.values) for one in read(X)] == [12, 4]


def test_gaps_part_segments():
    X = STEPS.reshape(6, 2).copy()
    X[0, 0] = X[3, 1] = np.nan
    (series,) = read(X)
    assert series.segments() == [slice(1, 3), slice(4, 6)]
    assert longest_segment(series) == 2


def test_nothing_is_between_gaps():
    series = Series(np.full((3, 1), np.nan), np.zeros(3, bool))
    assert series.segments() == []
    assert longest_segment(series) == 0


def test_long_pauses_are_gaps():
    X = frame(30)
    (series,) = read(X.drop(X.index[10:16]))
    assert lengths(series) == [10, 14]


@pytest.mark.parametrize("n_missing", [1, 4])
def test_short_pauses_are_none(n_missing):
    X = frame(30)
    (series,) = read(X.drop(X.index[10 : 10 + n_missing]))
    assert lengths(series) == [30 - n_missing]


def test_weekends_are_no_gaps():
    assert lengths(read(frame(30, freq="B"))[0]) == [30]


def test_times_must_rise():
    X = frame(4)
    with pytest.raises(
        ValueError,
        match=r"^X.index must rise from row to row, and 2026-01-01 01:00:00 \(row 2\) "
        r"is before the time above it. Sort the rows: X.sort_index\(\).$",
    ):
        read(X.iloc[[0, 2, 1, 3]])
    with pytest.raises(
        ValueError,
        match=r"^X.index must rise from row to row, and 2026-01-01 01:00:00 \(row 2\) "
        r"is there twice. Keep one row for each time: X\[~X.index.duplicated\(\)\].$",
    ):
        read(X.iloc[[0, 1, 1, 3]])
    X.index = X.index.where(np.arange(4) != 2)
    with pytest.raises(
        ValueError,
        match=r"^X.index holds a missing time. Drop these rows: X\[X.index.notna\(\)",
    ):
        read(X)


def test_plain_indices_are_no_times():
    X = frame(4).reset_index(drop=True)
    assert lengths(read(X.iloc[[0, 2, 1, 3]])[0]) == [4]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "^X holds no series. Give at least one.$"),
        (
            [[1.0, 2.0], [1.0]],
            r"^X is a list of lists of several lengths. Give several series as "
            r"arrays: \[np.asarray\(x\) for x in X\].$",
        ),
        (
            [np.ones((4, 2)), np.ones((5, 3))],
            "^X holds series of 2 and 3 channels. Give all the same channels.$",
        ),
        (["a", "b"], "could not convert string"),
        ([STEPS, STEPS[:0]], r"Found array with 0 sample\(s\)"),
        (np.array([1.0, np.inf]), "Input X contains infinity"),
        (
            np.array([1.0, np.nan, 2.0]),
            r"^Found array with 1 sample\(s\) \(shape=\(3, 1\)\) while a minimum of 2 "
            "is required by Reader, without a gap between them. Give a series with "
            "more steps.$",
        ),
    ],
)
def test_what_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        read(X, least=2)


def test_one_dimension_is_one_channel():
    reader = Reader()
    read_series(reader, np.ones((4, 3)), reset=True)
    with pytest.raises(
        ValueError,
        match=r"^X has one dimension, and Reader was fitted on 3 channels. Reshape "
        r"your data to \(n_steps, 3\): one step alone is X.reshape\(1, -1\).$",
    ):
        read(np.ones(3), reader)


def test_names_of_channels_are_kept():
    reader = Reader()
    read_series(reader, [frame(3), frame(5)], reset=True)
    assert_array_equal(reader.feature_names_in_, ["a"])
    with pytest.raises(ValueError, match="feature names should match"):
        read(frame(3).rename(columns={"a": "b"}), reader)
