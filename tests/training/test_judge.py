import numpy as np
import pytest
import torch

from sklearn_ae.training import ReconstructionLoss, gate_of, make_plan
from sklearn_ae.training._judge import FEW_ROWS_GATE, GATE, Judge, KeepBest
from sklearn_ae.training._net import AutoencoderNet, StopTraining

PCA_ERRORS = np.ones(4)


def judge_of(n=4, gate=GATE, weight=None, group=None, team=None, scale=None):
    weight = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
    return Judge(
        weight,
        np.arange(n) if group is None else np.asarray(group),
        np.zeros(n, dtype=int) if team is None else np.asarray(team),
        np.ones(n) if scale is None else np.asarray(scale, dtype=float),
        gate,
    )


def gains_of(z, n=4):
    """Gains whose mean is ``z`` of its standard errors."""
    noise = np.resize([1.0, -1.0], n)
    return z / np.sqrt(n) + noise


class Run:
    """A net whose only weight is the number of the epoch."""

    check_loss = AutoencoderNet.check_loss
    _largest_loss = AutoencoderNet._largest_loss
    anneal_over = None
    criterion_ = ReconstructionLoss(np.ones(1))

    def __init__(self, losses, patience, gate=0.0):
        self.module_ = torch.nn.Linear(1, 1, bias=False)
        self.judge = judge_of(gate=gate)
        teams = np.array([0])
        self.callback = KeepBest(self.judge, PCA_ERRORS, teams, patience)
        self.epoch = 0
        self._set_weight()
        self.callback.on_train_begin(self)
        for loss in losses:
            self.epoch += 1
            self._set_weight()
            self.held_out_errors_ = np.full(4, loss)
            self.callback.on_epoch_end(self)

    def _set_weight(self):
        with torch.no_grad():
            self.module_.weight.fill_(self.epoch)

    @property
    def history(self):
        return range(self.epoch)

    def settled(self):
        self.callback.settle(self)
        return self.module_.weight.item()


# -- the judge


def test_the_loss_is_the_weighted_mean_error():
    judge = judge_of(weight=[1, 2, 3, 4])
    errors = np.array([4.0, 3.0, 2.0, 1.0])
    assert judge.losses(errors) == pytest.approx([20 / 10])


def test_the_loss_is_a_share_of_the_weighted_scale():
    judge = judge_of(weight=[1, 2, 3, 4], scale=[5, 6, 7, 8])
    errors = np.array([4.0, 3.0, 2.0, 1.0])
    assert judge.losses(errors) == pytest.approx([20 / (5 + 12 + 21 + 32)])
    assert judge.losses(judge.weight * 0 + [5, 6, 7, 8]) == pytest.approx([1])


