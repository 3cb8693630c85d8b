"""What held-out rows decide: the epoch that is kept, when to stop, PCA or not."""

import numpy as np
import torch
from skorch.callbacks import Callback

from ..networks import restore, snapshot
from ._net import StopTraining
from ._rows import weighted_sum

# The mean gain must exceed this many of its standard errors. Few rows are cross-fitted,
# so that their gains share training rows and their standard error is too small. Many
# rows hardly need a gate: a few heavy ones make a real gain's standard error large.
GATE, FEW_ROWS_GATE = 0.5, 3.0


def gate_of(plan):
    """Return the standard errors by which a gain must exceed zero under a plan."""
    return FEW_ROWS_GATE if plan.is_cross_fitted else GATE


class Judge:
    """Weighs the errors of the held-out rows, by team of models.

    Models that are kept and stopped together are a team: all folds of a fit are one,
    each candidate of a search would be its own.

    Parameters
    ----------
    weight : ndarray of shape (n_held_out,)
    group : ndarray of shape (n_held_out,)
        Equal for rows of equal content.
    team : ndarray of shape (n_held_out,)
        The team that each row judges, from 0.
    scale : ndarray of shape (n_held_out,)
        Errors of the mean row. Losses are shares of them: 1 minus a loss is the R² of
        the held-out rows.
    gate : float
        Standard errors by which a gain must exceed zero.
    """

    def __init__(self, weight, group, team, scale, gate):
        self.weight = weight
        self.group = group
        self.team = team
        self.gate = gate
        scale = np.bincount(team, weight * scale)
        self.scale = np.where(scale > 0, scale, 1.0)

    def losses(self, errors):
        """Return the loss of each team, of shape (n_teams,)."""
        return np.bincount(self.team, self.weight * errors) / self.scale

    def prefers(self, errors, over):
        """Return by team whether ``errors`` are lower than ``over`` beyond doubt.

        The gain is paired by row. Rows of equal content count as one of their summed
        weight, so that repeating a row is no new evidence.
        """
        gains = over - errors
        return np.array(
            [
                self._exceeds_doubt(gains[rows], self.weight[rows], self.group[rows])
                for rows in (self.team == team for team in range(len(self.scale)))
            ]
        )

    def _exceeds_doubt(self, gains, weight, group):
        group = np.unique(group, return_inverse=True)[1]
        weight = weight / weight.sum()
        mass = np.bincount(group, weight)
        gains = np.bincount(group, weight * gains) / mass
        gain = weighted_sum(mass, gains)
        error = np.sqrt(weighted_sum(mass**2, (gains - gain) ** 2))
        return gain > self.gate * error


class KeepBest(Callback):
    """Remember the weights of the best epoch; stop when none has followed for long.

    Each team has its own best epoch and its own patience; training stops when all have
    lost it. In memory: files of a fixed name would collide between parallel fits.

    Parameters
    ----------
    judge : Judge
    start : ndarray of shape (n_held_out,)
        The rows' errors before the first epoch; the start is the first best.
    teams : ndarray of shape (M,)
        The team of each model.
    patience : int
        Number of epochs without improvement after which a team stops.
    """

    def __init__(self, judge, start, teams, patience):
        self.judge = judge
        self.start = start
        self.teams = teams
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Make the networks as they start the ones to beat."""
        self.errors = self.start.copy()
        self.losses = self.judge.losses(self.start)
        self.epochs = np.zeros(len(self.losses), dtype=int)
        self.active = np.ones(len(self.losses), dtype=bool)
        self.n_epochs = np.zeros(len(self.losses), dtype=int)
        self.trained = {
            name: parameter.detach()
            for name, parameter in net.module_.named_parameters()
            if parameter.requires_grad
        }
        self.start_weights = snapshot(net.module_)
        self.weights = dict(self.start_weights)

    def on_epoch_end(self, net, **kwargs):
        """Compare the epoch with the best so far."""
        epoch, losses = len(net.history), self.judge.losses(net.held_out_errors_)
        # NaN, if there is one, is the largest. A stopped team may end as it likes.
        net.check_loss(losses[self.active].max(), held_out=True)
        self.n_epochs[self.active] = epoch
        better = self.active & (losses < self.losses)
        if better.any():
            self._keep(better, epoch, net.held_out_errors_, self.trained)
        self.active &= epoch - self.epochs < self.patience
        if not self.active.any():
            raise StopTraining

    def _keep(self, teams, epoch, errors, weights):
        """Take over what some teams have reached."""
        rows, models = teams[self.judge.team], torch.from_numpy(teams[self.teams])
        self.errors = np.where(rows, errors, self.errors)
        self.losses = np.where(teams, self.judge.losses(errors), self.losses)
        self.epochs = np.where(teams, epoch, self.epochs)
        for name, tensor in weights.items():
            # Not by an index of the models: a GPU would have to tell how many they are.
            mine = models.to(tensor.device).view(-1, *[1] * (tensor.dim() - 1))
            self.weights[name] = torch.where(mine, tensor, self.weights[name])

    def settle(self, net):
        """Put the best weights back, or the start's where the gain is in doubt."""
        doubtful = ~self.judge.prefers(self.errors, over=self.start)
        self._keep(doubtful, 0, self.start, self.start_weights)
        restore(net.module_, self.weights)
