import numpy as np
import pytest

from sklearn_ae.detection._threshold import threshold_at_most, threshold_nearest

BOTH = pytest.mark.parametrize("threshold", [threshold_at_most, threshold_nearest])


def share_below(scores, weight, offset):
    return weight[scores < offset].sum() / weight.sum()


def draw(n, seed=0):
    return -(np.random.default_rng(seed).normal(size=n) ** 2)


@BOTH
@pytest.mark.parametrize("n", [20, 100, 300, 999])
@pytest.mark.parametrize("share", [0.05, 0.1, 1 / 3, 0.5])
def test_the_share_is_exact_where_the_number_of_rows_lets_it(threshold, n, share):
    scores = draw(n)
    n_below = round(share * n)
    offset = threshold(scores, np.ones(n), n_below / n)
    assert (scores < offset).sum() == n_below


@BOTH
@pytest.mark.parametrize("n_below", range(1, 9))
def test_rounding_of_the_weights_does_not_cost_a_row(threshold, n_below):
    scores = draw(10)
    offset = threshold(scores, np.full(10, 0.1), n_below / 10)
    assert (scores < offset).sum() == n_below


@pytest.mark.parametrize("n", [2, 7, 10, 33, 101])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_at_most_never_exceeds_the_share(n, share):
    scores, weight = draw(n), np.random.default_rng(1).uniform(0.1, 3, size=n)
    offset = threshold_at_most(scores, weight, share)
    below = share_below(scores, weight, offset)
    assert below <= share
    one_more = weight[np.argsort(scores)[: (scores < offset).sum() + 1]].sum()
    assert one_more / weight.sum() > share


@pytest.mark.parametrize("n", [2, 7, 10, 33, 101])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.1, 0.3, 0.5])
def test_nearest_is_as_near_as_can_be(n, share):
    scores, weight = draw(n), np.random.default_rng(1).uniform(0.1, 3, size=n)
    below = share_below(scores, weight, threshold_nearest(scores, weight, share))
    possible = np.cumsum(weight[np.argsort(scores)])[:-1] / weight.sum()
    assert abs(below - share) == pytest.approx(np.abs(possible - share).min())
    assert below > 0


@BOTH
def test_the_threshold_lies_midway(threshold):
    assert threshold(np.array([-4.0, -1, -10, -2]), np.ones(4), 0.25) == -7


@BOTH
@pytest.mark.parametrize("permutation", [0, 1, 2])
def test_the_order_of_the_rows_does_not_matter(threshold, permutation):
    scores, weight = draw(50), np.random.default_rng(1).uniform(0.1, 3, size=50)
    order = np.random.default_rng(permutation).permutation(50)
    assert threshold(scores[order], weight[order], 0.2) == pytest.approx(
        threshold(scores, weight, 0.2), rel=1e-12
    )


@BOTH
def test_a_weight_is_a_number_of_repetitions(threshold):
    scores, counts = draw(50), np.random.default_rng(1).integers(1, 5, size=50)
    repeated = np.repeat(scores, counts)
    assert threshold(scores, counts.astype(float), 0.2) == threshold(
        repeated, np.ones(len(repeated)), 0.2
    )


@BOTH
def test_ties_stay_on_one_side(threshold):
    scores = np.array([-9.0, -5, -5, -5, -1, -1, -1, -1, -1, -1])
    jitter = 1e-13 * np.arange(10)
    offset = threshold(scores + jitter, np.ones(10), 0.2)
    assert offset == pytest.approx(-7)


def test_nearest_passes_ties_where_that_is_nearer():
    scores = np.array([-9.0, -5, -5, -5, -1, -1, -1, -1, -1, -1])
    assert threshold_nearest(scores, np.ones(10), 0.3) == -3
    assert threshold_at_most(scores, np.ones(10), 0.3) == -7


@BOTH
@pytest.mark.parametrize(
    "scores", [[-3.0], [0.0], [-3.0, -3.0], [0.0, 0.0], [-1e300] * 5], ids=str
)
def test_rows_that_are_all_tied_are_inliers(threshold, scores):
    scores = np.array(scores)
    offset = threshold(scores, np.ones(len(scores)), 0.5)
    assert np.isfinite(offset)
    assert (scores > offset).all()


def test_of_two_rows_the_lower_one_can_be_an_outlier():
    scores = np.array([-1.0, -3.0])
    assert threshold_at_most(scores, np.ones(2), 0.5) == -2
    assert threshold_nearest(scores, np.ones(2), 0.1) == -2


def test_fewer_rows_than_the_share_asks_for_are_all_inliers():
    scores = draw(10)
    assert (scores > threshold_at_most(scores, np.ones(10), 0.05)).all()


def test_nearest_leaves_one_row_below_however_small_the_share():
    scores = draw(10)
    assert (scores < threshold_nearest(scores, np.ones(10), 1e-6)).sum() == 1


@BOTH
def test_a_row_far_beyond_all_others_does_not_tie_them(threshold):
    scores = np.append(draw(99), -1e15)
    assert (scores < threshold(scores, np.ones(100), 0.1)).sum() == 10


@BOTH
def test_the_scores_are_left_as_they_are(threshold):
    scores = draw(10)
    before = scores.copy()
    threshold(scores, np.ones(10), 0.2)
    np.testing.assert_array_equal(scores, before)
