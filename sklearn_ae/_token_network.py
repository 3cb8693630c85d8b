"""The network of an autoencoder of tokens."""

import numpy as np
import torch

from . import _defaults
from ._sequence_network import SequenceNetwork
from ._tokens import TokenLayout
from .detection import fit_token_scorer
from .networks import TokenAutoencoder, TokenStart
from .training import Scaling, TokenLoss, blocks_of, dense_block


class TokenScaling(Scaling):
    """Rows of token numbers, which have no unit.

    Parameters
    ----------
    mean, std : ndarray of shape (n_features,)
        Zeros and ones.
    log_share : ndarray of shape (n_tokens,)
        Logarithm of each token's share of the training tokens.
    unit : float
        Mean over the training rows of minus the sum of these over their tokens.
    """

    def __init__(self, mean, std, log_share, unit):
        super().__init__(mean, std)
        self.log_share = log_share
        self.unit = unit

    def standardizer(self, dtype, device):
        """Return what makes a tensor of rows, as they are."""
        return lambda rows: torch.tensor(np.asarray(rows), dtype=dtype, device=device)

    def restore(self, rows):
        """Return rows as an array."""
        return rows.cpu().numpy().astype(np.float64)


class TokenNetwork(SequenceNetwork):
    """The network of :class:`SequenceAutoencoder` where it has tokens."""

    start_is_a_model = False
    auto_cell = _defaults.TOKEN_CELL
    full_batch = _defaults.TOKEN_BATCH_SIZE

    # Tokens, and how many are told apart; set by the estimator.
    tokens, max_tokens = "char", 2

    @property
    def layout(self):
        """How users hold texts."""
        return TokenLayout(self.tokens, self.max_tokens)

    def branches(self, row_shape, n_distinct, is_corrupted=False):
        """Return the arguments of the network beside its sizes.

        Parameters
        ----------
        row_shape : TokenShape
        n_distinct : int
            Distinct training sequences.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        branches : dict of plain values
        """
        branches = super().branches(row_shape, n_distinct, is_corrupted)
        if isinstance(self.hidden_layer_sizes, str):
            branches["hidden_layer_sizes"] = _defaults.TOKEN_LAYERS
        branches["n_blocks"] = branches.pop("n_places")
        for name in ("kind", "n_channels"):
            del branches[name]
        return branches

    def _auto_layers(self, kind, n_steps):
        # Blocks are put together by dense layers: cells need not see further.
        n_layers = super()._auto_layers(kind, n_steps)
        return min(n_layers, _defaults.TOKEN_CONVOLUTIONS)

    def schedule(self, usual, n_batches):
        """Return what the default number of epochs follows.

        Parameters
        ----------
        usual : Schedule
            Not used.
        n_batches : int
            Batches of an epoch.

        Returns
        -------
        schedule : Schedule
        """
        return _defaults.TOKEN_SCHEDULE

    def grid_shape(self, row_shape):
        """Return None: token numbers that differ by one are no neighbours.

        Parameters
        ----------
        row_shape : TokenShape
        """

    def fit_scaling(self, X, weight, row_shape):
        """Return the tokens' shares; no column varies in a unit.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        weight : ndarray of shape (n,)
            Above zero.
        row_shape : TokenShape

        Returns
        -------
        scaling : TokenScaling
        variance : ndarray of shape (n_features,)
        """
        counts, n_columns = np.zeros(row_shape.n_tokens), X.shape[1]
        for block in blocks_of(*X.shape):
            rows = np.rint(dense_block(X, block)).astype(int)
            inside = np.arange(n_columns - 1) < rows[:, -1:]
            each = np.broadcast_to(weight[block, None], inside.shape)
            counts += np.bincount(
                rows[:, :-1][inside], each[inside], minlength=row_shape.n_tokens
            )
        # A token that was never seen counts half an occurrence.
        share = np.maximum(counts, 0.5 * weight.mean())
        log_share = np.log(share / share.sum())
        unit = -float(counts @ log_share) / weight.sum()
        mean, std = np.zeros(n_columns), np.ones(n_columns)
        # Nothing has a variance: raw codes then are shown as they are.
        return TokenScaling(mean, std, log_share, unit), np.zeros(n_columns)

    def make_loss(self, scaling, metric):
        """Return the cross-entropy of tokens.

        Parameters
        ----------
        scaling : TokenScaling
        metric : Metric

        Returns
        -------
        loss : torch module
        """
        return TokenLoss(scaling.log_share, np.float64(scaling.unit or 1.0))

    def anchor_of(self, make_anchor, row_shape):
        """Return what makes the start: the tokens' shares, and no linear path.

        Parameters
        ----------
        make_anchor : callable
            Not used.
        row_shape : TokenShape

        Returns
        -------
        make_anchor : callable
        """

        def start_of(problem):
            log_share = torch.from_numpy(problem.scaling.log_share)
            n_components = problem.n_components
            shape = len(problem.weights), problem.source.n_features, n_components
            return TokenStart(torch.zeros(shape), log_share)

        return start_of

    def make_network(self, row_shape, **arguments):
        """Return a stack of networks.

        Parameters
        ----------
        row_shape : TokenShape
        **arguments : dict
            Of :class:`TokenAutoencoder`, but for the number of tokens.

        Returns
        -------
        network : torch module
        """
        branches = arguments.pop("branches")
        return TokenAutoencoder(n_tokens=row_shape.n_tokens, **arguments, **branches)

    def fit_scorer(self, fitted, network, index, trim="auto"):
        """Return what an outlier detector learns from a fit.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        network : torch module
            The final model, or that of a fold.
        index : ndarray of int
            Positions of the rows it has seen.
        trim : "auto" or float, default="auto"
            Share of the rows, the farthest ones, that the score leaves out.

        Returns
        -------
        scorer : TokenScorer
        """
        return fit_token_scorer(fitted, network, index, trim)
