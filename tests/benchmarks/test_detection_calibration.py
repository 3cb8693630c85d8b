from argparse import Namespace

import numpy as np
import pytest

from sklearn_ae import Autoencoder


@pytest.fixture
def options(tmp_path):
    """Options of a run over five tables of 40, 60, ... 120 normal rows each."""
    folder = tmp_path / "adbench"
    folder.mkdir()
    for place in range(1, 6):
        rng = np.random.default_rng(place)
        n_normal = 20 + 20 * place
        X = rng.normal(size=(n_normal + 10, 3))
        y = np.repeat([0, 1], [n_normal, 10])
        np.savez(folder / f"{place}_table.npz", X=X, y=y)
    return Namespace(data=tmp_path, tables=None, quick=False)


def test_the_tables_with_the_fewest_normal_rows_are_left_out(options):
    from _detection_calibration import pick_tables

    names = [table.name for table in pick_tables(options)]
    assert names == ["3_table", "4_table", "5_table"]


def test_tables_may_be_named(options):
    from _detection_calibration import pick_tables

    options.tables = ["1_table"]
    assert [table.name for table in pick_tables(options)] == ["1_table"]


def test_both_halves_hold_normal_rows_in_units_of_the_first(options):
    from _detection_calibration import pick_tables
    from _detection_data import halves_of_normal_rows

    fitting, new = halves_of_normal_rows(pick_tables(options)[0], 0)
    assert fitting.shape == new.shape == (40, 3)
    np.testing.assert_allclose(fitting.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(fitting.std(axis=0), 1)
    assert np.abs(new.mean(axis=0)).max() > 1e-3


@pytest.mark.parametrize("n_calibration", [100, 500])
def test_exact_p_values_exceed_the_bound_of_a_run_once_in_a_hundred(n_calibration):
    from _detection_calibration import bound_of

    rng, above = np.random.default_rng(0), []
    for _ in range(4000):
        calibration = np.sort(rng.uniform(size=n_calibration))
        new = rng.uniform(size=300)
        below = np.searchsorted(calibration, new, side="right")
        share = ((1 + below) / (n_calibration + 1) <= 0.05).mean()
        above.append(share > bound_of(n_calibration, 300))
    assert 0.003 < np.mean(above) <= 0.015


def test_of_too_few_rows_any_alarm_is_above_the_bound():
    from _detection_calibration import bound_of

    assert bound_of(18, 100) == 0


def test_contamination_is_the_nearest_that_ties_allow(monkeypatch):
    import _detection_calibration

    monkeypatch.setattr(
        _detection_calibration, "DETECTOR", Autoencoder(2, max_epochs=2)
    )
    X = np.random.default_rng(0).normal(size=(57, 4))
    measure = _detection_calibration.flagged_by_contamination
    assert measure(X, 0) == (6, True)
    flagged, is_nearest = measure(np.repeat(X[:10], 5, axis=0), 0)
    assert flagged == 5
    assert is_nearest
