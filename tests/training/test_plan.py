from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sklearn_ae.training import (
    _plan,
    _rows,
    content_ranks,
    make_plan,
    row_keys,
    rows_by_weight,
)

FEW, MANY = 200, 2 * _plan.FEW_ROWS


def draw(n_rows, n_features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def plan_of(X, weight=None, seed=0, **changes):
    weight = np.ones(X.shape[0]) if weight is None else weight
    asked = {
        "hold_out": True,
        "validation_fraction": 0.1,
        "cross_fit": True,
        **changes,
    }
    return make_plan(content_ranks(X, seed), weight, **asked)


def judge_of_each_row(plan):
    """The model by which each row is held out; -1 for none."""
    judge = np.full(len(plan.group), -1)
    for model, rows in enumerate(plan.held_out):
        judge[rows] = model
    return judge


# -- many rows: one model, one held-out share


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_the_held_out_share_is_the_fraction_asked_for(fraction):
    plan = plan_of(draw(MANY), validation_fraction=fraction)
    assert not plan.is_cross_fitted
    assert len(plan.held_out_rows) == round(fraction * MANY)


def test_a_model_does_not_see_the_rows_that_judge_it():
    weight = np.random.default_rng(0).uniform(1, 2, size=MANY)
    plan = plan_of(draw(MANY), weight)
    judges = judge_of_each_row(plan) >= 0
    assert not plan.train_weight[0, judges].any()
    np.testing.assert_array_equal(plan.train_weight[0, ~judges], weight[~judges])


def test_the_anchor_of_a_single_model_is_the_pca_of_all_rows():
    weight = np.random.default_rng(0).uniform(1, 2, size=MANY)
    np.testing.assert_array_equal(plan_of(draw(MANY), weight).anchor_weight, [weight])


def test_few_rows_can_be_held_out_without_cross_fitting():
    plan = plan_of(draw(FEW), cross_fit=False)
    assert plan.n_models == 1
    assert len(plan.held_out_rows) == FEW // 10


def test_at_least_one_row_is_held_out():
    plan = plan_of(draw(FEW), cross_fit=False, validation_fraction=1e-6)
    assert len(plan.held_out_rows) == 1


@pytest.mark.parametrize("n_rows", [20, FEW])
def test_at_least_one_row_is_trained_on(n_rows):
    plan = plan_of(draw(n_rows), cross_fit=False, validation_fraction=1 - 1e-6)
    assert plan.train_weight.any()
    assert len(plan.held_out_rows) == n_rows - 1


def test_at_least_one_distinct_row_is_trained_on():
    X = np.repeat(draw(20), 3, axis=0)
    plan = plan_of(X, cross_fit=False, validation_fraction=1 - 1e-6)
    assert plan.train_weight.sum() == 3


@pytest.mark.parametrize("n_rows", [FEW, MANY])
def test_nothing_is_held_out_unless_asked(n_rows):
    weight = np.random.default_rng(0).uniform(1, 2, size=n_rows)
    plan = plan_of(draw(n_rows), weight, hold_out=False)
    assert len(plan.held_out_rows) == 0
    np.testing.assert_array_equal(plan.train_weight, [weight])


# -- few rows: cross-fitted


@pytest.mark.parametrize(
    ("fraction", "n_folds"), [(0.1, 10), (0.2, 5), (0.33, 3), (0.5, 2), (0.9, 2)]
)
def test_few_rows_are_cross_fitted(fraction, n_folds):
    plan = plan_of(draw(FEW), validation_fraction=fraction)
    assert plan.is_cross_fitted
    assert plan.n_models == n_folds + 1
    assert plan.final == n_folds
    sizes = [len(rows) for rows in plan.held_out[:-1]]
    assert max(sizes) - min(sizes) <= 1


def test_every_row_is_held_out_once_and_the_final_model_sees_all():
    weight = np.random.default_rng(0).uniform(1, 2, size=FEW)
    plan = plan_of(draw(FEW), weight)
    assert sorted(plan.held_out_rows) == list(range(FEW))
    assert len(plan.held_out[plan.final]) == 0
    np.testing.assert_array_equal(plan.train_weight[plan.final], weight)


def test_each_fold_model_sees_all_rows_but_its_own():
    plan = plan_of(draw(FEW))
    for model, rows in enumerate(plan.held_out):
        unseen = np.flatnonzero(plan.train_weight[model] == 0)
        np.testing.assert_array_equal(unseen, rows)
    np.testing.assert_array_equal(plan.anchor_weight, plan.train_weight)


def test_no_fold_is_empty_when_rows_are_fewer_than_folds():
    plan = plan_of(draw(_plan.MIN_ROWS + 1), validation_fraction=0.01)
    assert all(len(rows) == 1 for rows in plan.held_out[:-1])


@pytest.mark.parametrize(
    ("n_distinct", "holds_out"), [(_plan.MIN_ROWS - 1, False), (_plan.MIN_ROWS, True)]
)
def test_distinct_rows_decide_whether_there_are_enough(n_distinct, holds_out):
    plan = plan_of(np.repeat(draw(n_distinct), 30, axis=0))
    assert (len(plan.held_out_rows) > 0) == holds_out


@pytest.mark.parametrize(
    ("n_distinct", "few"), [(_plan.FEW_ROWS - 1, True), (_plan.FEW_ROWS, False)]
)
def test_distinct_rows_decide_whether_they_are_few(n_distinct, few):
    assert plan_of(np.repeat(draw(n_distinct), 2, axis=0)).is_cross_fitted == few


def test_there_are_at_most_so_many_folds():
    plan = plan_of(draw(FEW), validation_fraction=0.001)
    assert plan.n_models == _plan.MAX_FOLDS + 1
    sizes = [len(rows) for rows in plan.held_out[:-1]]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("n_rows", [5, FEW, MANY])
@pytest.mark.parametrize("hold_out", [True, False])
def test_all_models_of_a_plan_are_one_team(n_rows, hold_out):
    plan = plan_of(draw(n_rows), hold_out=hold_out)
    assert plan.team.tolist() == [0] * plan.n_models
    assert plan.team_of_rows.tolist() == [0] * len(plan.held_out_rows)


def test_held_out_rows_judge_the_team_of_their_model():
    plan = plan_of(draw(FEW), validation_fraction=0.33)
    plan = replace(plan, team=np.array([1, 0, 2, 1]))
    judge = judge_of_each_row(plan)
    np.testing.assert_array_equal(
        plan.team_of_rows, plan.team[judge[plan.held_out_rows]]
    )


# -- keyed by content


@pytest.mark.parametrize("n_rows", [FEW, MANY])
def test_permuted_rows_have_the_permuted_plan(n_rows):
    X = draw(n_rows)
    order = np.random.default_rng(1).permutation(n_rows)
    plan, permuted = plan_of(X), plan_of(X[order])
    np.testing.assert_array_equal(
        judge_of_each_row(permuted), judge_of_each_row(plan)[order]
    )
    np.testing.assert_array_equal(permuted.group, plan.group[order])


@pytest.mark.parametrize("n_rows", [FEW, MANY])
def test_repeated_rows_share_a_side_and_move_no_other(n_rows):
    X = draw(n_rows)
    plan, doubled = plan_of(X), plan_of(np.vstack([X, X[::-1], X]))
    judge = judge_of_each_row(plan)
    np.testing.assert_array_equal(
        judge_of_each_row(doubled), np.concatenate([judge, judge[::-1], judge])
    )


def test_groups_are_the_distinct_rows():
    X = draw(30)
    group = plan_of(np.vstack([X, X])).group
    np.testing.assert_array_equal(group[:30], group[30:])
    assert sorted(group[:30]) == list(range(30))


def test_seeds_give_different_plans_and_repeat():
    X = draw(FEW)
    judges = [judge_of_each_row(plan_of(X, seed=seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(judges[0], judges[1])
    assert (judges[0] != judges[2]).any()


def test_the_held_out_share_does_not_follow_the_values():
    # Sorted rows, or rows of small integers, must not all land on one side.
    X = np.arange(MANY, dtype=float)[:, None]
    held_out = plan_of(X, validation_fraction=0.5).held_out_rows
    assert abs(held_out.mean() - MANY / 2) < 4 * MANY / np.sqrt(12 * MANY / 2)
    odd = np.mean(held_out % 2)
    assert abs(odd - 0.5) < 4 * 0.5 / np.sqrt(MANY / 2)


# -- keys


def test_zero_has_no_sign():
    X = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0]])
    keys = row_keys(X, 0)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        sparse.csr_matrix,
        sparse.csr_array,
        lambda X: X[::-1][::-1],
    ],
    ids=["float32", "fortran", "sparse", "sparse array", "strided"],
)
def test_keys_follow_the_values_and_not_what_holds_them(wrap):
    X = draw(50).astype(np.float32).astype(np.float64)
    X[::7] = 0
    np.testing.assert_array_equal(row_keys(wrap(X), 0), row_keys(X, 0))


