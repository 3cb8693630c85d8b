"""What an estimator with a sparse code answers, and tells of its units."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import _defaults
from ._dictionary import dictionary_start
from ._streaming import as_fitted
from ._usage import input_importances, unit_usage
from .networks import DictionaryAutoencoder
from .training import PenaltyWarmUp, ReviveUnits, first

# Share of the epochs over which the penalty rises.
WARM_UP = 0.1


class SparsityMixin:
    """The units of a dictionary, and how rows use them.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The atoms, of unit norm. After :meth:`fit`, a reconstruction is ``mean_ +
        transform(X) @ components_``; with "kl" the atoms hold the gain of the units,
        and the codes count from ``target_activation``. With ``standardize=True``, in
        standard deviations of each column.
    activation_frequency_ : ndarray of shape (n_components,)
        Share of the training rows in which each unit is active: above zero, or, with
        "kl", above twice its target.
    mean_activation_ : ndarray of shape (n_components,)
        Mean of each unit's codes over the training rows.
    mean_active_ : float
        Mean number of active units per row.
    n_dead_ : int
        Number of units that no training row activates.
    feature_importances_ : ndarray of shape (n_features,)
        Of what the code tells of a column from the other columns, each column's share:
        held-out rows are encoded with the column masked, and what comes back in it is
        compared with what it was. Noise comes to nothing; so does a column that no
        other says anything about.
    validation_loss_ : float or None
        Loss on held-out rows, 1 minus R² plus the penalty; None if there were none.
    """

    _start_is_a_model = False
    _takes_lengths = False
    _schedule = _defaults.SPARSE_SCHEDULE

    # There is no PCA to be told from a gain in doubt: a few folds settle the epoch.
    _max_folds = 4

    def _check_rows(self, rows):
        super()._check_rows(rows)
        n_units = self._count_components(rows.shape[1])
        if not isinstance(self.n_active, str) and self.n_active > n_units:
            raise ValueError(
                f"n_active={self.n_active} must not exceed the number of units, "
                f"n_components={n_units}. Lower n_active, or raise n_components."
            )

    def _count_components(self, n_features):
        if isinstance(self.n_components, str):
            return min(2 * n_features, _defaults.SPARSE_COMPONENTS)
        return self.n_components

    def _count_active(self, n_features, n_components):
        if isinstance(self.n_active, str):
            return min(max(1, round(n_features**0.5)), n_components)
        return int(self.n_active)

    def _auto_learning_rate(self, n_distinct):
        return _defaults.sparse_learning_rate_for(n_distinct, self.penalty)

    def _auto_weight_decay(self):
        # At these learning rates any decay would be that of the atoms.
        return 0.0

    def _adapt(self, network):
        network.penalty_weight = self._weigh_penalty()
        network.arguments["penalty_weight"] = network.penalty_weight
        return network

    def _weigh_penalty(self):
        weight = self.penalty_weight
        if isinstance(weight, str):
            weight = _defaults.PENALTY_WEIGHTS.get(self.penalty, 0.0)
        return float(weight)

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        return DictionaryAutoencoder(
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            branches=self._network_kind.branches(
                self._row_shape, n_distinct, self._is_corrupted
            ),
            penalty=self.penalty,
            n_active=self._count_active(n_features, n_components),
            penalty_weight=self._weigh_penalty(),
            target_activation=float(self.target_activation),
        )

    def _make_anchor(self, problem):
        n_active = self._count_active(problem.source.n_features, problem.n_components)
        return dictionary_start(
            problem,
            penalty=self.penalty,
            n_active=n_active,
            target_activation=self.target_activation,
        )

    def _make_callbacks(self, n_epochs):
        if self.penalty == "topk":
            return [ReviveUnits()]
        if self.penalty == "l1":
            return [PenaltyWarmUp(round(WARM_UP * n_epochs)), ReviveUnits()]
        return []  # the penalty of "kl" keeps units from being idle

    @staticmethod
    def _arrange_codes(fitted):
        fitted.network.show_codes_in(fitted.metric.code_unit)

    def _check_first_block(self, rows):
        """Take any first block: a dictionary may have more atoms than rows."""

    def _describe_codes(self, fitted):
        network = fitted.network
        atoms = network.dictionary()[0].detach().cpu().numpy().astype(np.float64)
        if network.penalty == "kl":
            atoms = atoms * network.gain * fitted.metric.code_unit
        self.components_ = atoms
        self.activation_frequency_, self.mean_activation_ = unit_usage(fitted)
        self.mean_active_ = float(self.activation_frequency_.sum())
        self.n_dead_ = int((self.activation_frequency_ == 0).sum())
        # Costly: of a stream they are measured when they are asked for.
        self._importances = None
        if fitted.training is not None:
            self._importances = input_importances(fitted)

    @property
    def feature_importances_(self):
        """Of what the code tells of columns from the others, each column's share."""
        check_is_fitted(self)
        if self._importances is not None:
            return self._importances.copy()
        return input_importances(as_fitted(self))

    def _describe_training(self, training):
        kept = training.kept_loss
        self.validation_loss_ = None if kept is None else first(kept)
