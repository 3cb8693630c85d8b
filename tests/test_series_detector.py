"""One score for every step of long series, whatever detects."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SeriesDetector,
    SparseAutoencoder,
    VariationalAutoencoder,
    WindowNetwork,
)
from sklearn_ae._series_detector import MOST_WINDOWS

FAST = {"max_epochs": 2, "random_state": 0}
FOREST = IsolationForest(n_estimators=20, random_state=0)

# What a detector of steps is bound to fail, by its job.
EXEMPT = {
    "check_fit1d": "one dimension is a series of one channel",
    "check_methods_sample_order_invariance": "the order of the steps is what counts",
    "check_methods_subset_invariance": "steps are scored in the light of others",
}


@pytest.mark.filterwarnings(
    # The checks fit on noise for a few epochs, where to be cut short is no defect.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
@parametrize_with_checks(
    [
        SeriesDetector(random_state=0),
        SeriesDetector(FOREST, window=5, contamination=0.1),
        SeriesDetector(Autoencoder(2, **FAST), window=2, stride=1),
        SeriesDetector(SequenceAutoencoder(2, cell_size=4, **FAST)),
    ],
    expected_failed_checks=lambda estimator: EXEMPT,
)
def test_common_check(estimator, check):
    check(estimator)


def make_series(n_steps=1500, odd=(), seed=0):
    """Return waves of two channels, of which the second is odd for a while."""
    rng = np.random.default_rng(seed)
    X = np.sin(2 * np.pi * np.arange(n_steps)[:, None] / [25, 40])
    X += 0.1 * rng.normal(size=X.shape)
    for start in odd:
        X[start : start + 25, 1] = 0.2 * rng.normal(size=25)
    return X


@pytest.fixture(scope="module")
def X():
    return make_series(odd=[700, 1100])


@pytest.fixture(scope="module")
def is_odd():
    labels = np.zeros(1500, int)
    labels[700:725] = labels[1100:1125] = 1
    return labels


@pytest.fixture(scope="module")
def fitted(X):
    return SeriesDetector(random_state=0).fit(X)


DETECTORS = {
    "default": None,
    "autoencoder": Autoencoder(5, **FAST),
    "trained": Autoencoder(5, network=WindowNetwork(), **FAST),
    "convolutional": ConvolutionalAutoencoder(5, channels=(4,), **FAST),
    "denoising": DenoisingAutoencoder(5, **FAST),
    "sequence": SequenceAutoencoder(5, cell_size=4, **FAST),
    "sparse": SparseAutoencoder(10, **{**FAST, "max_epochs": 20}),
    "variational": VariationalAutoencoder(5, **FAST),
    "neighbours": LocalOutlierFactor(novelty=True),
    "pipeline": make_pipeline(
        StandardScaler(), PCA(5), LocalOutlierFactor(novelty=True)
    ),
    "mixture": GaussianMixture(1, reg_covar=1e-3, random_state=0),
}


@pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize("name", DETECTORS)
def test_any_detector_finds_what_is_odd(name, X, is_odd):
    detector = SeriesDetector(DETECTORS[name], window=25, random_state=0)
    scores = detector.fit(X).score_samples(X)
    assert scores.shape == (1500,)
    assert np.isfinite(scores).all()
    assert roc_auc_score(is_odd, -scores) > 0.9
    decision = detector.decision_function(X)
    assert_allclose(decision, scores - detector.offset_)
    assert_array_equal(detector.predict(X), np.where(decision < 0, -1, 1))


@pytest.mark.parametrize("estimator", [FOREST, OneClassSVM(gamma=0.01)])
def test_what_does_not_find_it_is_taken_as_well(estimator, X):
    detector = SeriesDetector(estimator, window=25).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()


def test_default_is_better_than_a_forest(X, is_odd, fitted):
    forest = SeriesDetector(FOREST, window=fitted.window_).fit(X)
    ours, theirs = (
        roc_auc_score(is_odd, -detector.score_samples(X))
        for detector in (fitted, forest)
    )
    assert ours > theirs
    assert ours > 0.95


def test_score_is_the_mean_of_windows(X):
    detector = SeriesDetector(FOREST, window=25, stride=10).fit(X)
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    starts = np.arange(1475, -1, -10)[::-1]
    starts = np.unique([0, *starts])
    rows = np.stack([standard[start : start + 25].ravel() for start in starts])
    forest = clone(FOREST).fit(
        np.stack([standard[start : start + 25].ravel() for start in range(0, 1476, 10)])
    )
    scores = forest.score_samples(rows)
    for step in (0, 3, 724, 1499):
        holds = (starts <= step) & (step < starts + 25)
        assert_allclose(detector.score_samples(X)[step], scores[holds].mean())


@pytest.mark.parametrize("window", ["auto", 30])
@pytest.mark.parametrize("start", [100, 701, 1000])
def test_a_tail_is_scored_as_in_the_whole_series(X, window, start):
    detector = SeriesDetector(window=window, random_state=0).fit(X)
    whole, tail = detector.score_samples(X), detector.score_samples(X[start:])
    first = detector.window_
    assert_allclose(tail[first:], whole[start + first :], rtol=1e-9)


def test_gaps_are_ends(X, fitted):
    """Steps beside a gap are scored as in a series that ends there."""
    gappy = X.copy()
    gappy[400:410] = np.nan
    gappy[800, 0] = np.nan
    scores = fitted.score_samples(gappy)
    missing = np.isnan(scores)
    assert_array_equal(np.flatnonzero(missing), [*range(400, 410), 800])
    for part in (slice(400), slice(410, 800), slice(801, None)):
        assert_allclose(scores[part], fitted.score_samples(X[part]), rtol=1e-9)
    assert_array_equal(fitted.predict(gappy)[missing], 1)
    assert np.isnan(fitted.decision_function(gappy)[missing]).all()
    assert np.isnan(fitted.explain(gappy)[missing]).all()


def test_no_window_reaches_over_a_gap_in_training(X):
    first, second = X[:500], X[500:]
    gappy = np.concatenate([first, np.full((1, 2), np.nan), second])
    one, two = (
        SeriesDetector(FOREST, window=25).fit(data) for data in (gappy, [first, second])
    )
    assert_array_equal(one.score_samples(X), two.score_samples(X))


def test_pauses_in_time_are_gaps(X):
    index = pd.date_range("2026-01-01", periods=1500, freq="h")
    frame = pd.DataFrame(X, index=index, columns=["left", "right"])
    frame = frame.drop(index[500:600])
    detector = SeriesDetector(FOREST, window=25).fit(frame)
    assert list(detector.feature_names_in_) == ["left", "right"]
    parts = [frame.iloc[:500], frame.iloc[500:]]
    assert_array_equal(
        detector.score_samples(frame), np.concatenate(detector.score_samples(parts))
    )


def test_lists_of_series(X):
    parts = [X[:600], X[600:900], X[900:]]
    detector = SeriesDetector(random_state=0).fit(parts)
    for method in ("score_samples", "decision_function", "predict", "explain"):
        together = getattr(detector, method)(parts)
        assert [len(part) for part in together] == [600, 300, 600]
        for part, result in zip(parts, together, strict=True):
            assert_array_equal(getattr(detector, method)(part), result)


@pytest.mark.parametrize("n_steps", [1, 2, 5, 24])
def test_series_shorter_than_the_window(X, n_steps):
    detector = SeriesDetector(window=25, random_state=0).fit(X)
    scores = detector.score_samples(X[:n_steps])
    assert scores.shape == (n_steps,)
    assert np.isfinite(scores).all()
    mirrored = np.pad(X[:n_steps], ((0, 25 - n_steps), (0, 0)), mode="reflect")
    assert_allclose(scores, detector.score_samples(mirrored)[:n_steps])


def test_window_is_cut_to_half_of_a_short_series(X):
    with pytest.warns(
        UserWarning,
        match=r"^window=200 is more than half of the longest series without gaps, of "
        r"100 steps. Windows of 50 steps are taken. Give longer series, or a shorter "
        r"window.$",
    ):
        detector = SeriesDetector(FOREST, window=200).fit([X[:100], X[:30]])
    assert detector.window_ == 50


def test_window_holds_whole_periods():
    X = make_series()[:, :1]
    detector = SeriesDetector(FOREST).fit(X)
    assert detector.period_ % 25 == 0
    assert detector.window_ % detector.period_ == 0
    assert detector.stride_ == detector.window_ // 8


def test_stride_must_leave_no_step_out(X):
    with pytest.raises(
        ValueError,
        match=r"^stride=30 must not be above the window, of 20 steps: the steps "
        r"between two windows would have no score. Give a smaller stride, or leave it "
        r"at 'auto'.$",
    ):
        SeriesDetector(FOREST, window=20, stride=30).fit(X)


def test_training_windows_are_bounded():
    X = make_series(40_000)
    detector = SeriesDetector(FOREST, window=25).fit(X)
    windows, _ = detector._training_windows([_as_series(X)])
    assert MOST_WINDOWS / 2 < len(windows) <= MOST_WINDOWS


def _as_series(X):
    from sklearn_ae._series import Series

    return Series(X, np.zeros(len(X), bool))


@pytest.mark.parametrize("estimator", [StandardScaler(), LocalOutlierFactor()])
def test_estimators_must_score(X, estimator):
    with pytest.raises(ValueError, match=r"has no score_samples. Give an outlier det"):
        SeriesDetector(estimator).fit(X)


@pytest.mark.parametrize("contamination", ["auto", 0.02, 0.2])
def test_contamination_is_a_share_of_steps(X, contamination):
    detector = SeriesDetector(
        window=25, contamination=contamination, random_state=0
    ).fit(X)
    share = np.mean(detector.predict(X) == -1)
    if contamination == "auto":
        assert 0.03 < share <= 0.05
    else:
        assert_allclose(share, contamination, atol=0.01)


def test_units_of_channels_do_not_matter(X, fitted):
    scaled = X * [1e6, 1e-3] + [5.0, -2e3]
    other = SeriesDetector(random_state=0).fit(scaled)
    assert_allclose(other.score_samples(scaled), fitted.score_samples(X), rtol=1e-5)


def test_what_is_rare_counts_alike_wherever_it_was_seen():
    """Few windows hold a step near the end, and none of its units may come of that."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=2000), np.zeros(2000)])
    test = X.copy()
    test[1000, 1] = 1
    scores = []
    for step in (1, 900):
        train = X.copy()
        train[step, 1] = 1
        detector = SeriesDetector(window=50, random_state=0).fit(train)
        scores.append(detector.score_samples(test)[1000])
    assert 0.5 < scores[0] / scores[1] < 2


