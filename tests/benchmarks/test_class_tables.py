import gzip

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


def write_series(path, labels, n_channels):
    """Write series of four steps in sktime's format; channel c of series i is i + c."""
    lines = ["@data"]
    for i, label in enumerate(labels):
        channels = [",".join([f"{i + c}"] * 4) for c in range(n_channels)]
        lines.append(":".join([*channels, label]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines))


def test_steps_of_series_have_the_class_of_their_series(tmp_path):
    from _class_tables import NARROW, find_class_tables

    folder = tmp_path / "series" / "BasicMotions"
    write_series(folder / "BasicMotions_TRAIN.ts.gz", ["a"] * 30 + ["b"], 3)
    write_series(folder / "BasicMotions_TEST.ts.gz", ["b", "a"], 3)
    tables = {t.name: t for t in find_class_tables(tmp_path) if t.collection == NARROW}
    assert list(tables) == ["motions, not a", "motions, not b"]
    table = tables["motions, not b"]
    assert table.X.shape == (33 * 4, 3)
    np.testing.assert_array_equal(np.flatnonzero(table.is_outlier), range(120, 128))
    np.testing.assert_array_equal(table.X[120], [30, 31, 32])


def test_pixels_of_another_photograph_are_the_outliers(tmp_path):
    image = pytest.importorskip("PIL.Image")
    from _class_tables import NARROW, PHOTOGRAPHS, find_class_tables

    folder = tmp_path / "images" / "kodak"
    folder.mkdir(parents=True)
    for i in range(1, 7):
        colour = np.full((5, 8, 3), 10 * i, dtype=np.uint8)
        image.fromarray(colour).save(folder / f"{i:02d}.png")
    tables = [t for t in find_class_tables(tmp_path) if t.collection == NARROW]
    for table, (normal, other) in zip(tables, PHOTOGRAPHS, strict=True):
        X, is_outlier = table.read(10_000)
        assert set(X[~is_outlier].ravel()) == {10 * normal}
        assert set(X[is_outlier].ravel()) == {10 * other}
        assert is_outlier.sum() == 4
