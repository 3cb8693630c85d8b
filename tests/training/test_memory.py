import pytest
import torch

from sklearn_ae.training._memory import with_enough_memory, with_fewer_rows


@pytest.mark.parametrize(
    ("batch_size", "n_rows", "half"),
    [(32, 100, 16), (33, 100, 16), (2, 100, 1), (1000, 100, 50)],
)
def test_half_the_rows_are_next(make_settings, batch_size, n_rows, half):
    settings = make_settings(batch_size=batch_size)
    with pytest.warns(UserWarning, match="ran out of memory") as caught:
        fewer = with_fewer_rows(settings, n_rows)
    assert fewer == make_settings(batch_size=half)
    assert str(caught[0].message) == (
        f"Training ran out of memory on device='cpu' with batch_size={batch_size}, and "
        f"starts again with batch_size={half}. Set batch_size={half} to begin with it."
    )


@pytest.mark.filterwarnings("ignore:Training ran out of memory")
def test_training_starts_again_until_it_fits(make_settings):
    tried = []

    def train(settings):
        tried.append(settings.batch_size)
        if settings.batch_size > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return settings

    most = 10
    assert with_enough_memory(train, make_settings(batch_size=32), 100).batch_size == 8
    assert tried == [32, 16, 8]
    most = 0
    with pytest.raises(torch.OutOfMemoryError):
        with_enough_memory(train, make_settings(batch_size=1), 100)


def test_there_is_nothing_below_one_row(make_settings):
    assert with_fewer_rows(make_settings(batch_size=1), 100) is None
