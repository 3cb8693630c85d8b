"""The sparse autoencoder: many units, few of them active in any row."""

from numbers import Integral, Real

from . import _defaults
from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from ._corrupting import CorruptionMixin
from ._dictionary import dictionary_start
from ._sparsity import SparsityMixin
from .detection import OutlierDetectionMixin
from .networks import DictionaryAutoencoder
from .training import PenaltyWarmUp, ReviveUnits

# Share of the epochs over which the penalty rises.
WARM_UP = 0.1


class SparseAutoencoder(
    SparsityMixin, CorruptionMixin, OutlierDetectionMixin, BaseAutoencoder
):
    r"""Sparse autoencoder: rows as sums of few atoms of a learned dictionary.

    A row is centred and encoded into many units, few of which are active; its
    reconstruction is the sum of their atoms, which have unit norm. Fitting minimises

    .. math::
        L = \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2} + P

    with one of three penalties:

    * "topk" keeps the ``n_active`` largest activations of each row; :math:`P` is zero
      but for units that have long been idle, which learn from what the others leave
      [1]_. After a first choice of units the choice is corrected a few times [2]_;
    * "l1": :math:`P = \lambda \sum_i w_i \lVert a_i \rVert_1 / (s \sum_i w_i)`, with
      :math:`s^2` the total variance of the rows;
    * "kl": activations in (0, 1), and :math:`P = \frac{\lambda}{k} \sum_u
      \mathrm{KL}(\rho \,\Vert\, \bar a_u)`, the divergence of each unit's mean
      activation from ``target_activation`` [3]_.

    Read more in the :ref:`User Guide <sparse>`.

    Parameters
    ----------
    n_components : "auto" or int, default="auto"
        Number of units. "auto" is twice the number of columns, at most 512.
    learning_rate : float or "auto", default="auto"
        Learning rate of the first step of AdamW, for parameters of unit size. "auto" is
        0.1, or 0.05 for fewer than 1000 distinct rows and with "kl".
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows at most; 0 does not train. "auto"
        amounts to about 1500 steps, 600 for fewer than 1000 distinct rows, and to
        between 5 and 600 epochs. The learning rate falls to zero over them.
    n_iter_no_change : int, default=100
        Number of epochs without improvement on held-out rows after which training
        stops. Many, for steps are large at first and most is gained late.
    penalty : {"topk", "l1", "kl"}, default="topk"
        What keeps most units at rest.
    n_active : "auto" or int, default="auto"
        Units active in a row, at most, with "topk". "auto" is the square root of the
        number of columns, rounded.
    penalty_weight : "auto" or float, default="auto"
        Weight :math:`\lambda` of the penalty of "l1" and "kl". "auto" is 0.1 and 100.
    target_activation : float, default=0.05
        Mean activation :math:`\rho` of each unit that "kl" asks for.

    See Also
    --------
    sklearn.decomposition.MiniBatchDictionaryLearning : Solves for each row's code.
    sklearn.feature_selection.SelectFromModel : Selects columns by
        ``feature_importances_``.

    References
    ----------
    .. [1] Gao, L. et al. (2025). Scaling and evaluating sparse autoencoders.
       International Conference on Learning Representations.
    .. [2] Gregor, K. and LeCun, Y. (2010). Learning fast approximations of sparse
       coding. International Conference on Machine Learning.
    .. [3] Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford University.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import SparseAutoencoder
    >>> X = load_digits().data
    >>> sparse = SparseAutoencoder(n_active=8, random_state=0).fit(X)
    >>> codes = sparse.transform(X)
    >>> codes.shape
    (1797, 128)
    >>> int((codes > 0).sum(axis=1).max())
    8
    """

    n_components = "auto"
    n_iter_no_change = 100
    penalty: str = "topk"
    n_active: int | str = "auto"
    penalty_weight: float | str = "auto"
    target_activation: float = 0.05

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        **OutlierDetectionMixin._parameter_constraints,
        **CorruptionMixin._parameter_constraints,
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "penalty": [StrOptions({"topk", "l1", "kl"})],
        "n_active": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "penalty_weight": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
    }

    _structural = (*BaseAutoencoder._structural, "penalty", "n_active")
    _start_is_a_model = False
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
        slow = n_distinct < _defaults.SMALL or self.penalty == "kl"
        return 0.05 if slow else 0.1

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        weight = self.penalty_weight
        if isinstance(weight, str):
            weight = _defaults.PENALTY_WEIGHTS.get(self.penalty, 0.0)
        return DictionaryAutoencoder(
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            penalty=self.penalty,
            n_active=self._count_active(n_features, n_components),
            penalty_weight=float(weight),
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
            return [PenaltyWarmUp(round(WARM_UP * n_epochs))]
        return []
