import numpy as np
import pytest

from sklearn_ae import (
    Autoencoder,
    ConvolutionalNetwork,
    SequenceNetwork,
    WindowNetwork,
    _defaults,
)
from sklearn_ae._defaults import (
    channels_for,
    hidden_layer_sizes_for,
    learning_rate_for,
    max_epochs_for,
    min_patch_epochs_for,
)
from sklearn_ae._network import DENSE

N_ROWS = [1, 2, 50, 999, 1000, 1001, 10_000, 10**7]
WIDTHS = [1, 30, 256, 257, 10_000]


@pytest.mark.parametrize("n_rows", N_ROWS)
@pytest.mark.parametrize("n_features", WIDTHS)
def test_hidden_layers_narrow_towards_the_code(n_rows, n_features):
    sizes = hidden_layer_sizes_for(n_rows, n_features)
    assert all(type(size) is int and size > 0 for size in sizes)
    assert list(sizes) == sorted(sizes, reverse=True)


@pytest.mark.parametrize("n_features", WIDTHS)
def test_more_rows_never_mean_narrower_layers(n_features):
    widths = [hidden_layer_sizes_for(n, n_features)[0] for n in N_ROWS]
    assert widths == sorted(widths)


@pytest.mark.parametrize("n_rows", N_ROWS)
def test_more_columns_never_mean_narrower_layers(n_rows):
    widths = [hidden_layer_sizes_for(n_rows, d)[0] for d in WIDTHS]
    assert widths == sorted(widths)


@pytest.mark.parametrize("n_rows", N_ROWS)
@pytest.mark.parametrize("n_features", WIDTHS)
def test_corrupted_rows_never_mean_narrower_layers(n_rows, n_features):
    clean, corrupted = (
        hidden_layer_sizes_for(n_rows, n_features, flag) for flag in (False, True)
    )
    assert corrupted >= clean


@pytest.mark.parametrize("corruption", [None, "gaussian"])
def test_narrow_tables_have_narrow_layers_unless_they_are_corrupted(corruption):
    X = np.random.default_rng(0).normal(size=(1200, 5))
    ae = Autoencoder(2, corruption=corruption, max_epochs=0).fit(X)
    sizes = ae.net_.module_.arguments["branches"]["hidden_layer_sizes"]
    assert sizes == ((256, 128) if corruption else (128, 64))


@pytest.mark.parametrize("n_rows", N_ROWS)
def test_a_batch_is_never_larger_than_the_table(n_rows):
    assert DENSE.batch_size(n_rows) == min(n_rows, _defaults.BATCH_SIZE)


@pytest.mark.parametrize("n_rows", N_ROWS)
@pytest.mark.parametrize("batch_size", [1, 32, 256, 10**6])
@pytest.mark.parametrize("repeats", [1, 50])
def test_epochs_stay_within_their_bounds(n_rows, batch_size, repeats):
    epochs = max_epochs_for(n_rows, -(-repeats * n_rows // batch_size))
    assert type(epochs) is int
    assert _defaults.SCHEDULE.min_epochs <= epochs <= _defaults.SCHEDULE.max_epochs


@pytest.mark.parametrize("n_rows", [3000, 5000, 8000])
def test_epochs_amount_to_the_target_of_steps(n_rows):
    steps_per_epoch = -(-n_rows // 256)
    steps = max_epochs_for(n_rows, steps_per_epoch) * steps_per_epoch
    aim = _defaults.SCHEDULE.steps
    assert aim - steps_per_epoch < steps <= aim


def test_epochs_are_counted_by_all_rows_and_chosen_by_distinct_ones():
    few, many = (max_epochs_for(n, 20) for n in (10, 5000))
    assert few <= many
    assert max_epochs_for(10, 4000) <= max_epochs_for(10, 4)


def test_larger_batches_never_mean_fewer_epochs():
    sizes = (16, 64, 256, 1024, 20_000)
    epochs = [max_epochs_for(20_000, -(-20_000 // size)) for size in sizes]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 1


def test_learning_rates_are_positive_and_smaller_for_small_tables():
    rates = [learning_rate_for(n) for n in N_ROWS]
    assert 0 < rates[0] < rates[-1] < 1
    assert rates == sorted(rates)
    for kind in (ConvolutionalNetwork(), SequenceNetwork(), WindowNetwork()):
        slower = [kind.learning_rate(n, is_corrupted=False) for n in N_ROWS]
        assert slower[0] == rates[0] < slower[-1] < rates[-1]


def test_maps_of_small_images_are_wide_from_the_start():
    assert [channels_for(side, side) for side in (1, 2, 8, 16, 17, 28, 64, 300)] == [
        (),
        (32,),
        (32,),
        (32, 64),
        (16, 32),
        (16, 32),
        (16, 32, 64, 64),
        (16, 32, 64, 64),
    ]


@pytest.mark.parametrize("side", [1, 8, 17, 28, 300])
def test_maps_of_corrupted_images_are_no_fewer(side):
    clean, corrupted = (channels_for(side, side, flag) for flag in (False, True))
    assert len(clean) == len(corrupted)
    assert corrupted == (32, 64, 64, 64)[: len(clean)]


@pytest.mark.parametrize(
    ("n_batches", "expected"), [(1, 28), (313, 28), (600, 15), (938, 10), (10**6, 10)]
)
def test_more_patches_are_seen_less_often(n_batches, expected):
    assert min_patch_epochs_for(n_batches) == expected