def test_keys_do_not_depend_on_blocks(monkeypatch):
    X = draw(50)
    whole = row_keys(X, 0)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    np.testing.assert_array_equal(row_keys(X, 0), whole)


def integers():
    """100 000 distinct rows of small integers."""
    digits = np.arange(100_000)[:, None] // 10 ** np.arange(5) % 10
    return digits.astype(float)


def bits():
    """2^17 distinct rows of zeros and ones."""
    return (np.arange(2**17)[:, None] >> np.arange(17) & 1).astype(float)


def single_precision():
    return draw(100_000, 2).astype(np.float32)


def tiny_steps():
    """One column whose values differ in their last bits only."""
    return (1 + np.arange(100_000) * 2.0**-52)[:, None]


@pytest.mark.parametrize(
    "make", [lambda: draw(100_000), integers, bits, single_precision, tiny_steps]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_distinct_rows_have_distinct_keys(make, seed):
    X = make()
    assert len(np.unique(row_keys(X, seed))) == len(X)


def test_the_order_of_the_columns_matters():
    X = draw(100)
    assert not np.isin(row_keys(X[:, ::-1], 0), row_keys(X, 0)).any()


@pytest.mark.parametrize("make", [lambda: draw(100_000), bits, tiny_steps])
def test_keys_are_spread_evenly(make):
    keys = row_keys(make(), 0)
    for shift in (0, 30, 60):
        counts = np.bincount((keys >> np.uint64(shift)) & np.uint64(15), minlength=16)
        expected = len(keys) / 16
        assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.parametrize("value", [1.0, -7.5, 0.0])
def test_no_row_is_held_out_by_every_seed(value):
    X = draw(50)
    X[0] = value
    held_out = [
        0 in plan_of(X, cross_fit=False, seed=seed).held_out_rows for seed in range(60)
    ]
    assert any(held_out)
    assert not all(held_out)


# -- rows picked by their weight


@pytest.mark.parametrize("n_picks", [1, 7, 50, 1000])
def test_a_weight_is_a_number_of_repetitions_to_picks(n_picks):
    X, counts = draw(50), np.random.default_rng(1).integers(1, 4, size=50)
    group = content_ranks(X, 0)
    weighted = X[rows_by_weight(counts.astype(float), group, n_picks)]
    repeated = np.repeat(X, counts, axis=0)
    picks = rows_by_weight(np.ones(len(repeated)), np.repeat(group, counts), n_picks)
    np.testing.assert_array_equal(weighted, repeated[picks])


def test_rows_are_picked_as_often_as_they_weigh():
    weight = np.random.default_rng(1).uniform(0, 3, size=50)
    weight[:5] = 0
    picks = rows_by_weight(weight, content_ranks(draw(50), 0), 10_000)
    counts = np.bincount(picks, minlength=50)
    np.testing.assert_allclose(counts, 10_000 * weight / weight.sum(), atol=1)
    assert not counts[:5].any()


def test_picks_follow_contents_and_not_the_order_of_the_rows():
    X, order = draw(50), np.random.default_rng(1).permutation(50)
    ones = np.ones(50)
    picks = X[rows_by_weight(ones, content_ranks(X, 0), 13)]
    permuted = X[order][rows_by_weight(ones, content_ranks(X[order], 0), 13)]
    np.testing.assert_array_equal(picks, permuted)


def test_as_many_picks_as_rows_are_all_rows():
    picks = rows_by_weight(np.ones(50), content_ranks(draw(50), 0), 50)
    assert sorted(picks) == list(range(50))


@pytest.mark.parametrize("scale", [1e-9, 3.0, 1e9])
def test_only_the_ratio_of_weights_counts_for_picks(scale):
    weight = np.random.default_rng(1).uniform(size=50)
    group = content_ranks(draw(50), 0)
    np.testing.assert_array_equal(
        rows_by_weight(weight, group, 200), rows_by_weight(scale * weight, group, 200)
    )
