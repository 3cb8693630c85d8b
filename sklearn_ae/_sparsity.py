"""What an estimator with a sparse code tells of its units."""

import numpy as np

from ._base import first
from ._usage import input_importances, unit_usage


class SparsityMixin:
    """The units of a dictionary, and how rows use them.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The atoms, of unit norm. A reconstruction is ``mean_ + transform(X) @
        components_``; with "kl" the atoms hold the gain of the units, and the codes
        count from ``target_activation``. With ``standardize=True``, in standard
        deviations of each column.
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

    @staticmethod
    def _arrange_codes(network, rows, weight, metric):
        network.show_codes_in(metric.code_unit)

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
        self.feature_importances_ = input_importances(fitted)

    def _describe_training(self, training):
        kept = training.kept_loss
        self.validation_loss_ = None if kept is None else first(kept)
