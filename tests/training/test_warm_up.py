import pytest

from sklearn_ae.networks import Output
from sklearn_ae.training import PenaltyWarmUp, ReconstructionLoss
from sklearn_ae.training._loss import Batch

from .test_loss import D, M, N, draw


class Run:
    """A net whose epochs only count."""

    def __init__(self, n_epochs):
        self.criterion_ = ReconstructionLoss(draw(D, seed=9))
        self.history = []
        self.callback = PenaltyWarmUp(n_epochs)

    def share(self):
        """Begin an epoch, and return what the penalty counts in it."""
        self.history.append({})  # as skorch does before callbacks hear of it
        self.callback.on_epoch_begin(self)
        return self.criterion_.penalty_share


@pytest.mark.parametrize("n_epochs", [1, 2, 5])
def test_the_penalty_rises_from_nothing_to_all(n_epochs):
    run = Run(n_epochs)
    shares = [run.share() for _ in range(n_epochs + 3)]
    expected = [min(1, epoch / n_epochs) for epoch in range(n_epochs + 3)]
    assert shares == pytest.approx(expected)


def test_over_no_epochs_the_penalty_counts_from_the_start():
    assert Run(0).share() == 1


def test_the_whole_penalty_is_left_behind_where_training_ends_early():
    run = Run(10)
    run.share()
    assert run.criterion_.penalty_share < 1
    run.callback.on_train_end(run)
    assert run.criterion_.penalty_share == 1


def test_held_out_rows_are_judged_with_the_whole_penalty():
    run = Run(10)
    target = draw(N, D)
    output = Output(draw(M, N, D, seed=1), None, draw(M, N, seed=2))
    batch = Batch(target, target)
    whole, loss = (
        run.criterion_.row_errors(output, batch),
        run.criterion_(output, batch),
    )
    run.share()
    assert run.criterion_.row_errors(output, batch).equal(whole)
    assert run.criterion_(output, batch) < loss