def test_a_constant_channel_is_taken(X):
    constant = np.column_stack([X, np.full(len(X), 3.0)])
    detector = SeriesDetector(random_state=0).fit(constant)
    assert np.isfinite(detector.score_samples(constant)).all()
    changed = constant.copy()
    changed[300:310, 2] = 13
    assert abs(detector.score_samples(changed).argmin() - 305) < detector.window_


# -- streams


def test_a_stream_has_the_windows_of_the_whole_series(X):
    class Recorder(SGDOneClassSVM):
        seen = []

        def partial_fit(self, X, y=None, sample_weight=None):
            self.seen.append(X)
            return super().partial_fit(X, y, sample_weight)

    detector = SeriesDetector(Recorder(random_state=0), window=25, stride=7)
    for block in (X[:300], X[300:310], X[310:700], X[700:]):
        detector.partial_fit(block)
    windows = np.concatenate(Recorder.seen)
    standard = (X - detector.mean_) / detector.scale_
    expected = [standard[s : s + 25].ravel() for s in range(0, 1476, 7)]
    assert_array_equal(windows, np.stack(expected))


def test_partial_fit_goes_on(X):
    detector = SeriesDetector(Autoencoder(3, **FAST), window=25)
    before = pickle.dumps(detector.partial_fit(X[:800]).score_samples(X))
    detector.partial_fit(X[800:])
    assert pickle.dumps(detector.score_samples(X)) != before
    assert np.isfinite(detector.offset_)
    assert not hasattr(SeriesDetector(FOREST), "partial_fit")


