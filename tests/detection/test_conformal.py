import pickle
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder, AutoencoderEnsemble
from sklearn_ae.detection import ThresholdMixin
from sklearn_ae.detection._conformal import (
    calibration_weight,
    check_rate,
    conformal_p_values,
    least_p_value,
)

from ..estimators import ALL, FAST

pytestmark = pytest.mark.filterwarnings(
    # A few epochs are enough to tell scores apart, and too few to converge.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning",
    "ignore:All .* components of the codes:sklearn.exceptions.ConvergenceWarning",
)

DETECTORS = {
    **ALL,
    "ensemble": AutoencoderEnsemble(
        Autoencoder(2, **FAST), n_estimators=2, random_state=0
    ),
}

NONE_HELD_OUT = (
    "p-values compare rows with rows that the model has not seen, and this {} was "
    "fitted with none held out: by partial_fit, with early_stopping=False, to fewer "
    "than 10 distinct rows, or in training for labels or clusters. Give rows that were "
    "kept out of fit as X_calibration of p_values, or fit with early_stopping=True."
)


@pytest.fixture(scope="module")
def rows():
    """Correlated rows between 0 and 1: shape (90, 5)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3)) @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(
        size=(90, 5)
    )
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


@pytest.fixture(scope="module", params=list(DETECTORS))
def fitted(request, rows):
    """A detector fitted to 60 of the rows."""
    return clone(DETECTORS[request.param]).fit(rows[:60])


def holds_out(detector):
    member = getattr(detector, "estimators_", [detector])[0]
    return member.early_stopping


def given(detector, rows):
    """What a detector that held nothing out is given to compare with."""
    return None if holds_out(detector) else rows[60:]


# -- of scores


def draw(n, seed=0):
    return -(np.random.default_rng(seed).normal(size=n) ** 2)


@pytest.mark.parametrize("n", [1, 7, 100])
def test_p_values_count_the_rows_that_are_at_least_as_abnormal(n):
    scores, calibration = draw(40, 1), draw(n)
    expected = [(1 + (calibration <= score).sum()) / (n + 1) for score in scores]
    np.testing.assert_allclose(
        conformal_p_values(scores, calibration), expected, rtol=1e-12
    )


def test_the_least_and_the_largest_are_reached():
    p = conformal_p_values(np.array([-np.inf, 0.0, np.inf]), draw(9))
    np.testing.assert_allclose(p, [0.1, 1, 1])
    assert least_p_value(9) == pytest.approx(0.1)
    assert least_p_value(9, np.arange(1.0, 10)) == pytest.approx(p_of_least(9))


def p_of_least(n):
    """Of weights 1 to n, computed another way: the mean weight, drawn by weight."""
    weights = np.arange(1.0, n + 1)
    own = np.average(weights, weights=weights)
    return own / (own + weights.sum())


def test_ties_count_against_the_row():
    calibration = np.array([-2.0, -1, -1, -1, 0])
    scores = np.array([-1.0, -1 - 1e-13, -1 + 1e-13])
    np.testing.assert_allclose(conformal_p_values(scores, calibration), 5 / 6)


def test_of_rows_beyond_the_range_of_floats_ties_count_too():
    calibration = np.array([-np.inf, -1.0, 0.0])
    np.testing.assert_allclose(
        conformal_p_values(np.array([-np.inf]), calibration), 2 / 4
    )


@pytest.mark.parametrize("size", [1e-3, 1, 7.0])
def test_equal_weights_change_nothing(size):
    scores, calibration = draw(40, 1), draw(30)
    np.testing.assert_allclose(
        conformal_p_values(scores, calibration, np.full(30, size)),
        conformal_p_values(scores, calibration),
        rtol=1e-12,
    )


def test_only_the_ratios_of_weights_count():
    scores, calibration = draw(40, 1), draw(30)
    weight = np.random.default_rng(2).uniform(0.1, 3, size=30)
    one, other = (
        conformal_p_values(scores, calibration, size * weight) for size in (1, 100)
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert not np.allclose(one, conformal_p_values(scores, calibration))


def test_under_a_shift_that_the_weights_undo_false_alarms_are_kept():
    # Calibration rows have abnormal scores twice as often as new rows.
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(4000):
        is_odd = rng.uniform(size=80) < 0.4
        calibration = np.where(is_odd, -3, 0) + rng.uniform(size=80)
        weight = np.where(is_odd, 0.5, 4 / 3)
        new = np.where(rng.uniform() < 0.2, -3, 0) + rng.uniform()
        p = conformal_p_values(np.array([new]), calibration, weight)
        alarms.append(p[0] <= 0.1)
    assert 0.08 < np.mean(alarms) < 0.1 + 3 * np.sqrt(0.09 / 4000)


def test_weights_are_kept_where_they_differ_only():
    assert calibration_weight(np.full(5, 2.0)) is None
    np.testing.assert_array_equal(calibration_weight(np.arange(3.0)), np.arange(3.0))


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, np.nan, "auto", True])
def test_a_rate_that_is_none_is_refused(rate):
    message = (
        f"false_alarm_rate={rate!r} must be a number above 0 and below 1: the share of "
        "normal rows that may be called outliers. Give one such as 0.05, or None for "
        "the threshold of contamination."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_rate(rate, 100)


def test_a_rate_below_what_so_few_rows_can_tell_is_refused():
    message = (
        "false_alarm_rate=0.009 is below 0.01, the least p-value among 99 calibration "
        "rows: no row could be called an outlier. Raise false_alarm_rate to at least "
        "0.01, or fit to more rows."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_rate(0.009, 99)
    check_rate(0.01, 99)


# -- of the fitted detectors


class Spread(ThresholdMixin, BaseEstimator):
    """A detector that is cheap to fit: the distance from the mean."""

    def fit(self, X):
        self.center_ = X.mean()
        return self

    def score_samples(self, X):
        return -np.abs(X - self.center_)


@pytest.mark.parametrize("n_calibration", [19, 20, 50])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_with_rows_kept_out_the_false_alarm_rate_is_exact(n_calibration, alpha):
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(2500):
        fitting, calibration, new = (
            rng.standard_t(2, size=size) for size in (5, n_calibration, 4)
        )
        p = Spread().fit(fitting).p_values(new, X_calibration=calibration)
        alarms.append(np.mean(p <= alpha))
    exact = np.floor(alpha * (n_calibration + 1) + 1e-9) / (n_calibration + 1)
    error = np.std(alarms) / np.sqrt(len(alarms))
    assert exact <= alpha
    assert abs(np.mean(alarms) - exact) < 4 * error


def test_p_values_are_above_zero_and_at_most_one(fitted, rows):
    X = np.vstack([rows, 1 - rows])
    p = fitted.p_values(X, X_calibration=given(fitted, rows))
    assert p.shape == (180,)
    assert p.dtype == np.float64
    assert p.min() > 0
    assert p.max() <= 1


def test_p_values_follow_the_scores(fitted, rows):
    new = rows[60:]
    scores = fitted.score_samples(new)
    p = fitted.p_values(new, X_calibration=given(fitted, rows))
    order = np.argsort(scores)
    assert (np.diff(p[order]) >= 0).all()
    assert len(np.unique(p)) > 2


def test_p_values_are_those_of_the_scores(fitted, rows):
    new, calibration = rows[60:75], rows[75:]
    expected = conformal_p_values(
        fitted.score_samples(new), fitted.score_samples(calibration)
    )
    np.testing.assert_allclose(fitted.p_values(new, calibration), expected)
    if holds_out(fitted):
        expected = conformal_p_values(
            fitted.score_samples(new), fitted.training_scores_
        )
        np.testing.assert_allclose(fitted.p_values(new), expected)


def test_a_p_value_does_not_depend_on_the_rows_around_it(fitted, rows):
    calibration = given(fitted, rows)
    together = fitted.p_values(rows[60:], calibration)
    alone = [fitted.p_values(row[None], calibration)[0] for row in rows[60:]]
    np.testing.assert_allclose(alone, together)


def test_labels_at_a_false_alarm_rate_are_those_of_the_p_values(fitted, rows):
    if not holds_out(fitted):
        message = NONE_HELD_OUT.format(type(fitted).__name__)
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            fitted.predict(rows, false_alarm_rate=0.1)
        return
    labels = fitted.predict(rows, false_alarm_rate=0.3)
    np.testing.assert_array_equal(labels, np.where(fitted.p_values(rows) <= 0.3, -1, 1))
    assert set(labels) == {-1, 1}
    n_more = (fitted.predict(rows, false_alarm_rate=0.6) == -1).sum()
    assert (labels == -1).sum() < n_more


def test_without_rate_labels_are_those_of_the_threshold(fitted, rows):
    labels = np.where(fitted.decision_function(rows) < 0, -1, 1)
    np.testing.assert_array_equal(fitted.predict(rows), labels)
    np.testing.assert_array_equal(fitted.predict(rows, false_alarm_rate=None), labels)


def test_p_values_survive_a_pickle(fitted, rows):
    calibration = given(fitted, rows)
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(
        restored.p_values(rows, calibration), fitted.p_values(rows, calibration)
    )


@pytest.mark.parametrize("name", list(DETECTORS))
def test_an_unfitted_detector_says_so(name, rows):
    detector = clone(DETECTORS[name])
    for call in (
        lambda: detector.p_values(rows),
        lambda: detector.p_values(rows, rows),
        lambda: detector.predict(rows, false_alarm_rate=0.1),
    ):
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.parametrize("n", [40, 99, 100, 400])
def test_auto_and_a_rate_of_5_percent_differ_by_what_lies_between_two_rows(n):
    rng = np.random.default_rng(0)
    detector = Autoencoder(2, **FAST).fit(rng.normal(size=(n, 4)))
    new = rng.normal(size=(2000, 4))
    labels = detector.predict(new, false_alarm_rate=0.05)
    differ = detector.predict(new) != labels
    step = 1.0001 / (len(detector.training_scores_) + 1)
    assert (np.abs(detector.p_values(new)[differ] - 0.05) <= step).all()
    assert set(labels) == {-1, 1}


def test_weighted_rows_are_weighed(rows):
    weight = np.random.default_rng(0).uniform(0.1, 3, size=60)
    detector = Autoencoder(2, **FAST).fit(rows[:60], sample_weight=weight)
    np.testing.assert_allclose(
        detector.p_values(rows[60:]),
        conformal_p_values(
            detector.score_samples(rows[60:]), detector.training_scores_, weight
        ),
    )


def test_of_many_rows_the_weights_are_those_of_the_held_out_ones(table):
    weight = 1.0 + (table[:, 0] > 0)
    detector = Autoencoder(2, **FAST).fit(table, sample_weight=weight)
    assert len(detector._calibration_weight) == len(detector.training_scores_) == 110
    ensemble = AutoencoderEnsemble(
        Autoencoder(2, **FAST), n_estimators=2, random_state=0
    ).fit(table, sample_weight=weight)
    assert len(ensemble._calibration_weight) == len(ensemble.training_scores_) == 110


@pytest.mark.parametrize("how", ["partial_fit", "early_stopping", "few rows"])
def test_without_rows_held_out_p_values_ask_for_some(rows, how):
    detector = Autoencoder(2, **FAST)
    if how == "partial_fit":
        detector.partial_fit(rows[:60])
    elif how == "few rows":
        detector.fit(rows[:9])
    else:
        detector.set_params(early_stopping=False).fit(rows[:60])
    message = NONE_HELD_OUT.format("Autoencoder")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        detector.p_values(rows[60:])
    assert detector.p_values(rows[60:], X_calibration=rows[:60]).max() <= 1


def test_a_rate_goes_through_a_pipeline(rows):
    pipeline = make_pipeline(StandardScaler(), Autoencoder(2, **FAST)).fit(rows[:60])
    labels = pipeline.predict(rows, false_alarm_rate=0.2)
    expected = pipeline[-1].predict(pipeline[0].transform(rows), false_alarm_rate=0.2)
    np.testing.assert_array_equal(labels, expected)
    assert set(labels) == {-1, 1}


def test_calibration_rows_of_other_columns_are_refused(rows):
    detector = Autoencoder(2, **FAST).fit(rows[:60])
    with pytest.raises(ValueError, match="X has 4 features, but Autoencoder is expect"):
        detector.p_values(rows[60:], X_calibration=rows[60:, :4])
