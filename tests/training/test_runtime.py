import math
import platform
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from sklearn_ae.training import (
    Seeds,
    _runtime,
    choose_device,
    cpu_threads,
    draw_seeds,
    in_threads,
    matrix_products,
    precision_of,
    resolve_device,
    threads_for,
    wide_dtype,
)
from sklearn_ae.training._runtime import FLOPS_FOR_GPU, WIDE_BATCH

# Four rounds of 30 MB, taken, written to and freed: 7,680 pages each.
ROUNDS = """
import resource
import numpy as np
from sklearn_ae.training import keep_freed_memory

if {keeps}:
    keep_freed_memory()


def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(10 * 2**20, dtype=np.uint8) for _ in range(3)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


faults()
print(sum(faults() for _ in range(4)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is for glibc")
@pytest.mark.parametrize("keeps", [False, True])
def test_memory_is_kept_between_steps(keeps):
    command = [sys.executable, "-c", ROUNDS.format(keeps=keeps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (int(done.stdout) < 1000) == keeps


# -- seeds


def test_an_int_draws_the_same_seeds_again():
    assert draw_seeds(3) == draw_seeds(3) == draw_seeds(np.int64(3))
    assert draw_seeds(3) != draw_seeds(4)


def test_none_draws_other_seeds_every_time():
    assert draw_seeds(None) != draw_seeds(None)


def test_a_random_state_moves_on():
    random_state = np.random.RandomState(3)
    assert draw_seeds(random_state) == draw_seeds(3)
    assert draw_seeds(random_state) != draw_seeds(3)


def test_seeds_are_distinct_plain_ints():
    seeds = draw_seeds(0)
    assert {type(seed) for seed in seeds} == {int}
    assert len(set(seeds)) == len(Seeds._fields)


def test_drawing_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    draw_seeds(0)
    assert torch.get_rng_state().equal(before)


# -- devices


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_the_cpu_is_always_there(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("device", "resolved"),
    [("auto", "cuda"), ("cuda", "cuda"), ("cuda:1", "cuda:1"), ("cpu", "cpu")],
)
def test_auto_takes_a_gpu_where_there_is_one(device, resolved):
    assert resolve_device(device) == torch.device(resolved)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps", "meta"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=r".") as error:
        resolve_device(device)
    assert str(error.value) == (
        f"device={device!r} is not available on this machine. Use device='auto', "
        "which takes a GPU where there is one and the CPU elsewhere."
    )


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_beyond_the_last_is_refused():
    with pytest.raises(ValueError, match=r"device='cuda:2' is not available"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:-1", "CPU", ""])
def test_a_device_that_torch_does_not_know_is_refused(device):
    with pytest.raises(ValueError, match=r".") as error:
        resolve_device(device)
    assert str(error.value) == (
        f"device={device!r} is not a device that torch knows. Use 'auto', 'cpu', "
        "'cuda', 'cuda:N' or 'mps'."
    )


@pytest.mark.parametrize(
    ("device", "dtype"),
    [("cpu", torch.float64), ("cuda", torch.float64), ("mps", torch.float32)],
)
def test_the_wide_dtype_is_the_most_precise_of_the_device(device, dtype):
    assert wide_dtype(torch.device(device)) == dtype


@pytest.mark.parametrize("available", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("flops", [0, FLOPS_FOR_GPU - 1, FLOPS_FOR_GPU, math.inf])
def test_a_gpu_is_chosen_for_steps_of_many_operations(available, flops):
    device = choose_device(torch.device(available), flops)
    expected = available if flops >= FLOPS_FOR_GPU else "cpu"
    assert device == torch.device(expected)


# -- precision

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))


@pytest.mark.parametrize(
    ("precision", "device", "is_small", "dtype", "products"),
    [
        ("auto", CPU, True, torch.float64, "full"),
        ("auto", CPU, False, torch.float32, "full"),
        ("auto", MPS, True, torch.float32, "full"),
        ("float32", CPU, True, torch.float32, "full"),
        ("float64", CPU, False, torch.float64, "full"),
        ("bfloat16", CPU, True, torch.float32, "bfloat16"),
        ("tf32", CUDA, True, torch.float32, "tf32"),
    ],
)
def test_precision_is_a_float_and_how_products_are_computed(
    precision, device, is_small, dtype, products
):
    assert precision_of(precision, device, is_small) == (dtype, products)


def test_a_precision_that_the_device_lacks_is_refused():
    with pytest.raises(ValueError, match=r".") as error:
        precision_of("float64", MPS, is_small=False)
    assert str(error.value) == (
        "precision='float64' is not available with device='mps', which has none. Use "
        "precision='float32', or device='cpu'."
    )


def tf32():
    """Return how products and convolutions on CUDA are computed."""
    switches = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    return tuple(switch.fp32_precision for switch in switches)


@pytest.mark.parametrize("given", ["highest", "high", "medium"])
def test_tf32_is_on_inside_the_block_and_switched_back(given):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(given)
    try:
        outside = tf32()
        with matrix_products("tf32", CUDA):
            assert tf32() == ("tf32", "tf32")
        assert tf32() == outside
        with pytest.raises(ZeroDivisionError), matrix_products("tf32", CUDA):
            raise ZeroDivisionError
        assert tf32() == outside
        assert torch.get_float32_matmul_precision() == given
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("products", "device"), [("full", CUDA), ("bfloat16", CUDA), ("tf32", CPU)]
)
def test_other_products_leave_tf32_alone(products, device):
    before = tf32()
    with matrix_products(products, device):
        assert tf32() == before


def test_of_blocks_side_by_side_the_last_switches_back():
    before = tf32()
    first, second = matrix_products("tf32", CUDA), matrix_products("tf32", CUDA)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert tf32() == ("tf32", "tf32")
    second.__exit__(None, None, None)
    assert tf32() == before != ("tf32", "tf32")


# -- threads


@pytest.mark.parametrize(
    ("cells", "n_threads"), [(WIDE_BATCH - 64, 1), (WIDE_BATCH, 2), (WIDE_BATCH * 9, 2)]
)
def test_wide_batches_take_a_second_thread(cells, n_threads):
    assert threads_for(cells // 64, 64) == n_threads


def test_the_number_of_threads_does_not_follow_from_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with cpu_threads(1):
        assert threads_for(WIDE_BATCH, 1) == 2


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_are_limited_inside_the_block_and_restored(n_threads):
    before = torch.get_num_threads()
    with cpu_threads(n_threads):
        assert torch.get_num_threads() == n_threads
    assert torch.get_num_threads() == before


def test_threads_are_restored_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), cpu_threads(before + 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_mkl_is_limited_and_restored_too(monkeypatch):
    calls = []

    def set_mkl_threads(n_threads):
        calls.append(n_threads)
        return 7

    monkeypatch.setattr(_runtime, "_mkl_setter", lambda: set_mkl_threads)
    with pytest.raises(ZeroDivisionError), cpu_threads(2):
        raise ZeroDivisionError
    assert calls == [2, 7]


def test_a_torch_without_mkl_is_no_error(monkeypatch):
    def missing(path):
        raise OSError

    monkeypatch.setattr(_runtime.ctypes, "CDLL", missing)
    assert _runtime._mkl_setter.__wrapped__()(3) == 3


def test_blocks_nest():
    with cpu_threads(3):
        with cpu_threads(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 3


def in_thread(function):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    thread.join()
    return answers[0]


def test_other_threads_keep_their_number():
    before = in_thread(torch.get_num_threads)
    with cpu_threads(before + 2):
        assert in_thread(torch.get_num_threads) == before


def test_a_block_in_another_thread_does_not_reach_this_one():
    before = torch.get_num_threads()
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def work():
        with cpu_threads(before + 2):
            seen.append(torch.get_num_threads())
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    assert torch.get_num_threads() == before
    leave.set()
    thread.join()
    assert seen == [before + 2]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("n_threads", [1, 2, 20])
@pytest.mark.parametrize("n_items", [0, 1, 2, 50])
def test_each_item_is_done_once(n_threads, n_items):
    done = []
    in_threads(done.append, range(n_items), n_threads)
    assert sorted(done) == list(range(n_items))


def test_items_are_shared_by_threads():
    meet = threading.Barrier(2)  # which one thread alone would wait at for ever
    in_threads(lambda item: meet.wait(timeout=60), range(2), 2)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_each_thread_takes_its_items_within_one_context(n_threads):
    entered, inside = [], threading.local()

    @contextmanager
    def within():
        entered.append(True)
        inside.entered = True
        yield
        inside.entered = False

    done = []
    in_threads(lambda item: done.append(inside.entered), range(50), n_threads, within)
    assert done == [True] * 50
    assert len(entered) == n_threads


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_first_error_ends_it(n_threads):
    done = []

    def fail(item):
        done.append(item)
        raise KeyError(item)

    with pytest.raises(KeyError):
        in_threads(fail, range(1000), n_threads)
    assert len(done) <= n_threads
