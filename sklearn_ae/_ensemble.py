"""Several autoencoders that are trained as one and judge outliers together."""

import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._autoencoder import Autoencoder
from ._compat import Interval, InvalidParameterError, StrOptions, fit_context
from ._diagnosis import EnsembleDiagnosisMixin
from ._fitting import plan_for
from ._network import DENSE
from ._together import Task, fit_opened
from ._tokens import TokenLayout
from ._transaction import all_or_nothing
from .detection import (
    ExplanationMixin,
    OutlierDetectionMixin,
    ThresholdMixin,
    calibration_weight,
    own_sample,
    threshold_of,
    weighted_quantile,
)
from .training import draw_seeds

# By which the widths of hidden layers are multiplied, where they vary.
WIDTH_FACTORS = (0.5, 2**-0.5, 1.0, 2**0.5, 2.0)


class AutoencoderEnsemble(
    ExplanationMixin, ThresholdMixin, EnsembleDiagnosisMixin, BaseEstimator
):
    r"""Autoencoders of different initial weights, whose scores and rows are averaged.

    .. math::
        s(x) = \frac1M \sum_m \frac{s_m(x) - \operatorname{median} s_m}
                                   {\operatorname{IQR} s_m}, \qquad
        \hat x = \frac1M \sum_m \hat x_m,

    with the median and the interquartile range of a member's ``training_scores_``, so
    that none has more of a say for scores that are larger ones.

    Members that have one shape are trained side by side in one stack of networks, for
    little more than the price of one while they are small. They share what is held out
    and the order of the rows. Codes of members have nothing to do with each other, so
    that an ensemble has no ``transform``; its members do.

    Read more in the :ref:`User Guide <ensemble>`.

    Parameters
    ----------
    estimator : autoencoder of this package that detects outliers, default=None
        What members are clones of. None is ``Autoencoder()``. Its ``random_state`` and
        ``contamination`` are not used.
    n_estimators : int, default=10
        Number of members.
    widths : {"same", "varied"}, default="same"
        Whether members have the hidden layers of ``estimator``, or half to twice their
        widths, drawn for each member; for dense networks.
    contamination : "auto" or float, default="auto"
        As of the members, for the mean score: "auto" calls at most 5 % of the held-out
        rows outliers, a float in (0, 0.5] that share of the training rows.
    n_jobs : int or None, default=None
        Processes that train stacks side by side. None is one, -1 all cores.
    random_state : int, RandomState instance or None, default=None
        Seeds the members. An int makes fits reproducible.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted members. Clones of them end elsewhere: the initial weights of each
        are drawn by the ensemble, and no parameter of a member names them.
    offset_ : float
        Threshold: ``decision_function`` is ``score_samples`` minus ``offset_``.
    training_scores_ : ndarray of shape (n_held_out,)
        Mean scores of the same rows as the members'.
    trimmed_share_ : float
        Mean of the members': the share of the rows that their scores leave out, or take
        for far from most.
    n_features_in_ : int
        Number of columns seen in :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they were all strings.

    See Also
    --------
    Autoencoder : One of them.

    References
    ----------
    .. [1] Chen, J., Sathe, S., Aggarwal, C. and Turaga, D. (2017). Outlier detection
       with autoencoder ensembles. SIAM International Conference on Data Mining, 90-98.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import Autoencoder, AutoencoderEnsemble
    >>> X = load_iris().data
    >>> member = Autoencoder(2, hidden_layer_sizes=(16,), max_epochs=20)
    >>> ensemble = AutoencoderEnsemble(member, n_estimators=4, random_state=0).fit(X)
    >>> ensemble.predict(X[:2] * 10)
    array([-1, -1])
    """

    _parameter_constraints = {
        "estimator": "no_validation",  # it would name a class that nobody knows
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "widths": [StrOptions({"same", "varied"})],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        n_estimators=10,
        *,
        widths="same",
        contamination="auto",
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.widths = widths
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.random_state = random_state

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit all members to rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The training rows, as the members take them.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None weighs all rows alike.

        Returns
        -------
        self : object
            The fitted ensemble.

        Raises
        ------
        ValueError
            As a member does.
        """
        members, opened = self._open_members(X, sample_weight)
        tasks = [Task(member, X, sample_weight) for member in members]
        for outcome in fit_opened(tasks, opened, self.n_jobs):
            if outcome.error is not None:
                raise outcome.error
        self.estimators_ = members
        self.n_features_in_ = members[0].n_features_in_
        vars(self).pop("feature_names_in_", None)  # of a fit before
        if hasattr(members[0], "feature_names_in_"):
            self.feature_names_in_ = members[0].feature_names_in_
        self._set_threshold(opened[0])
        return self

    def _prototype(self):
        """Return an unfitted estimator, of which all members are copies."""
        asked = Autoencoder() if self.estimator is None else self.estimator
        if not isinstance(asked, OutlierDetectionMixin):
            remedy = "Autoencoder()" if not isinstance(asked, type) else "an instance"
            raise InvalidParameterError(
                f"estimator={asked!r} must be an autoencoder of this package that "
                f"detects outliers, or None. Give {remedy}."
            )
        if asked.trim != "auto" and asked.trim:
            raise ValueError(
                f"trim={asked.trim!r} of the members would leave out other rows of "
                "each, and scores of the same rows are averaged. Use trim='auto'."
            )
        return clone(asked)

    def _open_members(self, X, sample_weight):
        """Return unfitted members and their opened fits; rows are read once."""
        first = self._prototype()
        self._check_widths(first)
        rng = check_random_state(self.random_state)
        first.set_params(random_state=rng.randint(2**31 - 1))
        first._validate_params()
        fit = first._open(X, sample_weight)
        members, opened = [], []
        for _ in range(self.n_estimators):
            member, seed = copy.deepcopy(first), rng.randint(2**31 - 1)
            self._vary(member, fit, rng)
            seeds = draw_seeds(first.random_state)._replace(weights=seed)
            sizes = *fit.rows.shape, int(fit.group.max()) + 1
            recipe = member._recipe(*sizes, seeds, fit.recipe.settings.device)
            members.append(member)
            opened.append(fit._replace(recipe=recipe))
        return members, opened

    def _check_widths(self, member):
        """Refuse to vary hidden layers that members do not have."""
        if self.widths == "same":
            return
        has = None
        if not hasattr(member, "hidden_layer_sizes"):
            has = f"a {type(member).__name__} has no hidden layers"
        elif member._network_kind is not DENSE:
            has = f"the estimator has {type(member._network_kind).__name__}"
        elif not np.size(member.hidden_layer_sizes):
            has = f"hidden_layer_sizes={member.hidden_layer_sizes!r} is none"
        if has is not None:
            raise ValueError(
                "widths='varied' is for the hidden layers of dense networks, and "
                f"{has}. Use widths='same'."
            )

    def _vary(self, member, fit, rng):
        """Give a member widths of its own, if they are to vary."""
        if self.widths == "same":
            return
        n_distinct = int(fit.group.max()) + 1
        sizes = member._hidden_layer_sizes(n_distinct, fit.rows.shape[1])
        factor = WIDTH_FACTORS[rng.randint(len(WIDTH_FACTORS))]
        sizes = tuple(max(1, round(size * factor)) for size in sizes)
        member.set_params(hidden_layer_sizes=sizes)

    def _set_threshold(self, fit):
        """Set scores and threshold from those of the members, row by row."""
        rows, weight, group, recipe, _ = fit
        plan = plan_for(rows.shape[1], weight, group, recipe, None)
        held_out = plan.held_out_rows
        known = weight
        if not len(held_out):
            known = own_sample(weight, group)[1]
        elif not plan.is_cross_fitted:
            known = weight[held_out]
        scores = [member.training_scores_ for member in self.estimators_]
        shares = [member.trimmed_share_ for member in self.estimators_]
        self.trimmed_share_ = float(np.mean(shares))
        self._scales = [scale_of(each, known) for each in scores]
        self.training_scores_ = self._mean_of(scores)
        own = None
        if self.contamination != "auto":
            own = self._mean_scores(rows)
        self.offset_ = threshold_of(
            self.contamination, self.training_scores_, known, own, weight
        )
        self._is_calibrated = bool(len(held_out))
        self._calibration_weight = calibration_weight(known)

    # -- new rows

    def score_samples(self, X):
        """Return the mean outlier score of each row: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
        """
        check_is_fitted(self)
        return self._mean_scores(self.estimators_[0]._read(X))

    def _mean_scores(self, rows):
        return self._mean_of(each._score_rows(rows) for each in self.estimators_)

    def _mean_of(self, scores):
        """Return the mean of the members' scores on their common scale.

        One member after the other: of very many rows there is one sum in memory, and
        not the scores of all members.
        """
        total = 0.0
        for each, (center, spread) in zip(scores, self._scales, strict=True):
            total += (each - center) / spread
        return total / len(self._scales)

    def _explained(self):
        return self.estimators_[0], self._mean_scores

    def reconstruct(self, X):
        """Return the mean of the members' reconstructions.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        rows : ndarray of the shape of ``X``
            In the units of ``X``; float32 if ``X`` is, else float64.

        Raises
        ------
        ValueError
            If rows are of tokens, which have no mean.
        """
        check_is_fitted(self)
        first = self.estimators_[0]
        if hasattr(first._layout, "reconstruct"):  # whole images, in tiles
            return np.mean([each.reconstruct(X) for each in self.estimators_], axis=0)
        rows = self._mean_reconstruction(first._read(X))
        return first._layout.restore(first, rows, like=X)

    def _mean_reconstruction(self, rows):
        """Return the mean reconstruction of checked rows."""
        if isinstance(self.estimators_[0]._layout, TokenLayout):
            raise ValueError(
                "reconstruct and score take means over the members, and tokens have "
                "none. Ask one of estimators_."
            )
        total = sum(each._reconstruct(rows) for each in self.estimators_)
        return total / len(self.estimators_)

    def score(self, X, y=None, sample_weight=None):
        r"""Return the R² of the mean reconstruction of rows.

        :math:`1 - \sum_i \lVert x_i - \hat x_i \rVert^2 / \sum_i \lVert x_i - \bar x
        \rVert^2` with the training mean :math:`\bar x`: at least the members' mean R².
        With members of ``standardize=True`` every column is divided by its standard
        deviation first.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None weighs all rows alike.

        Returns
        -------
        r2 : float
            At most 1; higher is better.
        """
        check_is_fitted(self)
        return self._reconstruction_r2(X, sample_weight)

    def _reconstruction_r2(self, X, sample_weight):
        return self.estimators_[0]._reconstruction_r2(
            X, sample_weight, reconstruct=self._mean_reconstruction
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def scale_of(scores, weight):
    """Return the median and the interquartile range of scores, 1 if there is none."""
    low, middle, high = (
        weighted_quantile(scores, weight, share) for share in (0.25, 0.5, 0.75)
    )
    return middle, high - low if high > low else 1.0