def test_rows_that_do_not_vary_have_their_errors_as_loss():
    judge = judge_of(weight=[1, 2, 3, 4], scale=np.zeros(4))
    assert judge.losses(np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx([20])
    assert judge.losses(np.zeros(4)) == [0]


def test_each_team_has_the_loss_of_its_own_rows():
    judge = judge_of(weight=[1, 2, 3, 4], team=[1, 0, 1, 0], scale=[2, 3, 4, 5])
    errors = np.array([4.0, 3.0, 2.0, 1.0])
    assert judge.losses(errors) == pytest.approx([10 / 26, 10 / 14])


def test_each_team_prefers_by_its_own_rows():
    gains = np.concatenate([gains_of(1.1 * GATE), gains_of(0.9 * GATE), [0.1] * 4])
    # Rows of equal content in two teams are evidence for either.
    judge = judge_of(12, group=np.tile(np.arange(4), 3), team=np.repeat([2, 0, 1], 4))
    answer = judge.prefers(np.ones(12) - gains, over=np.ones(12))
    assert answer.tolist() == [False, True, True]


@pytest.mark.parametrize("gate", [GATE, FEW_ROWS_GATE, 0.5])
def test_a_gain_counts_beyond_the_gate(gate):
    judge = judge_of(gate=gate)
    assert judge.prefers(PCA_ERRORS - gains_of(1.01 * gate), over=PCA_ERRORS)
    assert not judge.prefers(PCA_ERRORS - gains_of(0.99 * gate), over=PCA_ERRORS)


def test_equal_errors_are_no_gain():
    assert not judge_of(gate=0).prefers(PCA_ERRORS, over=PCA_ERRORS)


def test_a_loss_is_no_gain():
    assert not judge_of().prefers(PCA_ERRORS + 0.1, over=PCA_ERRORS)


def test_gains_are_paired_by_row():
    # Rows whose errors differ by far more than the gain, which all of them share.
    over = np.array([1.0, 10.0, 100.0, 1000.0])
    assert judge_of().prefers(over - 0.01, over=over)


@pytest.mark.parametrize("z", [0.8, 1.2])
def test_repeating_rows_is_no_new_evidence(z):
    errors = PCA_ERRORS - gains_of(z * GATE)
    repeated = judge_of(400, group=np.repeat(np.arange(4), 100))
    answer = repeated.prefers(np.repeat(errors, 100), over=np.ones(400))
    assert answer.shape == (1,)
    assert answer == judge_of().prefers(errors, over=PCA_ERRORS)
    assert answer == (z > 1)


def test_more_distinct_rows_are_new_evidence():
    gain = gains_of(0.8 * GATE)
    errors = np.ones(400) - np.tile(gain, 100)
    assert judge_of(400).prefers(errors, over=np.ones(400))


@pytest.mark.parametrize("z", [0.5, 0.9, 1.1, 2])
def test_a_weight_is_a_number_of_repetitions(z):
    counts = np.array([1, 2, 3, 4])
    errors = PCA_ERRORS - gains_of(z * GATE)
    weighted = judge_of(weight=counts)
    repeated = judge_of(10, group=np.repeat(np.arange(4), counts))
    assert weighted.prefers(errors, over=PCA_ERRORS) == repeated.prefers(
        np.repeat(errors, counts), over=np.ones(10)
    )


def test_groups_may_be_any_labels():
    errors = PCA_ERRORS - gains_of(1.1 * GATE)
    assert judge_of(group=[70, 3, 10**9, 5]).prefers(errors, over=PCA_ERRORS)


def test_few_rows_need_more_evidence():
    assert FEW_ROWS_GATE >= GATE > 0


# -- the best epoch


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([0.9, 0.8, 0.7], 3),
        ([0.9, 0.5, 0.7], 2),
        ([0.5, 0.5, 0.5], 1),
        ([1.5, 0.9], 2),
        ([1.5, 1.2], 0),
        ([1.0, 1.0], 0),
        ([], 0),
    ],
)
def test_the_best_epoch_is_kept_and_restored(losses, best):
    run = Run(losses, patience=10)
    assert [run.settled()] == run.callback.epochs.tolist() == [best]
    assert run.callback.losses == min([1.0, *losses])
    assert run.callback.errors == pytest.approx(min([1.0, *losses]))


def test_a_doubtful_gain_is_given_back():
    run = Run([0.9], patience=10)
    run.judge.gate = GATE
    run.callback.errors = PCA_ERRORS - gains_of(0.9 * GATE)
    assert [run.settled()] == run.callback.epochs.tolist() == [0]
    assert run.callback.losses.tolist() == [1.0]
    np.testing.assert_array_equal(run.callback.errors, PCA_ERRORS)


def test_a_gain_beyond_doubt_is_kept():
    run = Run([0.9], patience=10)
    run.judge.gate = GATE
    run.callback.errors = PCA_ERRORS - gains_of(1.1 * GATE)
    assert [run.settled()] == run.callback.epochs.tolist() == [1]


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("improving", [0, 3])
def test_training_stops_when_patience_ends(patience, improving):
    losses = [0.9 - 0.1 * epoch for epoch in range(improving)]
    waited = losses + [2.0] * (patience - 1)
    Run(waited, patience)
    with pytest.raises(StopTraining):
        Run([*waited, 2.0], patience)


def test_an_improvement_renews_patience():
    Run([0.9, 2.0, 0.8, 2.0, 0.7, 2.0], patience=2)


def test_the_kept_weights_are_a_copy():
    run = Run([0.5], patience=10)
    with torch.no_grad():
        run.module_.weight.fill_(99)
    assert run.settled() == 1


# -- the best epoch of each team


