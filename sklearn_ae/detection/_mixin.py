"""The outlier detector's side of an estimator."""

import copy
from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .._compat import Interval, StrOptions
from ..networks import is_dense, select_model
from ..training import blocks_of
from ._explanation import ExplanationMixin
from ._isotropic import IsotropicScorer
from ._readings import own_scores, read_rows
from ._reconstruction import ReconstructionScorer
from ._scorer import MahalanobisScorer
from ._threshold import ThresholdMixin, threshold_of
from ._token import TokenScorer

# Rows that a scorer learns from, at most, and the memory their features may take.
MAX_REFERENCE_ROWS, REFERENCE_BYTES = 20_000, 2**27

# Rounding, by and large: of raw codes, whose unit is the spread of all columns
# together, and of residuals, whose unit is the standard deviation of their column.
CODE_FLOOR, RESIDUAL_FLOOR = 1e-13, 1e-5


def feature_floor(network, scaling):
    """Return the spread of each score feature below which it is rounding errors.

    Rows may come in float32, whose rounding grows with the column's mean.
    """
    rounding = 4 * np.finfo(np.float32).eps * np.abs(scaling.mean) / scaling.std
    codes = np.full(network.n_components, CODE_FLOOR)
    return np.concatenate([codes, np.maximum(RESIDUAL_FLOOR, rounding)])


def fit_mahalanobis(fitted, network, index):
    """Return a scorer that has learned the bulk of some training rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.

    Returns
    -------
    scorer : MahalanobisScorer
        Ready to score.
    """
    index = some_of(index, network.n_components + network.n_features)
    scorer = MahalanobisScorer()
    return scorer.fit(
        *read_rows(fitted, network, index, scorer.read),
        fitted.weight[index],
        evidence=evidence_of(fitted, index),
        floor=feature_floor(network, fitted.scaling),
    )


def fit_isotropic(
    fitted,
    network,
    index,
    image_shape=None,
    n_channels=None,
    noise_share=0.0,
    unit=None,
):
    """Return a scorer of the same rows whose residual has one spread.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.
    image_shape : tuple (height, width, n_channels), default=None
        None if rows are no images.
    n_channels : int, default=None
        Of images, and of sequences of one length; None if rows are not divided by
        their contrast.
    noise_share : float, default=0
        Variance of the noise, as a share of the largest variance of the codes.
    unit : ndarray of shape (n_features,), default=None
        By which the residual of each column counts; None counts standardised rows'.

    Returns
    -------
    scorer : IsotropicScorer
        Ready to score.
    """
    index = some_of(index, network.n_components)
    scaling = fitted.scaling
    mean = None if n_channels is None else scaling.mean / scaling.std
    scorer = IsotropicScorer(image_shape, n_channels, mean, noise_share, unit)
    return scorer.fit(
        *read_rows(fitted, network, index, scorer.read),
        fitted.weight[index],
        evidence=evidence_of(fitted, index),
        floor=CODE_FLOOR,
    )


def fit_token_scorer(fitted, network, index):
    """Return a scorer of rows of tokens.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
        Positions of the rows it has seen.

    Returns
    -------
    scorer : TokenScorer
        Ready to score.
    """
    index = some_of(index, network.n_components)
    scorer = TokenScorer()
    return scorer.fit(
        *read_rows(fitted, network, index, scorer.read),
        fitted.weight[index],
        evidence=evidence_of(fitted, index),
        floor=CODE_FLOOR,
    )


