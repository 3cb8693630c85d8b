import numpy as np
import pytest

NAN = np.nan


def test_means_are_of_all_tables_and_of_halves(make_results):
    results = make_results({"ours": [[0.5, 0.7], [0.9, 0.9]], "PCA": [[0.4, 0.4]] * 2})
    assert results.means("auroc") == pytest.approx({"ours": 0.75, "PCA": 0.4})
    assert results.means("ap")["ours"] == pytest.approx(0.375)
    assert results.means("auroc", "confirming")["ours"] == pytest.approx(0.6)
    assert results.means("auroc", "choosing")["ours"] == pytest.approx(0.9)


def test_a_half_without_tables_has_no_mean(make_results):
    results = make_results({"ours": [[0.5]], "PCA": [[0.4]]})
    assert np.isnan(list(results.means("auroc", "choosing").values())).all()


def test_what_is_missing_is_missing_from_ours_alone(make_results):
    figures = [[0.5, NAN], [0.9, 0.9]]
    results = make_results({"ours": figures, "PCA": figures})
    means = results.means("auroc")
    assert np.isnan(means["ours"])
    assert means["PCA"] == pytest.approx(0.7)
    assert len(results.failures()) == 2


def test_ranks_begin_at_the_best_and_end_at_what_is_missing(make_results):
    results = make_results(
        {"ours": [[0.5], [0.9]], "PCA": [[0.6], [0.9]], "LOF": [[NAN], [0.1]]}
    )
    ranks = results.mean_ranks("auroc")
    assert ranks == {"ours": 1.75, "PCA": 1.25, "LOF": 3.0}


def test_spread_is_that_of_means_over_tables(make_results):
    results = make_results({"ours": [[0.5, 0.7], [0.7, 0.5]], "PCA": [[0.1, 0.3]] * 2})
    spreads = results.spreads("auroc")
    assert spreads["ours"] == pytest.approx(0)
    assert spreads["PCA"] == pytest.approx(0.2 / np.sqrt(2))


def test_one_seed_has_no_spread(make_results):
    assert np.isnan(make_results({"ours": [[0.5]]}).spreads("auroc")["ours"])


def test_far_below_is_below_both(make_results):
    results = make_results(
        {
            "ours": [[0.69], [0.69], [0.71], [NAN]],
            "IsolationForest": [[0.8]] * 4,
            "kNN-sqrt": [[0.9], [0.6], [0.9], [0.9]],
        }
    )
    assert results.far_below("ours", "auroc") == ["t1", "t4"]
    assert results.far_below("IsolationForest", "auroc") == []


def test_far_below_needs_both(make_results):
    results = make_results({"ours": [[0.1]], "IsolationForest": [[0.8]]})
    assert results.far_below("ours", "auroc") is None


def test_times_are_compared_where_both_have_one(make_results):
    figures = {"ours": [[0.5], [0.5]], "PyOD-AutoEncoder": [[0.5], [0.5]]}
    seconds = {"ours": 2.0, "PyOD-AutoEncoder": 4.0}
    results = make_results(figures, seconds=seconds)
    assert results.seconds()["ours"] == 4
    assert results.time_ratio("ours") == 0.5
    results.figures["seconds"][1, 0] = NAN
    assert results.time_ratio("ours") == 0.5
    assert results.time_ratio("PyOD-AutoEncoder") == 1


def test_without_the_timed_method_there_is_no_ratio(make_results):
    assert np.isnan(make_results({"ours": [[0.5]]}).time_ratio("ours"))
