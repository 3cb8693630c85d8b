from argparse import Namespace

import numpy as np
import pytest

SECONDS = {
    "IsolationForest": [1.0, 2.0, 4.0],
    "OutlierAutoencoder": [4.0, 8.0, 24.0],
    "Autoencoder": [6.0, 12.0, 12.0],
}


@pytest.fixture
def part(monkeypatch):
    """Run the part on few rows, with seconds and megabytes that are given."""
    import _detection_seconds

    def run(megabytes):
        of_each = iter(megabytes)
        monkeypatch.setattr(_detection_seconds, "QUICK_ROWS", 100)
        monkeypatch.setattr(
            _detection_seconds,
            "interleave",
            lambda ways, _: {name: np.array(SECONDS[name]) for name in ways},
        )
        monkeypatch.setattr(
            _detection_seconds, "memory_in_child", lambda _: next(of_each)
        )
        return _detection_seconds.run(Namespace(quick=True))

    return run


def test_each_detector_is_judged_by_the_median_of_its_ratios(part):
    bounds = {bound.claim: bound for bound in part([3, 4]).bounds}
    for threads in (1, 2):
        claim = "seconds of {} over IsolationForest, threads: " + str(threads)
        detector = bounds[claim.format("OutlierAutoencoder")]
        plain = bounds[claim.format("Autoencoder")]
        assert detector.value == 4
        assert detector.met
        assert plain.value == 6
        assert not plain.met


@pytest.mark.parametrize(("large", "met"), [(19, True), (20, False)])
def test_memory_that_grows_with_the_rows_is_a_miss(part, large, met):
    bound = part([3, large]).bounds[-1]
    assert bound.claim == "megabytes more for ten times the rows"
    assert (bound.value, bound.met) == (large - 3, met)


def test_the_table_has_a_line_for_each_model_and_number_of_threads(part):
    (text,) = part([3, 4]).sections
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert len(lines) == 6
    assert [line.split("|")[2].strip() for line in lines[:3]] == list(SECONDS)


def test_detectors_have_their_default_score():
    import _detection_seconds

    X = np.random.default_rng(0).normal(size=(60, 3))
    _, *detectors = _detection_seconds.fit_models(X).values()
    assert [model.outlier_score for model in detectors] == ["auto", "auto"]