def test_series_of_a_list_do_not_follow_each_other(X):
    detector = SeriesDetector(Autoencoder(3, **FAST), window=25)
    detector.partial_fit([X[:400], X[400:800]])
    assert detector._next is None


def test_the_memory_of_a_block_may_be_used_again(X):
    buffer = X[:800].copy()
    detector = SeriesDetector(Autoencoder(3, **FAST), window=25).partial_fit(buffer)
    expected = detector._next.copy()
    buffer[:] = 99
    assert_array_equal(detector._next, expected)


def blocks_in_time(X, starts):
    """Return blocks of 200 steps, an hour apart, that begin at the given hours."""
    hours = pd.date_range("2026-01-01", periods=5000, freq="h")
    return [pd.DataFrame(X[:200], index=hours[start : start + 200]) for start in starts]


def test_no_window_reaches_over_a_pause_between_blocks(X):
    follows, pauses = (
        SeriesDetector(Autoencoder(3, **FAST), window=25) for _ in range(2)
    )
    for detector, starts in ((follows, [0, 200]), (pauses, [0, 1000])):
        for block in blocks_in_time(X, starts):
            detector.partial_fit(block)
    assert follows.estimator_._reference.n_seen == 376
    assert pauses.estimator_._reference.n_seen == 2 * 176


