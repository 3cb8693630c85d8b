"""What a training run is given, and what comes out of it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ._corruption import CLEAN, Corruptions
from ._judge import gate_of
from ._plan import Plan
from ._runtime import FULL


@dataclass(frozen=True)
class Settings:
    """How to train. Everything here is resolved: no "auto" is left.

    Attributes
    ----------
    max_epochs, batch_size, n_iter_no_change : int
    learning_rate, weight_decay : float or tuple of M floats
        One for all models of a stack, or one for each; the decay may be a tuple where
        the rate is one.
    beta2 : float
        What Adam keeps of the mean squared gradients at each step.
    products : {"full", "tf32", "bfloat16"}
        How matrix products are computed in training.
    batch_seed, noise_seed : int
        Seeds of the order of the rows, and of corruption and noise.
    dtype : torch dtype
    device : torch device
    callbacks : tuple
        skorch callbacks, copied before use.
    """

    max_epochs: int
    batch_size: int
    learning_rate: float | tuple
    weight_decay: float | tuple
    n_iter_no_change: int
    batch_seed: int
    dtype: torch.dtype
    device: torch.device
    callbacks: tuple = ()
    noise_seed: int = 0
    beta2: float = 0.999
    products: str = FULL


class Run(NamedTuple):
    """One network, or stack, and all it is trained with; as :func:`train` takes them.

    Attributes
    ----------
    network : torch module
    source : RowSource
    plan : Plan
    weight : ndarray of shape (n,)
    loss : torch module
    settings : Settings
    mean_row : ndarray of shape (n_features,) or None
    corruptions : Corruptions
    keys : ndarray of shape (n,) or None
    """

    network: torch.nn.Module
    source: object
    plan: Plan
    weight: np.ndarray
    loss: torch.nn.Module
    settings: Settings
    mean_row: np.ndarray | None = None
    corruptions: Corruptions = CLEAN
    keys: np.ndarray | None = None


class Judged(NamedTuple):
    """The held-out rows of runs, and whom they judge.

    Attributes
    ----------
    weight, group : ndarray of shape (n_held_out,)
    team_of_rows : ndarray of shape (n_held_out,)
    team : ndarray of shape (M,)
        Each run is a team.
    gate : float
    mean_row : ndarray of shape (n_features,) or None
    """

    weight: np.ndarray
    group: np.ndarray
    team_of_rows: np.ndarray
    team: np.ndarray
    gate: float
    mean_row: np.ndarray | None

    @classmethod
    def of(cls, runs):
        """Return those of runs in the order of their models."""
        rows = [run.plan.held_out_rows for run in runs]
        pairs = list(zip(runs, rows, strict=True))
        teams = np.arange(len(runs))
        return cls(
            weight=np.concatenate([run.weight[own] for run, own in pairs]),
            group=np.concatenate([run.plan.group[own] for run, own in pairs]),
            team_of_rows=np.repeat(teams, [len(own) for own in rows]),
            team=np.repeat(teams, [run.plan.n_models for run in runs]),
            gate=gate_of(runs[0].plan),
            mean_row=runs[0].mean_row,
        )


class Training(NamedTuple):
    """What came out of a run; by team of models, of which a single fit has one.

    Attributes
    ----------
    network : torch module
        The stack, with the weights that were kept.
    history : skorch History
    kept_epoch : ndarray of shape (n_teams,)
        The epoch of these weights; 0 is the start.
    improved : ndarray of shape (n_teams,) or None
        Whether held-out rows prefer them to the start; None if no rows were held out.
    start_loss, kept_loss : ndarray of shape (n_teams,) or None
        Held-out loss of the start, as the linear path alone has it, and of the kept
        weights.
    n_epochs : ndarray of shape (n_teams,) or None
        The epochs until each team had lost its patience, or all; None if no rows were
        held out.
    """

    network: torch.nn.Module
    history: list
    kept_epoch: np.ndarray
    improved: np.ndarray | None = None
    start_loss: np.ndarray | None = None
    kept_loss: np.ndarray | None = None
    n_epochs: np.ndarray | None = None
