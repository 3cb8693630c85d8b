"""Where and how a fit runs: device, threads, seeds."""

import ctypes
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

CPU = torch.device("cpu")

# Cells of one batch (rows times columns) from which a second thread is worth its risk:
# on two free cores it saves up to half of the time, but while other work holds one of
# them, two threads that wait for each other after every short product take many times
# longer than one.
WIDE_BATCH = 2**19

# Threads at most that share the rows of one call: more get in each other's way, since
# Python starts the kernels of one at a time.
MOST_THREADS = 8

# Operations of a step from which "auto" takes a GPU. It takes as long for any small
# step, and has to be set up for each fit: beside one thread of its host a fit on an
# H200 took as long at 0.2 million, 1.2 times less at 1.9 and 1.8 times less at 7.5, by
# _speed_auto.py of the benchmarks.
FLOPS_FOR_GPU = 2**22

# How matrix products are computed in training: as the rows are, or with operands cut to
# ten or seven bits after the leading one.
FULL, TF32, BFLOAT16 = "full", "tf32", "bfloat16"

# The largest block, nearly, by which glibc learns what to keep; no byte of it is used.
LARGEST_LESSON = 31 * 2**20


class Seeds(NamedTuple):
    """The private seeds of one fit; nothing else in it is random."""

    weights: int
    batches: int
    split: int
    projection: int
    noise: int


def draw_seeds(random_state):
    """Draw a fit's seeds from scikit-learn's ``random_state``."""
    draws = check_random_state(random_state).randint(2**31 - 1, size=len(Seeds._fields))
    return Seeds(*(int(draw) for draw in draws))


