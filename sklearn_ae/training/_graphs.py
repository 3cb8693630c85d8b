"""Direct steps as one CUDA graph: dozens of short kernels that a GPU starts at once."""

import threading

import torch

from ._loss import Batch

# Runs before a graph is captured, in which libraries set themselves up.
WARM_UP_RUNS = 3

# CUDA allows one capture at a time, and fits may run in several threads.
_capture_lock = threading.Lock()


def can_replay(net):
    """Whether the gradients of a net's steps may come from a graph.

    On CUDA, of networks whose gradients are written out, and if no callback looks at
    steps: what a graph returns it overwrites at the next step.
    """
    on_cuda = torch.device(net.device).type == "cuda"
    return on_cuda and net.direct is not None and not any(net.watched_.values())


class ReplayedStep:
    """A :class:`DenseStep` that is captured at the first batch and then replayed.

    Batches of another shape, such as the last of an epoch, take the step itself; so do
    all batches if it cannot be captured. The optimiser's step, which is one kernel
    whose learning rate changes, is no part of it.

    Parameters
    ----------
    step : DenseStep
    capture : callable or None
        ``capture(run, device)`` returns a function that does what ``run()`` does, with
        the same tensors, which are on the device. None captures a CUDA graph.
    """

    def __init__(self, step, capture=None):
        self.step = step
        self.capture = capture or cuda_graph
        self.tried, self.replay = False, None

    def prepare(self, rows):
        """Return what of rows does not change."""
        return self.step.prepare(rows)

    def __call__(self, batch, column_weight):
        """Return losses and output, and set the gradients, as :class:`DenseStep`."""
        given = _tensors_of(batch)
        if not self.tried:
            self.tried = True
            self._capture(batch, column_weight)
        if self.replay is None or _shapes_of(given) != _shapes_of(self.slots):
            return self.step(batch, column_weight)
        for slot, tensor in zip(self.slots, given, strict=True):
            if slot is not None:
                slot.copy_(tensor)
        self.replay()
        losses, output = self.made
        return losses.clone(), output  # the losses of an epoch are kept

    def _capture(self, batch, column_weight):
        slots = [t if t is None else t.clone() for t in _tensors_of(batch)]
        held = _batch_of(slots, batch.prepared)

        def run():
            self.made = self.step(held, column_weight)

        try:
            self.slots, self.replay = slots, self.capture(run, batch.inputs.device)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # of a driver or library that cannot
            self.slots = self.made = None


def _tensors_of(batch):
    """Return what a direct step reads of a batch."""
    read = batch.prepared or (batch.inputs,)
    return [batch.target, batch.row_weight, batch.element_weight, *read]


def _batch_of(tensors, prepared):
    """Return a batch of tensors in the order of :func:`_tensors_of`."""
    target, row_weight, element_weight, *read = tensors
    if prepared is not None:
        prepared = type(prepared)(*read)
    return Batch(read[0], target, row_weight, element_weight, prepared=prepared)


def _shapes_of(tensors):
    return [t if t is None else t.shape for t in tensors]


def cuda_graph(run, device):
    """Return a function that starts all kernels of ``run()`` again, at once.

    Parameters
    ----------
    run : callable
    device : torch device
        Of its tensors; what runs on others is not captured.
    """
    with _capture_lock, torch.cuda.device(device):
        # Of its own: by default all captures of the process share a stream.
        stream, before = torch.cuda.Stream(), torch.cuda.current_stream()
        try:
            stream.wait_stream(before)
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP_RUNS):
                    run()
            before.wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # Fits in other threads may allocate memory meanwhile.
            capture = torch.cuda.graph(
                graph, stream=stream, capture_error_mode="thread_local"
            )
            with capture:
                run()
        finally:  # torch leaves it out where a capture fails to begin or end
            torch.cuda.set_stream(before)
    return graph.replay