def some_of(index, width):
    """Return as many of the rows as a scorer learns from, chosen at random."""
    most = min(MAX_REFERENCE_ROWS, REFERENCE_BYTES // (8 * width))
    if len(index) <= most:
        return index
    chosen = np.random.Generator(np.random.PCG64(0)).permutation(len(index))[:most]
    return index[np.sort(chosen)]


def evidence_of(fitted, index):
    """Return the number of distinct rows that the weights amount to."""
    # Numbered anew: there may be few of very many.
    group = np.unique(fitted.plan.group[index], return_inverse=True)[1]
    mass = np.bincount(group, fitted.weight[index])
    share = mass / mass.sum()
    return 1 / np.square(share).sum()


class OutlierDetectionMixin(ExplanationMixin, ThresholdMixin):
    """Scores, threshold and labels, from an autoencoder's codes and residuals.

    Parameters
    ----------
    contamination : "auto" or float, default="auto"
        Sets the threshold of :meth:`predict`. "auto" calls at most 5 % of the held-out
        rows outliers, a false-alarm rate of about 5 % on new rows like them; with
        fewer than 20 rows, or where all scores tie, none. A float in (0, 0.5] calls
        that share of the training rows outliers, exactly unless scores tie.
    outlier_score : {"auto", "reconstruction"}, default="auto"
        What :meth:`score_samples` returns. "auto" is the score of this kind of
        estimator and network. "reconstruction" is minus what the row adds to the loss:
        of squared errors their sum, as a share of the variance of the training rows;
        of likelihoods minus the evidence lower bound, in nats; of tokens the
        cross-entropy, as a share of what their frequencies leave. It takes one pass
        through the network, and is blind to rows that are far out along the codes.
        Threshold and labels follow. A change takes effect with the next fit.

    Attributes
    ----------
    offset_ : float
        Threshold: ``decision_function`` is ``score_samples`` minus ``offset_``.
    training_scores_ : ndarray of shape (n_held_out,)
        Outlier scores of the held-out rows by models that have not seen them, so that
        they compare with scores of new rows. All training rows, in their order, if
        the fit was cross-fitted; their own scores by the final model, if nothing was
        held out; those of the sample of the rows seen, after :meth:`partial_fit`.
    """

    contamination: float | str = "auto"
    outlier_score: str = "auto"

    _parameter_constraints = {
        "outlier_score": [StrOptions({"auto", "reconstruction"})],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
    }

    def score_samples(self, X):
        r"""Return the outlier score of each row: the lower, the more abnormal.

        By default it is minus the squared Mahalanobis distance of a row's code and
        residual, side by side, from the bulk of the training rows:
        :math:`-(f - \mu)^\top \Sigma^{-1} (f - \mu)`. Each part counts in units of
        its own spread, so that columns of large units count no more than others,
        whatever ``standardize`` is. Of images and sequences the residual's part is the
        squared error in units of its mean, of images of slightly smoothed pixels. Of
        images, and of sequences of one length, the sum is divided by the standard
        deviation within each, as more contrast brings more error.

        With ``outlier_score="reconstruction"`` it is minus the row's error
        :math:`e_i` of the estimator's own loss. Of squared errors,
        :math:`s(x_i) = -n \sum_j (x_{ij} - \hat x_{ij})^2 / \sum_{i'} \lVert x_{i'}
        - \bar x \rVert^2` with the sum below over the :math:`n` training rows, less
        the penalty of the code if there is one: the mean over rows is ``score`` less 1.
        With ``standardize=True`` columns are divided by their standard deviations
        first. Of tokens, :math:`s(x_i) = \frac1u \sum_t \log p(x_{it} \mid z_i)`, with
        what the tokens' frequencies leave of a training row, :math:`u`, on average.
        Of float32 rows it is computed in float32 by dense networks, to about 6 digits
        and in half the time; all else is computed in float64.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            Comparable between rows and data sets of one fitted estimator.
        """
        check_is_fitted(self)
        return self._score_rows(self._read(X))

    def _score_rows(self, rows, scorer=None):
        """Return the scores of checked rows, by the scorer of the fit or another."""
        scorer, scores = scorer or self._scorer, np.empty(rows.shape[0])
        network, loss = self.net_.module_, self.net_.criterion_
        if scorer.takes_float32 and rows.dtype == np.float32:
            network, loss = in_float32(network, loss)
        return self._map_rows(
            rows, lambda x: scorer.score_rows(network, loss, x), scores, network
        )

    def _make_scorer(self, fitted, network, index):
        """Return the "auto" scorer of a network that has seen the rows at ``index``."""
        return self._network_kind.fit_scorer(fitted, network, index)

    def _chosen_scorer(self, fitted, network, index):
        """Return the scorer asked for."""
        if self.outlier_score == "reconstruction":
            return ReconstructionScorer()
        return self._make_scorer(fitted, network, index)

    def _fit_detector(self, fitted):
        """Learn the scorer and the threshold of a fitted network."""
        plan, weight = fitted.plan, fitted.weight
        everything = np.arange(len(weight))
        scorer = self._chosen_scorer(fitted, fitted.network, everything)
        held_out = plan.held_out_rows
        if len(held_out):
            scores = held_out_scores(fitted, self._chosen_scorer)
            held_out_weight = weight[held_out]
            if plan.is_cross_fitted:
                # Every row was held out once: give the scores in the rows' order.
                order = np.argsort(held_out)
                scores, held_out_weight = scores[order], held_out_weight[order]
        own = None
        if not len(held_out) or self.contamination != "auto":
            own = own_scores(fitted, scorer)
        if not len(held_out):
            scores, held_out_weight = own, weight
        offset = threshold_of(self.contamination, scores, held_out_weight, own, weight)
        self._scorer, self.training_scores_, self.offset_ = scorer, scores, offset


def in_float32(network, loss):
    """Return copies in float32, or both as they are if they would not be the same."""
    if not (is_dense(network) and loss.is_relative):
        return network, loss
    small = copy.deepcopy(network).float()
    if not all(tensor.isfinite().all() for tensor in small.state_dict().values()):
        return network, loss
    return small, copy.deepcopy(loss).float()


def held_out_scores(fitted, make_scorer):
    """Return the scores of held-out rows, each by a model that has not seen it."""
    plan = fitted.plan
    scores = []
    for model, held_out in enumerate(plan.held_out):
        if not len(held_out):
            continue
        network = select_model(fitted.stack, model).eval()
        trained_on = np.flatnonzero(plan.train_weight[model])
        scorer = make_scorer(fitted, network, trained_on)
        step = next(blocks_of(len(held_out), network.n_features)).stop
        scores += [
            scorer.score_rows(network, fitted.loss, fitted.rows.take(index))
            for index in torch.from_numpy(held_out).split(step)
        ]
    return np.concatenate(scores)
