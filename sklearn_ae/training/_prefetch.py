"""The next batch is read while the last is trained on: of rows that stay on disk."""

import threading

from ._rows import LazyRows
from ._runtime import CPU, cpu_threads


class Reading(threading.Thread):
    """One call in a thread of its own.

    A thread for each batch costs little beside what it reads, and ends by itself:
    whatever interrupts the training, none waits for another batch that never comes.

    Parameters
    ----------
    read : callable
    item : object
        What it is called with.
    """

    def __init__(self, read, item):
        super().__init__(daemon=True)
        self.read, self.item = read, item
        self.value, self.error = None, None
        self.start()

    def run(self):
        """Make the call; an error waits for whoever asks."""
        try:
            with cpu_threads(1):
                self.value = self.read(self.item)
        except BaseException as error:
            self.error = error

    def result(self):
        """Return what the call returned, or raise what it raised."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.value


def prefetched(read, items):
    """Yield ``read(item)`` in the order of the items, of which one is read ahead.

    Parameters
    ----------
    read : callable
    items : iterable
    """
    ahead = None
    for item in items:
        # One at a time: two would wait for each other at the disk.
        value = None if ahead is None else ahead.result()
        reading, ahead = ahead, Reading(read, item)
        if reading is not None:
            yield value
    if ahead is not None:
        yield ahead.result()


def reads_ahead(source):
    """Whether batches of a source are read ahead: lazy ones for a GPU.

    On a CPU it would take the time of a core that could train.
    """
    return isinstance(source, LazyRows) and source.device.type == "cuda"


def rows_ahead(source, parts, pinned=True):
    """Yield the rows of a lazy source, part by part.

    Parameters
    ----------
    source : LazyRows
    parts : iterable of tensors
        Positions of rows, on the CPU.
    pinned : bool, default=True
        Whether rows lie in memory that a GPU can copy from by itself.

    Yields
    ------
    rows : tensor
        On the source's device.
    """
    host = source.on(CPU)

    def read(index):
        rows = host.take(index)
        return rows.pin_memory() if pinned else rows

    for rows in prefetched(read, parts):
        yield rows.to(source.device, non_blocking=pinned)
