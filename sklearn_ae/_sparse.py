"""The sparse autoencoder: many units, few of them active in any row."""

from numbers import Integral, Real

from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from ._corrupting import CorruptionMixin
from ._network import NetworkChoiceMixin
from ._sparsity import SparsityMixin
from .detection import OutlierDetectionMixin


class SparseAutoencoder(
    SparsityMixin,
    NetworkChoiceMixin,
    CorruptionMixin,
    OutlierDetectionMixin,
    BaseAutoencoder,
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
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import SparseAutoencoder
    >>> X = load_wine().data
    >>> sparse = SparseAutoencoder(n_active=3, standardize=True, random_state=0).fit(X)
    >>> codes = sparse.transform(X)
    >>> codes.shape
    (178, 26)
    >>> int((codes > 0).sum(axis=1).max())
    3
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
        **NetworkChoiceMixin._parameter_constraints,
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

    _structural = (
        *BaseAutoencoder._structural,
        "network",
        "penalty",
        "n_active",
        "target_activation",
    )