def test_blocks_come_in_the_order_of_time(X):
    detector = SeriesDetector(Autoencoder(3, **FAST), window=25)
    first, second = blocks_in_time(X, [0, 199])
    message = (
        r"^X begins before the last block of the stream has ended. Give partial_fit "
        r"the blocks in the order of time, each row once.$"
    )
    with pytest.raises(ValueError, match=message):
        detector.partial_fit(first).partial_fit(second)


def test_a_block_may_be_missing(X):
    detector = SeriesDetector(Autoencoder(3, **FAST), window=25)
    detector.partial_fit(X[:200]).partial_fit(np.full((5, 2), np.nan))
    detector.partial_fit(X[200:400])
    assert detector.estimator_._reference.n_seen == 2 * 176
    assert np.isnan(detector.score_samples(np.full((5, 2), np.nan))).all()


def test_an_interrupted_block_leaves_the_model(X, monkeypatch):
    estimator = SGDOneClassSVM(random_state=0)
    detector = SeriesDetector(estimator, window=25).partial_fit(X[:400])
    before = detector.score_samples(X)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(SeriesDetector, "_set_threshold", interrupt)
    with pytest.raises(KeyboardInterrupt):
        detector.partial_fit(X[400:800])
    assert_array_equal(detector.score_samples(X), before)


# -- conventions


def test_pickle_and_repeatability(X, fitted):
    scores = fitted.score_samples(X)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).score_samples(X), scores)
    assert_array_equal(clone(fitted).fit(X).score_samples(X), scores)


def test_random_state_reaches_the_estimator(X):
    estimators = [
        SeriesDetector(make_pipeline(StandardScaler(), IsolationForest()), **options)
        .fit(X)
        .estimator_[-1]
        .random_state
        for options in ({"random_state": 3}, {"random_state": 3}, {})
    ]
    assert estimators[0] == estimators[1] is not None
    assert estimators[2] is None


def test_questions_draw_nothing(X):
    state = np.random.RandomState(0)
    detector = SeriesDetector(random_state=state)
    before = state.get_state()[2]
    assert hasattr(detector, "partial_fit")
    assert state.get_state()[2] == before


def test_failed_fit_leaves_things_as_they_were(X):
    detector = SeriesDetector(FOREST, window=25).fit(X)
    scores = detector.score_samples(X)
    with pytest.raises(ValueError, match="infinity"):
        detector.fit(np.where(X > 1, np.inf, X))
    assert_array_equal(detector.score_samples(X), scores)


def test_estimator_given_is_left_alone(X):
    forest = clone(FOREST)
    SeriesDetector(forest, window=25, random_state=5).fit(X)
    assert not hasattr(forest, "offset_")
    assert forest.random_state == 0
