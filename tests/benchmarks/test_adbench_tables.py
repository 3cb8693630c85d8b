import numpy as np
import pytest
from _adbench_tables import divide, find_labelled, sample, why_unsuited


def save(path, shape=(6, 2), **arrays):
    path.parent.mkdir(exist_ok=True)
    arrays = arrays or {"X": np.ones(shape, dtype=np.uint8), "y": np.arange(6) == 5}
    np.savez(path, **arrays)


@pytest.fixture
def rows():
    """40 rows, of which the last 10 are anomalies, and their labels."""
    X = np.random.default_rng(0).normal(5, 3, size=(40, 2))
    return X, np.arange(40) >= 30


def test_tables_come_in_the_plain_order_of_their_names(tmp_path):
    for name in ("4_b", "10_a", "2_c", "a"):
        save(tmp_path / f"{name}.npz")
    tables = find_labelled(tmp_path)
    assert [table.name for table in tables] == ["10_a", "2_c", "4_b", "a"]
    halves = [table.half for table in tables]
    assert halves == ["confirming", "choosing"] * 2
    assert {table.collection for table in tables} == {tmp_path.name}


def test_places_count_anew_in_each_folder(tmp_path):
    for folder in ("mvtec", "adbench", "images"):
        save(tmp_path / folder / "a.npz")
    found = [(table.collection, table.place) for table in find_labelled(tmp_path)]
    assert found == [("adbench", 1), ("mvtec", 1)]


def test_files_without_labels_are_no_tables(tmp_path):
    save(tmp_path / "a.npz", X=np.ones((2, 2)))
    assert find_labelled(tmp_path) == []


def test_rows_of_many_dimensions_are_flattened_float64(tmp_path):
    save(tmp_path / "a.npz", shape=(6, 2, 3))
    X, is_anomaly = find_labelled(tmp_path)[0].read(max_rows=10)
    assert X.shape == (6, 6)
    assert X.dtype == np.float64
    assert is_anomaly.tolist() == [False] * 5 + [True]


def test_few_rows_are_all_kept():
    assert sample(np.arange(5) == 0, 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("share", "n_kept"), [(0.2, 20), (0.001, 1)])
def test_samples_keep_the_share_of_anomalies(share, n_kept):
    is_anomaly = np.arange(2000) < 2000 * share
    kept = sample(is_anomaly, 100)
    assert len(np.unique(kept)) == 100
    assert is_anomaly[kept].sum() == n_kept
    np.testing.assert_array_equal(kept, sample(is_anomaly, 100))


def test_contaminated_scores_the_rows_of_the_fit(rows):
    divided = divide(*rows, "contaminated", 0)
    assert divided.train.shape == (40, 2)
    assert divided.test is None
    np.testing.assert_array_equal(divided.is_anomaly, rows[1])


def test_clean_fits_half_of_the_normal_rows_and_scores_all_others(rows):
    X, is_anomaly = rows
    divided = divide(X, is_anomaly, "raw-clean", 0)
    assert len(divided.train) == 15
    assert divided.is_anomaly.sum() == 10
    together = np.concatenate([divided.train, divided.test])
    np.testing.assert_array_equal(np.unique(together, axis=0), np.unique(X, axis=0))
    normal = {tuple(row) for row in X[~is_anomaly]}
    assert all(tuple(row) in normal for row in divided.train)
    anomalies = divided.test[divided.is_anomaly]
    np.testing.assert_array_equal(anomalies, X[is_anomaly])


def test_each_seed_fits_another_half(rows):
    halves = [divide(*rows, "raw-clean", seed).train for seed in (0, 0, 1)]
    np.testing.assert_array_equal(halves[0], halves[1])
    assert not np.array_equal(halves[0], halves[2])


def test_columns_are_scaled_by_the_rows_of_the_fit(rows):
    scaled, raw = divide(*rows, "clean", 0), divide(*rows, "raw-clean", 0)
    np.testing.assert_allclose(scaled.train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.train.std(axis=0), 1)
    mean, std = raw.train.mean(axis=0), raw.train.std(axis=0)
    np.testing.assert_allclose(scaled.test, (raw.test - mean) / std)


@pytest.mark.parametrize(
    ("X", "is_anomaly", "reason"),
    [
        ([1, 2, 3, np.nan], [0, 0, 0, 1], "it has missing or infinite values"),
        ([1, 2, 3, 4], [0, 0, 0, 0], "it has no anomaly, or fewer than three"),
        ([1, 2, 3, 4], [0, 0, 1, 1], "it has no anomaly, or fewer than three"),
    ],
)
def test_tables_that_cannot_be_scored_are_told_apart(X, is_anomaly, reason):
    found = why_unsuited(np.array(X)[:, None], np.array(is_anomaly, dtype=bool))
    assert found.startswith(reason)


def test_other_tables_can_be_scored(rows):
    assert why_unsuited(*rows) is None