class Teams:
    """A net of three models whose only weights are the number of the epoch.

    The first and the last model are team 1, the other is team 0; two rows judge each
    model.
    """

    check_loss = AutoencoderNet.check_loss
    _largest_loss = AutoencoderNet._largest_loss
    anneal_over = None
    criterion_ = ReconstructionLoss(np.ones(1))

    def __init__(self, losses, patience, gate=0.0):
        self.module_ = torch.nn.Linear(1, 3, bias=False)
        self.teams = np.array([1, 0, 1])
        self.judge = judge_of(6, gate=gate, team=np.repeat(self.teams, 2))
        self.callback = KeepBest(self.judge, np.ones(6), self.teams, patience)
        self.epoch = 0
        self.stopped = False
        self._set_weight()
        self.callback.on_train_begin(self)
        for loss in losses:
            self.epoch += 1
            self._set_weight()
            self.held_out_errors_ = np.array(loss)[self.judge.team]
            try:
                self.callback.on_epoch_end(self)
            except StopTraining:
                self.stopped = True
                return

    def _set_weight(self):
        with torch.no_grad():
            self.module_.weight.fill_(self.epoch)

    @property
    def history(self):
        return range(self.epoch)

    def settled(self):
        self.callback.settle(self)
        return self.module_.weight[:, 0].tolist()


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([(0.9, 0.8), (0.8, 0.9), (0.9, 0.7)], [2, 3]),
        ([(0.9, 1.8), (0.8, 1.9), (0.9, 1.7)], [2, 0]),
        ([(1.0, 0.8), (1.0, 0.8)], [0, 1]),
        ([], [0, 0]),
    ],
)
def test_each_team_keeps_its_own_best_epoch(losses, best):
    run = Teams(losses, patience=10)
    assert run.settled() == [best[1], best[0], best[1]]
    callback = run.callback
    assert callback.epochs.tolist() == best
    expected = np.min([(1.0, 1.0), *losses], axis=0)
    np.testing.assert_allclose(callback.losses, expected)
    np.testing.assert_allclose(callback.errors, expected[run.judge.team])


def test_a_team_out_of_patience_stays_frozen():
    # Team 0 would be better than ever after two epochs without improvement.
    losses = [(0.9, 0.9), (2.0, 0.8), (2.0, 0.7), (0.1, 0.6), (0.1, 0.5)]
    run = Teams(losses, patience=2)
    assert run.callback.active.tolist() == [False, True]
    assert not run.stopped
    assert run.settled() == [5, 1, 5]
    np.testing.assert_allclose(run.callback.losses, [0.9, 0.5])
    np.testing.assert_allclose(run.callback.errors, [0.5, 0.5, 0.9, 0.9, 0.5, 0.5])


def test_training_stops_when_all_teams_are_out_of_patience():
    losses = [(0.9, 0.9), (2.0, 0.8), (2.0, 0.9), (0.1, 0.9)]
    assert not Teams(losses[:3], patience=2).stopped
    run = Teams([*losses, (0.1, 0.1)], patience=2)
    assert run.stopped
    assert run.epoch == 4
    assert run.settled() == [2, 1, 2]


def test_a_doubtful_gain_of_one_team_is_given_back_by_it_alone():
    run = Teams([(0.9, 0.9)], patience=10)
    run.judge.gate = GATE
    run.callback.errors[2:4] = 1 - gains_of(0.9 * GATE, n=2)
    assert run.settled() == [1, 0, 1]
    assert run.callback.epochs.tolist() == [0, 1]
    np.testing.assert_allclose(run.callback.losses, [1.0, 0.9])
    np.testing.assert_array_equal(run.callback.errors[2:4], [1, 1])


# -- how much doubt there may be


@pytest.mark.parametrize(("n_rows", "gate"), [(50, FEW_ROWS_GATE), (1200, GATE)])
def test_cross_fitted_rows_must_gain_more(n_rows, gate):
    plan = make_plan(
        np.arange(n_rows),
        np.ones(n_rows),
        hold_out=True,
        validation_fraction=0.1,
        cross_fit=True,
    )
    assert plan.is_cross_fitted == (gate == FEW_ROWS_GATE)
    assert gate_of(plan) == gate
