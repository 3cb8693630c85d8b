from argparse import Namespace

import numpy as np
import pytest

from sklearn_ae.detection import _distances, _fits, _neighbors


def skewed_rows(n_rows, seed=0):
    """Return rows with a heavy tail, whose columns go together."""
    X = np.random.default_rng(seed).normal(size=(n_rows, 4)) ** 3
    X[:, 2] += X[:, 0]
    return X


@pytest.fixture(scope="module")
def model():
    """A fit to more rows than any variant has references."""
    from _detection_scores import Remembering

    return Remembering(max_epochs=0, random_state=0).fit(skewed_rows(5000))


@pytest.fixture
def options(tmp_path):
    """Options of a trial with two tables of each collection, one of either half."""
    for name in ("adbench", "mvtec"):
        folder = tmp_path / name
        folder.mkdir()
        for place in (1, 2):
            X, y = skewed_rows(60, place), np.repeat([0, 1], [50, 10])
            np.savez(folder / f"{place}_{name}.npz", X=X + 5 * y[:, None], y=y)
    return Namespace(data=tmp_path, tables=["1_adbench", "2_adbench"], quick=True)


def test_the_first_variant_is_the_default(model):
    from _detection_scores import DEFAULT, SCORES

    rows = skewed_rows(50, seed=1)
    expected = model.score_samples(rows)
    model.score_by(SCORES["only rows"], rows)
    scores = model.score_by(SCORES[DEFAULT], rows)
    np.testing.assert_array_equal(scores, expected)


def test_no_two_variants_are_the_same_score(model):
    from _detection_scores import SCORES

    rows = skewed_rows(50, seed=1)
    scores = [model.score_by(x, rows) for x in SCORES.values()]
    assert len(np.unique(scores, axis=0)) == len(SCORES)


def test_variants_leave_the_package_as_it_was(model):
    from _detection_scores import SCORES

    before = {module: dict(vars(module)) for module in (_distances, _neighbors)}
    for variant in SCORES.values():
        model.score_by(variant, skewed_rows(5))
    assert {module: dict(vars(module)) for module in before} == before
    assert _fits.NeighborScorer is _neighbors.NeighborScorer


def test_the_confirming_half_is_asked_about_the_default_alone(options):
    from _detection_scores import DEFAULT, FITS, SCORES, find_tables, try_table

    confirming, choosing = find_tables(options)
    assert list(try_table(confirming, "clean", options)) == [DEFAULT]
    assert list(try_table(choosing, "clean", options)) == [*SCORES, *FITS]


def test_the_report_has_a_line_for_each_variant_and_one_of_the_other_half(options):
    from _detection_scores import DEFAULT, FITS, SCORES, run

    part = run(options)
    table = [line for line in part.sections[0].splitlines() if line.startswith("|")]
    lines = [[cell.strip() for cell in line.split("|")] for line in table[2:]]
    labels = [line[1] for line in lines]
    assert labels == [*SCORES, *FITS, f"{DEFAULT}, confirming half"]
    # Of the other collection no table was asked for.
    assert all(line[2] and line[3] and not any(line[4:]) for line in lines)
    assert "half, 1 of adbench and 0 of mvtec," in part.sections[0]


def test_without_tables_there_is_nothing_to_score(tmp_path):
    from _detection_scores import run

    part = run(Namespace(data=tmp_path, tables=None, quick=False))
    assert part.sections == ["The tables of ADBench are not there: nothing is scored."]
