import pytest

from sklearn_ae.training import with_fewer_rows


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


def test_there_is_nothing_below_one_row(make_settings):
    assert with_fewer_rows(make_settings(batch_size=1), 100) is None
