import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_ae.training import _rows
from sklearn_ae.training._rows import (
    LazyRows,
    ResidentRows,
    RowView,
    blocks_of,
    dense_block,
    is_memory_mapped,
    make_source,
    rows_at,
    weighted_sum,
)
from sklearn_ae.training._scaling import Scaling

CPU = torch.device("cpu")
SCALING = Scaling(np.array([1.0, -2.0, 0.5]), np.array([2.0, 0.1, 1.0]))


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(20, 3)).round(1)


@pytest.fixture
def mapped(X, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def held_as(kind, X, mapped):
    return {
        "dense": X,
        "fortran": np.asfortranarray(X),
        "float32": X.astype(np.float32),
        "sparse": sparse.csr_matrix(X),
        "sparse array": sparse.csr_array(X),
        "mapped": mapped,
        "read-only": np.broadcast_to(X, X.shape),
        "reversed": X[::-1][::-1],
    }[kind]


KINDS = (
    "dense",
    "fortran",
    "float32",
    "sparse",
    "sparse array",
    "mapped",
    "read-only",
    "reversed",
)


INDEXES = {
    "flat": [3, 1, 4, 1, 5],
    "2d": [[9, 2], [6, 5], [3, 5]],
    "none": [],
    "a run": [3, 4, 5, 6],
    "a run, 2d": [[3, 4], [5, 6]],
    "falling": [6, 5, 4, 3],
    "with the ends of a run": [3, 4, 4, 6],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("source", [ResidentRows, LazyRows])
def test_rows_come_standardised_in_the_order_asked(kind, index, source, X, mapped):
    rows = source(held_as(kind, X, mapped), SCALING, torch.float64, CPU)
    index = np.array(index, dtype=np.int64)
    expected = (X[index] - SCALING.mean) / SCALING.std
    taken = rows.take(torch.tensor(index))
    rtol = 1e-5 if kind == "float32" else 1e-12
    np.testing.assert_allclose(taken.numpy(), expected, rtol=rtol, atol=rtol)
    assert taken.shape == (*index.shape, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("source", [ResidentRows, LazyRows])
def test_rows_have_the_dtype_asked_for(source, dtype, X):
    assert source(X, SCALING, dtype, CPU).take(torch.arange(3)).dtype == dtype


def test_resident_rows_are_read_block_by_block(X, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    rows = ResidentRows(X, SCALING, torch.float64, CPU).rows
    np.testing.assert_allclose(rows.numpy(), (X - SCALING.mean) / SCALING.std)


def test_lazy_rows_are_read_in_the_order_in_which_they_lie(X):
    class Spy:
        shape = X.shape
        asked = []

        def __getitem__(self, index):
            self.asked.append(index)
            return X[index]

    rows = LazyRows(Spy(), SCALING, torch.float64, CPU)
    rows.take(torch.tensor([7, 0, 3, 3]))
    rows.take(torch.tensor([4, 5, 6]))
    some, run = Spy.asked
    assert some.tolist() == [0, 3, 3, 7]
    assert run == slice(4, 7)  # as a whole


def test_resident_rows_leave_the_users_array_alone(X):
    source = ResidentRows(X, Scaling(np.zeros(3), np.ones(3)), torch.float64, CPU)
    source.rows.zero_()
    assert X.any()


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("dense", ResidentRows),
        ("fortran", ResidentRows),
        ("sparse", LazyRows),
        ("sparse array", LazyRows),
        ("mapped", LazyRows),
    ],
)
def test_the_source_suits_how_rows_are_held(kind, source, X, mapped):
    made = make_source(held_as(kind, X, mapped), SCALING, torch.float64, CPU)
    assert type(made) is source


def test_rows_that_the_device_cannot_hold_are_read_batch_by_batch(X, monkeypatch):
    class TooLarge(ResidentRows):
        def __init__(self, *args):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(_rows, "ResidentRows", TooLarge)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        made = make_source(X, SCALING, torch.float64, CPU)
    assert [str(each.message) for each in caught] == [
        "20 rows of 3 columns do not fit into the memory of device='cpu', and are "
        "copied there batch by batch."
    ]
    assert type(made) is LazyRows
    expected = (X[[7, 0]] - SCALING.mean) / SCALING.std
    np.testing.assert_allclose(made.take(torch.tensor([7, 0])), expected)


def test_views_of_a_mapped_file_count_as_mapped(mapped, X):
    assert is_memory_mapped(mapped)
    assert is_memory_mapped(np.asarray(mapped)[2:])
    assert not is_memory_mapped(np.array(mapped))
    assert not is_memory_mapped(X[2:])


@pytest.mark.parametrize("n_rows", [0, 1, 5, 8192, 8193, 50_000])
@pytest.mark.parametrize("n_features", [0, 1, 500, 10**8])
def test_blocks_cover_all_rows_once_within_bounds(n_rows, n_features):
    if n_features == 10**8:
        n_rows = min(n_rows, 100)
    blocks = list(blocks_of(n_rows, n_features))
    covered = [i for block in blocks for i in range(block.start, block.stop)]
    assert covered == list(range(n_rows))
    for block in blocks:
        size = block.stop - block.start
        assert 0 < size <= _rows.BLOCK_ROWS
        assert size == 1 or 8 * size * n_features <= _rows.BLOCK_BYTES


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block", [slice(2, 5), np.array([4, 0])], ids=["slice", "at"])
def test_dense_block_is_float64_whatever_holds_the_rows(kind, block, X, mapped):
    rows = dense_block(held_as(kind, X, mapped), block)
    assert type(rows) in (np.ndarray, np.memmap)
    assert rows.dtype == np.float64
    np.testing.assert_allclose(rows, X[block], rtol=1e-6)


def test_weighted_sum_is_a_product_with_the_weights(X):
    weight = np.random.default_rng(1).uniform(size=20)
    np.testing.assert_allclose(weighted_sum(weight, X), weight @ X)
    assert weighted_sum(weight, X[:, 0]) == pytest.approx(weight @ X[:, 0])


# -- some of the rows


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_zero_are_dropped(kind, X, mapped):
    index = np.array([0, 2, 4])
    rows = rows_at(held_as(kind, X, mapped), index)
    assert rows.shape == (3, 3)
    np.testing.assert_allclose(dense_block(rows, slice(0, 3)), X[index], rtol=1e-6)
    np.testing.assert_allclose(dense_block(rows, slice(1, 3)), X[[2, 4]], rtol=1e-6)
    np.testing.assert_allclose(
        dense_block(rows, np.array([2, 0])), X[[4, 0]], rtol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_all_count_are_not_copied(kind, X, mapped):
    held = held_as(kind, X, mapped)
    assert rows_at(held, np.arange(20)) is held


def test_some_rows_of_a_mapped_file_are_not_loaded(mapped, X):
    rows = rows_at(mapped, np.array([7, 0, 3]))
    assert type(rows) is RowView
    assert rows.dtype == X.dtype
    assert is_memory_mapped(rows)
    assert rows.base is mapped
    np.testing.assert_array_equal(rows[np.array([2, 0])], X[[3, 7]])
    arrays = [v for v in vars(rows).values() if isinstance(v, np.ndarray)]
    assert all(v is mapped or v.dtype.kind == "i" for v in arrays)


def test_a_view_reads_what_it_is_asked_for_and_nothing_else(X):
    class Spy:
        shape, dtype = X.shape, X.dtype
        asked = []

        def __getitem__(self, index):
            self.asked.append(list(index))
            return X[index]

    view = RowView(Spy(), np.array([1, 3, 5, 7, 9]))
    assert Spy.asked == []
    np.testing.assert_array_equal(view[1:3], X[[3, 5]])
    assert Spy.asked == [[3, 5]]


@pytest.mark.parametrize("rows", [7, 1000])
def test_a_view_is_a_source_of_lazy_rows(rows, mapped, X, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", rows)
    index = np.array([9, 1, 4])
    source = make_source(rows_at(mapped, index), SCALING, torch.float64, CPU)
    assert type(source) is LazyRows
    expected = (X[index] - SCALING.mean) / SCALING.std
    np.testing.assert_allclose(source.read(slice(0, 3)), expected)
    np.testing.assert_allclose(source.take(torch.tensor([2, 0])), expected[[2, 0]])


def test_a_view_of_a_view_is_lazy(mapped, X):
    rows = rows_at(rows_at(mapped, np.array([9, 1, 4])), np.array([2, 0]))
    assert is_memory_mapped(rows)
    np.testing.assert_array_equal(dense_block(rows, slice(0, 2)), X[[4, 9]])