def resolve_device(device):
    """Return the torch device for the parameter ``device``, or say why not."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is not a device that torch knows. Use 'auto', 'cpu', "
            "'cuda', 'cuda:N' or 'mps'."
        ) from error
    if not _is_available(resolved):
        raise ValueError(
            f"device={device!r} is not available on this machine. Use device='auto', "
            "which takes a GPU where there is one and the CPU elsewhere."
        )
    return resolved


def choose_device(available, flops_per_step):
    """Return where ``device="auto"`` trains.

    A step of few operations is a queue of short kernels, which a GPU starts no faster
    than one core of a CPU computes them.

    Parameters
    ----------
    available : torch device
        The GPU, if there is one, else the CPU.
    flops_per_step : float
        Floating-point operations of a step of one model.

    Returns
    -------
    device : torch device
    """
    if flops_per_step < FLOPS_FOR_GPU:
        return torch.device("cpu")
    return available


def _is_available(device):
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def wide_dtype(device):
    """Return the most precise float of a device: float64, but on MPS."""
    return torch.float32 if device.type == "mps" else torch.float64


def precision_of(precision, device, is_small):
    """Return the float and the products of the parameter ``precision``.

    Parameters
    ----------
    precision : {"auto", "float32", "float64", "bfloat16", "tf32"}
    device : torch device
    is_small : bool
        Whether training is short enough for "auto" to be float64.

    Returns
    -------
    dtype : torch dtype
    products : {"full", "tf32", "bfloat16"}
    """
    wide = wide_dtype(device)
    if precision == "float64" and wide != torch.float64:
        raise ValueError(
            f"precision='float64' is not available with device={str(device)!r}, which "
            "has none. Use precision='float32', or device='cpu'."
        )
    if precision == "float64" or (precision == "auto" and is_small):
        return wide, FULL
    return torch.float32, precision if precision in (TF32, BFLOAT16) else FULL


_switch_lock = threading.Lock()
_switched = {}


@contextmanager
def matrix_products(products, device):
    """Have CUDA compute inside the block what comes out alike every time.

    With TF32, if that is asked for.

    Parameters
    ----------
    products : {"full", "tf32", "bfloat16"}
    device : torch device
    """
    with ExitStack() as stack:
        if device.type == "cuda":
            switches = [(torch.backends.cudnn, "deterministic", True)]
            if products == TF32:
                switches += _tf32_switches()
            for switch in switches:
                stack.enter_context(_switch_set(*switch))
        yield


@contextmanager
def _switch_set(owner, name, value):
    """Set a switch of the process inside the block.

    The first block to ask finds out what it was, and the last one to end, in whatever
    thread, puts it back.
    """
    key = id(owner), name
    with _switch_lock:
        n_blocks, before = _switched.get(key) or (0, getattr(owner, name))
        _switched[key] = n_blocks + 1, before
        setattr(owner, name, value)
    try:
        yield
    finally:
        with _switch_lock:
            n_blocks, before = _switched.pop(key)
            if n_blocks > 1:
                _switched[key] = n_blocks - 1, before
            else:
                setattr(owner, name, before)


def _tf32_switches():
    """Return torch's switches of TF32, their owners, names, and values for "on".

    The newer name can be read whichever of the two the caller has used.
    """
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(cuda, "fp32_precision"):
        return [(owner, "fp32_precision", "tf32") for owner in (cuda, cudnn.conv)]
    return [(owner, "allow_tf32", True) for owner in (cuda, cudnn)]


def threads_for(batch_size, n_features, cells_for_two=WIDE_BATCH):
    """Return the number of CPU threads for batches of this shape.

    It follows from the problem and never from the machine or the environment: sums
    are split by threads, and the same seed must give the same bits in a worker that
    was given one thread as in a process that owns all cores. Small steps run faster
    on one thread anyway.
    """
    return 2 if batch_size * n_features >= cells_for_two else 1


def keep_freed_memory():
    """Have the C library keep memory that is freed between steps, up to 64 MB.

    glibc gives larger blocks back to the system when they are freed, and takes them
    anew, page by page, at the next step: up to a third of the time of a fit. Once a
    block of nearly 32 MB has been freed it keeps as much, as in any process that has
    freed such an array. Elsewhere this does nothing.
    """
    np.empty(LARGEST_LESSON, dtype=np.uint8)


def in_threads(function, items, n_threads, within=nullcontext):
    """Call a function of each item, in several threads if there are several items.

    Python's threads, of which each takes items until none is left, not those of the
    kernels: they never wait for each other, and each item is computed as it would be
    in one thread.

    Parameters
    ----------
    function : callable
    items : sequence
    n_threads : int
        Threads at most.
    within : callable
        Returns a context manager, in which each thread takes its items.
    """
    queue = deque(items)

    def work():
        with within():
            while True:
                try:
                    item = queue.popleft()
                except IndexError:
                    return
                function(item)

    n_threads = min(n_threads, len(queue), MOST_THREADS)
    if n_threads <= 1:
        work()
        return
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for future in [pool.submit(work) for _ in range(n_threads)]:
                future.result()
        finally:
            queue.clear()  # of an error or Ctrl-C; what has begun is finished


@contextmanager
def cpu_threads(n_threads):
    """Run torch's CPU kernels on ``n_threads`` threads inside the block.

    OpenMP keeps this number per calling thread, so that other threads of the process
    keep theirs; ``torch.set_num_threads`` would change it for good.
    """
    # The first question makes torch set this thread's own default, which would
    # otherwise overwrite the limit inside the block.
    torch.get_num_threads()
    set_mkl_threads = _mkl_setter()
    before = set_mkl_threads(n_threads)
    try:
        with _thread_pools().limit(limits=n_threads, user_api="openmp"):
            yield
    finally:
        set_mkl_threads(before)


@cache
def _mkl_setter():
    """Return MKL's setter of the calling thread's own number of threads.

    MKL follows OpenMP, unless ``MKL_NUM_THREADS`` is set in the environment. torch
    links it in statically, where threadpoolctl does not see it.
    """
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        return ctypes.CDLL(str(library)).MKL_Set_Num_Threads_Local
    except (OSError, AttributeError):  # a build of torch without MKL
        return lambda n_threads: n_threads


@cache
def _thread_pools():
    """Return the controller of the pools loaded with torch; finding them is slow."""
    return ThreadpoolController()
