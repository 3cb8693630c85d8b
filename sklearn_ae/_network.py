"""Kinds of networks, as a choice of any estimator: what each asks of rows and fits."""

from numbers import Integral

import numpy as np

from . import _defaults
from ._compat import StrOptions
from ._inputs import TableLayout
from .detection import fit_mahalanobis
from .networks import AnchoredAutoencoder
from .training import (
    MAX_FOLDS,
    WIDE_BATCH,
    ReconstructionLoss,
    fit_scaling,
    threads_for,
)

# Rows of a table that are read at once after a fit: what the layers make of them stays
# in a core's own cache.
BLOCK_SIZE = 1024


class NetworkKind:
    """What follows from the kind of network, whatever it is trained for.

    The answers here are those of dense networks, whose rows are those of a table.
    """

    # How users hold the data; see ``TableLayout``.
    layout = TableLayout()

    # Parameters that shape the network, which a fit that goes on cannot change.
    structural = ()

    # Whether sequences may be of several lengths.
    takes_lengths = True

    # Whether the untrained network is a model, which training may not improve on.
    start_is_a_model = True

    # Folds of a cross-fit, at most.
    max_folds = MAX_FOLDS

    # Rows read at once after a fit, and whether fewer are filled up with zeros.
    block_size = BLOCK_SIZE
    fills_blocks = False

    # Rows per step and learning rate, at most, and weight decay of AdamW.
    full_batch = _defaults.BATCH_SIZE
    full_rate = _defaults.LEARNING_RATE
    weight_decay = 0.0

    # Cells of a batch from which two CPU threads share the work.
    cells_for_two_threads = WIDE_BATCH

    # Whether rows have columns that distances between them add up.
    has_neighbors = False

    # How an outlier detector learns from a fit where it asks for no neighbours.
    fit_scorer = staticmethod(fit_mahalanobis)

    def check(self):
        """Check the parameters, where the kind has any."""

    def check_shape(self, row_shape):
        """Refuse rows of a shape that the network cannot take.

        Parameters
        ----------
        row_shape : tuple of int
            Of a row.
        """

    def branches(self, row_shape, n_distinct, is_corrupted=False):
        """Return what a network's branches are made of, as plain values, or None."""

    def grid_shape(self, row_shape):
        """Return the shape of a row whose values are neighbours, or None."""

    def fit_scaling(self, X, weight, row_shape):
        """Return the ``Scaling`` of training rows, and the variance of each column."""
        return fit_scaling(X, weight)

    def batch_size(self, n_rows):
        """Return the batch size that "auto" stands for.

        Parameters
        ----------
        n_rows : int
            Training rows.

        Returns
        -------
        batch_size : int
        """
        return min(self.full_batch, n_rows)

    def anchor_of(self, make_anchor, row_shape):
        """Return what makes the linear path of rows of a shape.

        Parameters
        ----------
        make_anchor : callable
            Makes it of rows as they are.
        row_shape : tuple of int
            Of a row.

        Returns
        -------
        make_anchor : callable
        """
        return make_anchor

    def make_loss(self, scaling, metric):
        """Return the loss of an autoencoder that asks for no other.

        Parameters
        ----------
        scaling : Scaling
            The units of the rows inside the network.
        metric : Metric
            The units in which errors count.

        Returns
        -------
        loss : torch module
        """
        return ReconstructionLoss(metric.column_weight)

    def make_network(self, row_shape, **arguments):
        """Return a stack of networks for rows of a shape.

        Parameters
        ----------
        row_shape : tuple of int
            Of a row.
        **arguments : dict
            Of ``AnchoredAutoencoder``.

        Returns
        -------
        network : torch module
        """
        return AnchoredAutoencoder(**arguments)

    def learning_rate(self, n_distinct, is_corrupted):
        """Return the learning rate that "auto" stands for.

        Parameters
        ----------
        n_distinct : int
            Distinct training rows.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        learning_rate : float
        """
        return _defaults.learning_rate_for(n_distinct, self.full_rate)

    def beta2(self, is_corrupted):
        """Return what Adam keeps of the mean squared gradients at each step.

        Parameters
        ----------
        is_corrupted : bool
            Whether rows are corrupted in training.

        Returns
        -------
        beta2 : float
        """
        return _defaults.BETA2

    def schedule(self, usual, n_batches):
        """Return what the default number of epochs follows.

        Parameters
        ----------
        usual : Schedule
            What it follows with dense networks.
        n_batches : int
            Batches of an epoch.

        Returns
        -------
        schedule : Schedule
        """
        return usual

    def n_threads(self, batch_size, n_features):
        """Return the CPU threads for batches of this shape.

        Parameters
        ----------
        batch_size, n_features : int
            Rows of a batch, and values of a row.

        Returns
        -------
        n_threads : int
            1 or 2.
        """
        return threads_for(batch_size, n_features, self.cells_for_two_threads)


class DenseKind(NetworkKind):
    """Dense networks, for rows of tables."""

    has_neighbors = True


DENSE = DenseKind()


def layer_sizes(sizes):
    """Return the widths of hidden layers as a tuple; an int is one layer."""
    return tuple(int(size) for size in np.atleast_1d(np.asarray(sizes, dtype=int)))


def check_layer_sizes(sizes):
    """Refuse what are no widths of hidden layers."""
    if isinstance(sizes, (str, Integral)):
        return
    if any(not isinstance(size, Integral) or size < 1 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes={sizes!r} must be 'auto' or hold positive "
            "integers, one per hidden layer of the encoder, such as (256, 128)."
        )


class NetworkChoiceMixin:
    """The kind of network, as a parameter.

    Parameters
    ----------
    network : "dense", ConvolutionalNetwork or SequenceNetwork, default="dense"
        Kind of network. "dense" is for rows of a table; others are given as objects
        with parameters of their own, which take the place of the dense network's.
    """

    network: str | NetworkKind = "dense"

    _parameter_constraints = {"network": [StrOptions({"dense"}), NetworkKind]}

    @property
    def _network_kind(self):
        return DENSE if isinstance(self.network, str) else self.network


class OwnNetworkMixin:
    """An estimator that has the parameters of one kind of network as its own.

    A subclass names the kind as ``_kind``.
    """

    @property
    def _network_kind(self):
        names = self._kind().get_params(deep=False)
        return self._kind(**{name: getattr(self, name) for name in names})

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        kind, shape = self._network_kind, self._row_shape
        return kind.make_network(
            shape,
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            branches=kind.branches(shape, n_distinct, self._is_corrupted),
        )
