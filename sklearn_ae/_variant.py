"""What a variant answers: the questions the base asks, and the usual answers."""

import math
from itertools import pairwise
from numbers import Integral

from . import _defaults
from ._anchor import principal_anchor
from ._fitting import leave_codes
from ._network import DENSE
from .training import CLEAN, MAX_FOLDS


class Variant:
    """Questions about one kind of autoencoder; only the first has no usual answer."""

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        """Return a stack of ``n_models`` networks for that many distinct rows."""
        raise NotImplementedError

    # What the kind of network asks for.
    _network_kind = DENSE

    # Where networks start, and how their codes are shown.
    _make_anchor = staticmethod(principal_anchor)
    _arrange_codes = staticmethod(leave_codes)

    # What prepares networks between their start and training, if anything does.
    _pretrain = None

    # Whether many fits can train as one stack of networks.
    _trains_in_stacks = False

    # Whether rows are corrupted in training.
    _is_corrupted = False

    # What the default number of epochs follows.
    _schedule = _defaults.SCHEDULE

    # Folds of a cross-fit, at most.
    _max_folds = MAX_FOLDS

    # Whether a network that cannot be judged, of few rows, stays at its start.
    _start_is_a_model = True

    @property
    def _takes_lengths(self):
        """Whether sequences may be of several lengths; columns are corrupted."""
        return self._network_kind.takes_lengths and not self._is_corrupted

    def _count_components(self, n_features):
        """Return the number of components, or the share of variance, asked for."""
        return self.n_components

    def _hidden_layer_sizes(self, n_distinct, n_features):
        """Return the widths of a dense encoder's hidden layers."""
        return ()

    def _step_flops(self, batch_size, n_features, n_distinct):
        """Return the operations of a step of a dense network; infinite of others."""
        if self._network_kind is not DENSE:
            return math.inf
        k = self._count_components(n_features)
        hidden = self._hidden_layer_sizes(n_distinct, n_features)
        sizes = n_features, *hidden, k if isinstance(k, Integral) else n_features
        weights = sum(left * right for left, right in pairwise(sizes))
        # Of encoder and decoder, a product and a sum; once forward, twice back.
        return 2 * 2 * 3 * batch_size * weights

    def _make_loss(self, scaling, metric):
        """Return the loss, in the units of a fit."""
        return self._network_kind.make_loss(scaling, metric)

    def _make_corruptions(self, source, weight):
        """Return how rows are corrupted in training and where models are judged."""
        return CLEAN

    def _explore(self, rows, weight, group, recipe):
        """Choose what "auto" comes to, where rows have to be tried for it."""

    def _make_callbacks(self, n_epochs):
        """Return callbacks of the variant's own, for a fit of so many epochs."""
        return []

    def _auto_learning_rate(self, n_distinct):
        """Return the learning rate that "auto" stands for."""
        return self._network_kind.learning_rate(n_distinct, self._is_corrupted)

    def _auto_weight_decay(self):
        """Return the weight decay that "auto" stands for."""
        return self._network_kind.weight_decay

    def _adapt(self, network):
        """Give a network that training goes on with the parameters as they are now."""
        return network

    def _check_rows(self, rows):
        """Refuse rows that the variant cannot describe."""
        self._network_kind.check_shape(self._row_shape)

    def _describe_codes(self, fitted):
        """Set what there is to say of the codes of the training rows."""

    def _describe_training(self, training):
        """Set what held-out rows said; fields are None where there were none."""

    def _fit_detector(self, fitted):
        """Learn what an outlier detector needs; estimators that are none, nothing."""
