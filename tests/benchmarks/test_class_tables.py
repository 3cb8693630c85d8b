import numpy as np
import pytest


@pytest.fixture
def tables(tmp_path):
    """Tables where there are no data but scikit-learn's."""
    from _class_tables import find_class_tables

    return {table.name: table for table in find_class_tables(tmp_path)}


def test_a_tenth_at_most_are_outliers(tables):
    assert len(tables) == 6
    for table in tables.values():
        X, is_outlier = table.read(10_000)
        assert len(X) == len(is_outlier)
        assert 3 <= is_outlier.sum() <= 0.1 * len(X)
        assert X.dtype == np.float64


def test_a_class_is_the_outliers(tables):
    X, is_outlier = tables["iris, not 0"].read(10_000)
    assert (~is_outlier).sum() == 100
    assert X[is_outlier, 2].max() < X[~is_outlier, 2].min()  # short petals


def test_rows_are_the_same_each_time_and_no_more_than_asked_for(tables):
    table = tables["wine, not 2"]
    np.testing.assert_array_equal(table.read(90)[0], table.read(90)[0])
    assert len(table.read(90)[0]) == 90
