import _adbench_bounds
import _adbench_spread
import numpy as np
import pytest

RIVALS = ("IsolationForest", "kNN-sqrt", "kNN-5", "PCA", "PyOD-AutoEncoder")


@pytest.fixture
def judge(make_results):
    """Return a function of our figures that gives the verdicts by their claims.

    Rivals have 0.7 everywhere, and take as long as we do.
    """

    def judge(ours, collection, setting="clean"):
        figures = {"ours": ours} | {name: [[0.7, 0.7]] * len(ours) for name in RIVALS}
        key = collection, setting
        results = make_results(figures, *key, seconds={"PyOD-AutoEncoder": 3.0})
        bounds = _adbench_bounds.judge({key: results})
        return {bound.claim.split(": ")[1]: bound.met for bound in bounds}

    return judge


def test_good_figures_meet_all(judge):
    # In these results average precision is half of the AUROC, too little for ADBench.
    verdicts = judge([[0.9, 0.9]] * 2, "adbench")
    assert len(verdicts) == 10
    assert [claim for claim, met in verdicts.items() if not met] == ["mean AP"]


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        ([[0.6, 0.6], [0.7, 0.7]], {"mean rank", "mean AUROC,", "mean AP,"}),
        ([[0.5, 0.5], [0.99, 0.99]], {"tables with"}),
        ([[0.8, 0.9], [0.8, 0.9]], {"mean AUROC, standard", "mean AP, standard"}),
        ([[0.9, np.nan], [0.9, 0.9]], {"mean AUROC, less", "mean AP, less"}),
    ],
)
def test_bad_figures_miss_what_they_miss(judge, ours, missed):
    verdicts = judge(ours, "other")
    found = {claim for claim, met in verdicts.items() if not met}
    assert found
    for beginning in missed:
        assert any(claim.startswith(beginning) for claim in found)


@pytest.mark.parametrize(
    ("collection", "by", "met"),
    [("adbench", 0.009, True), ("adbench", -0.011, False), ("other", 0.011, False)],
)
def test_the_largest_move_is_judged(make_results, collection, by, met):
    first, second, *_ = _adbench_spread.VARIANTS
    figures = {"ours": [[0.9, 0.8]], first: [[0.9, 0.8]], second: [[0.9 + 2 * by, 0.8]]}
    key = collection, "clean"
    bounds = _adbench_bounds.judge_moves({key: make_results(figures, *key)})
    # Average precision is half of the AUROC in these results, and moves half as far.
    assert [bound.met for bound in bounds] == [met, True]
    assert bounds[0].value == pytest.approx(abs(by))
    assert "mean AUROC, largest move" in bounds[0].claim


def test_a_figure_that_is_missing_meets_no_bound(make_results):
    first, second, *_ = _adbench_spread.VARIANTS
    for gap in ([[np.nan], [0.9]], [[np.nan], [np.nan]]):
        figures = {"ours": [[0.9], [0.9]], first: [[0.9], [0.9]], second: gap}
        results = make_results(figures, "adbench", "clean")
        bounds = _adbench_bounds.judge_moves({("adbench", "clean"): results})
        assert not any(bound.met for bound in bounds)


def test_of_embeddings_moves_are_not_judged(make_results):
    figures = {"ours": [[0.9]], next(iter(_adbench_spread.VARIANTS)): [[0.1]]}
    results = make_results(figures, "mvtec", "clean")
    assert _adbench_bounds.judge_moves({("mvtec", "clean"): results}) == []
    key = "adbench", "clean"
    alone = make_results({"ours": [[0.9]]}, *key)
    assert _adbench_bounds.judge_moves({key: alone}) == []


def test_other_tables_have_no_absolute_bounds(judge):
    verdicts = judge([[0.9, 0.9]], "other")
    assert len(verdicts) == 8
    assert all(verdicts.values())


def test_embeddings_are_compared_with_four_rivals(judge):
    verdicts = judge([[0.9, 0.9]], "mvtec")
    assert list(verdicts.values()) == [True, True]
    assert not any(judge([[0.6, 0.6]], "mvtec").values())


def test_what_is_not_scaled_has_to_stay_near(make_results):
    results = {
        ("other", "clean"): make_results({"ours": [[0.9, 0.9]]}),
        ("other", "raw-clean"): make_results({"ours": [[0.885, 0.885]]}),
    }
    bounds = _adbench_bounds.judge(results)[-2:]
    assert [bound.met for bound in bounds] == [False, True]
    assert bounds[0].value == pytest.approx(0.015)


def test_rivals_alone_are_not_judged(make_results):
    results = make_results({"PCA": [[0.9]]})
    assert _adbench_bounds.judge({("adbench", "clean"): results}) == []
