import pytest
import torch


def test_threads_are_as_before_after_a_block():
    from _timing import threads

    before = torch.get_num_threads()
    for n_threads in (1, 2):
        with threads(n_threads):
            assert torch.get_num_threads() == n_threads
        assert torch.get_num_threads() == before


def test_threads_are_as_before_after_an_error():
    from _timing import threads

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt), threads(before + 1):
        raise KeyboardInterrupt
    assert torch.get_num_threads() == before
