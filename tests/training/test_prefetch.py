import threading
import time

import numpy as np
import pytest
import torch

from sklearn_ae.training import LazyRows, Scaling, TrainingBatches, _batches, _prefetch
from sklearn_ae.training._prefetch import prefetched, reads_ahead, rows_ahead
from sklearn_ae.training._rows import ResidentRows

CPU = torch.device("cpu")


@pytest.fixture
def source(table):
    return LazyRows(table, Scaling(np.ones(4), np.full(4, 2.0)), torch.float32, CPU)


def wait_for_threads():
    """Wait for what is being read, and see that it ends."""
    deadline = time.monotonic() + 10
    while any(isinstance(t, _prefetch.Reading) for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("n_items", [0, 1, 2, 7])
def test_items_are_read_in_order(n_items):
    assert list(prefetched(lambda item: 2 * item, range(n_items))) == [
        2 * item for item in range(n_items)
    ]


def test_one_item_is_read_ahead():
    begun = [threading.Event() for _ in range(4)]
    values = prefetched(lambda item: begun[item].set(), range(4))
    next(values)
    assert begun[1].wait(10)
    assert not begun[2].is_set()
    next(values)
    assert begun[2].wait(10)
    assert not begun[3].is_set()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_error_reaches_the_caller_at_its_place(place):
    def read(item):
        if item == place:
            raise OSError(f"item {item}")
        return item

    seen = []
    with pytest.raises(OSError, match=f"item {place}"):
        seen.extend(prefetched(read, range(4)))
    assert seen == list(range(place))


def test_no_thread_is_left_where_the_caller_stops():
    begun = []
    values = prefetched(begun.append, range(100))
    next(values)  # and no more, as after Ctrl-C, while `values` is still held
    wait_for_threads()
    assert begun == [0, 1]


@pytest.mark.parametrize("sizes", [[96], [10, 10, 3]])
def test_rows_are_those_that_would_be_read_in_turn(source, sizes):
    order = torch.randperm(96, generator=torch.Generator().manual_seed(0))
    parts = order[: sum(sizes)].split(sizes)
    for rows, part in zip(rows_ahead(source, parts, pinned=False), parts, strict=True):
        assert torch.equal(rows, source.take(part))


def test_lazy_rows_for_a_gpu_are_read_ahead(source, table):
    resident = ResidentRows(table, source.scaling, torch.float32, CPU)
    assert not reads_ahead(source)
    assert not reads_ahead(resident)
    source.device = torch.device("cuda")
    assert reads_ahead(source)


def test_batches_are_the_same_read_ahead(source, monkeypatch):
    def epoch():
        batches = TrainingBatches(
            source, np.ones((1, 96)), batch_size=20, seed=0, **placed
        )
        return [batch.inputs for batch in batches]

    placed = {"dtype": torch.float32, "device": CPU}
    expected, parts_read = epoch(), []

    def rows_ahead_unpinned(source, parts):
        parts_read.extend(parts)
        return rows_ahead(source, parts, pinned=False)

    monkeypatch.setattr(_batches, "reads_ahead", lambda source: True)
    monkeypatch.setattr(_batches, "rows_ahead", rows_ahead_unpinned)
    ahead = epoch()
    assert [len(part) for part in parts_read] == [20, 20, 20, 20, 16]
    for ours, theirs in zip(ahead, expected, strict=True):
        assert torch.equal(ours, theirs)
