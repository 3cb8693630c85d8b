"""The outlier detector's side of an estimator."""

import copy
from dataclasses import replace
from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .._compat import Interval, StrOptions
from ..networks import is_dense, light_pass, select_model
from ..training import blocks_of
from ._conformal import calibration_weight
from ._explanation import ExplanationMixin
from ._fits import fit_neighbors
from ._readings import own_sample, own_scores, own_scores_at
from ._reconstruction import ReconstructionScorer
from ._threshold import ThresholdMixin, threshold_at_most, threshold_of


class OutlierDetectionMixin(ExplanationMixin, ThresholdMixin):
    """Scores, threshold and labels, from an autoencoder's codes and residuals.

    Parameters
    ----------
    contamination : "auto" or float, default="auto"
        Sets the threshold of :meth:`predict`. "auto" calls at most 5 % of the held-out
        rows outliers, a false-alarm rate of about 5 % on new rows like them; with
        fewer than 20 rows, or where all scores tie, none. A float in (0, 0.5] calls
        that share of the training rows outliers, exactly unless scores tie.
    outlier_score : {"auto", "neighbors", "mahalanobis", "reconstruction"}, \
            default="auto"
        What :meth:`score_samples` returns. "auto" is "neighbors" for tables and
        "mahalanobis" for images, sequences and tokens. "neighbors", for tables alone,
        are distances to the nearest training rows, of the row and of its code and
        residual. "mahalanobis" is the distance of code and residual from the bulk of
        the training rows. "reconstruction" is minus what the row adds to the loss:
        of squared errors their sum, as a share of the variance of the training rows;
        of likelihoods minus the evidence lower bound, in nats; of tokens the
        cross-entropy, as a share of what their frequencies leave. It takes one pass
        through the network, and is blind to rows that are far out along the codes.
        Threshold and labels follow. A change takes effect with the next fit.
    trim : "auto" or float, default="auto"
        Robustness to outliers among the training rows. With "auto" the network learns
        from all rows, and the score takes those that lie far from most others for far:
        "neighbors" counts them as distant neighbours, "mahalanobis" leaves a tenth out.
        A float in [0, 0.5) fits twice, the second time without this share of the rows,
        those with the lowest scores, or less where scores tie, and "neighbors" treats
        the rest as with "auto"; with 0 all rows count alike. The threshold of
        ``contamination="auto"`` and p-values compare with the rest, so that up to about
        this share more of new rows are called outliers where none were to be left out.

    Attributes
    ----------
    offset_ : float
        Threshold: ``decision_function`` is ``score_samples`` minus ``offset_``.
    training_scores_ : ndarray of shape (n_held_out,)
        Outlier scores of the held-out rows by models that have not seen them, so that
        they compare with scores of new rows. All training rows, in their order, if
        the fit was cross-fitted; their own scores by the final model, if nothing was
        held out, and of more than 2048 rows those of so many of them, drawn by their
        weight; those of the sample of the rows seen, after :meth:`partial_fit`.
        Rows that a float ``trim`` leaves out are none of them.
    trimmed_share_ : float
        Share of the rows that are left out. With "auto" and "neighbors", of its
        reference rows, those more than twice as far from the others as is usual.
    """

    contamination: float | str = "auto"
    outlier_score: str = "auto"
    trim: float | str = "auto"

    _parameter_constraints = {
        "outlier_score": [
            StrOptions({"auto", "neighbors", "mahalanobis", "reconstruction"})
        ],
        "trim": [Interval(Real, 0, 0.5, closed="left"), StrOptions({"auto"})],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
    }

    def score_samples(self, X):
        r"""Return the outlier score of each row: the lower, the more abnormal.

        Of tables it is by default made of distances to neighbours in two spaces: of
        the row :math:`x` itself, in standard deviations of the columns, and of its code
        and residual :math:`f`, side by side, in units of their own spread, so that
        columns of large units count no more than others, whatever ``standardize`` is.
        The residual of :math:`p` columns that vary, left by :math:`k` components that
        do, is multiplied by :math:`\sqrt{\max(p - k, 1) / p}`: it counts once for each
        direction it has. Beyond 2 units a value :math:`v` counts as
        :math:`2 + \log(v - 1)`. In either space its distance :math:`d` is the mean of
        the three smallest :math:`d_r` to :math:`m \le 2048` training rows :math:`r`, of
        which those far from most others count as far. With :math:`u_r`, :math:`l_r` and
        :math:`c_r` the distances of :math:`r` to the nearest of the others, to the
        tenth, and to the :math:`2 \sqrt{m_c}`-th of the :math:`m_c` central ones, three
        quarters, and :math:`l_r` a tenth of its median at the least:

        .. math::
            d_r(x) &= \left(\frac{\operatorname{median} l}{l_r}\right)^{1/4}
                \left(\lVert x - r \rVert^8 + h_r^8\right)^{1/8}, \quad
            h_r = \operatorname{median} u
                \left(\frac{c_r}{\operatorname{median} c}\right)^q, \\
            s(x) &= 1 - \log_2 \sqrt{\tfrac12 \sum_{i \in \{x, f\}}
                \left(1 + \frac{d_i}{\operatorname{median} d_i}\right)^2}.

        With the lower quartile :math:`\kappa` of :math:`c_r` over their median, those
        below a tenth of it aside, :math:`q` is 2 if :math:`\kappa^2 \ge \tfrac12`, else
        such that :math:`\kappa^q = \tfrac12`, and 1 at the least. The score is about 0
        for a typical row, and far out falls by 1 where both distances double. A row is
        never its own neighbour.

        With ``outlier_score="mahalanobis"`` it is minus the squared Mahalanobis
        distance of :math:`f` from the bulk of the training rows,
        :math:`-(f - \mu)^\top \Sigma^{-1} (f - \mu)`. Of images and sequences, whose
        default it is, the residual's part is the squared error in units of its mean, of
        images of slightly smoothed pixels. Of images, and of sequences of one length,
        the sum is divided by the standard deviation within each, as more contrast
        brings more error.

        With ``outlier_score="reconstruction"`` it is minus the row's error
        :math:`e_i` of the estimator's own loss. Of squared errors,
        :math:`s(x_i) = -n \sum_j (x_{ij} - \hat x_{ij})^2 / \sum_{i'} \lVert x_{i'}
        - \bar x \rVert^2` with the sum below over the :math:`n` training rows, less
        the penalty of the code if there is one: the mean over rows is ``score`` less 1.
        With ``standardize=True`` columns are divided by their standard deviations
        first; either way those that were constant in training count nothing. Of tokens,
        :math:`s(x_i) = \frac1u \sum_t \log p(x_{it} \mid z_i)`, with what the tokens'
        frequencies leave of a training row, :math:`u`, on average.
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
        return self._score_rows(self._read_for_pass(X))

    def _score_rows(self, rows, scorer=None):
        """Return the scores of checked rows, by the scorer of the fit or another."""
        scorer, scores = scorer or self._scorer, np.empty(rows.shape[0])
        network, loss = self.net_.module_, self.net_.criterion_
        if scorer.takes_float32 and rows.dtype == np.float32:
            network, loss = in_float32(network, loss)
        light = light_pass(network)
        return self._map_rows(
            rows, lambda x: scorer.score_rows(light, loss, x), scores, network
        )

    def _check_params(self):
        super()._check_params()
        if self.outlier_score == "neighbors" and not self._network_kind.has_neighbors:
            raise ValueError(
                "outlier_score='neighbors' compares rows of tables column by column, "
                f"and the network is a {type(self._network_kind).__name__}. Use 'auto' "
                "or 'mahalanobis'."
            )

    def _make_scorer(self, fitted, network, index):
        """Return the "auto" scorer of a network that has seen the rows at ``index``."""
        if self._network_kind.has_neighbors:
            return self._neighbor_scorer(fitted, network, index)
        trim = self._trim_of_score(fitted)
        return self._network_kind.fit_scorer(fitted, network, index, trim)

    def _neighbor_scorer(self, fitted, network, index):
        trim = self._trim_of_score(fitted)
        # Of the rows that a second fit has left there may be outliers, too.
        wary = "auto" if self.trim else 0.0
        return fit_neighbors(fitted, network, index, trim or wary)

    def _chosen_scorer(self, fitted, network, index):
        """Return the scorer asked for."""
        trim = self._trim_of_score(fitted)
        if self.outlier_score == "reconstruction":
            return ReconstructionScorer()
        if self.outlier_score == "neighbors":
            return self._neighbor_scorer(fitted, network, index)
        if self.outlier_score == "mahalanobis":
            return self._network_kind.fit_scorer(fitted, network, index, trim)
        return self._make_scorer(fitted, network, index)

    def _trim_of_score(self, fitted):
        """Return what the score is to leave out of the rows of a fit."""
        # A stream is read once, so that its sample is trimmed, and no second fit.
        is_stream = fitted.training is None
        return self.trim if is_stream or self.trim == "auto" else 0.0

    def _train(self, opened, context):
        if self.trim == "auto" or not self.trim:
            return super()._train(opened, context)
        # scikit-learn's callbacks count on the epochs of one fit: they see the second.
        fitted, _ = super()._train(opened, None)
        rest = self._rows_to_keep(fitted)
        again, recipe = super()._train(opened.of(rest), context)
        return replace(again, before=fitted), recipe

    def _rows_to_keep(self, fitted):
        """Return the positions of the rows that a second fit learns from.

        Rows whose scores tie stay together, on the side that leaves no more out than
        was asked for.
        """
        weight, everything = fitted.weight, np.arange(len(fitted.weight))
        scorer = self._chosen_scorer(fitted, fitted.network, everything)
        scores = own_scores(fitted, scorer)
        rest = np.flatnonzero(scores >= threshold_at_most(scores, weight, self.trim))
        return rest if len(rest) > 1 else everything

    def _fit_detector(self, fitted):
        """Learn the scorer and the threshold of a fitted network."""
        plan, weight = fitted.plan, fitted.weight
        # Rows that stay held out are new to the scorer, too: their scores are then
        # distributed as those of new rows are.
        seen = plan.seen_by(plan.final)
        scorer = self._chosen_scorer(fitted, fitted.network, seen)
        held_out = plan.held_out_rows
        if len(held_out):
            scores = held_out_scores(fitted, self._chosen_scorer, scorer)
            held_out_weight = weight[held_out]
            if plan.is_cross_fitted:
                # Every row was held out once: give the scores in the rows' order.
                order = np.argsort(held_out)
                scores, held_out_weight = scores[order], held_out_weight[order]
        if not len(held_out):
            index, held_out_weight = own_sample(weight, plan.group)
            scores = own_scores_at(fitted, scorer, index)
        own = own_weight = None
        if self.contamination != "auto":
            # Rows that were trimmed are training rows all the same.
            everyone = fitted.of_all_rows()
            own, own_weight = own_scores(everyone, scorer), everyone.weight
        offset = threshold_of(
            self.contamination, scores, held_out_weight, own, own_weight
        )
        self._scorer, self.training_scores_, self.offset_ = scorer, scores, offset
        self.trimmed_share_ = share_trimmed(scorer, fitted)
        self._is_calibrated = bool(len(held_out))
        self._calibration_weight = calibration_weight(held_out_weight)


def share_trimmed(scorer, fitted):
    """Return the share of the rows that are left out, or far from most."""
    share = getattr(scorer, "share_trimmed", 0.0)
    if fitted.before is None:
        return share
    return float(1 - fitted.weight.sum() / fitted.before.weight.sum())


def in_float32(network, loss):
    """Return copies in float32, or both as they are if they would not be the same."""
    if not (is_dense(network) and loss.is_relative):
        return network, loss
    small = copy.deepcopy(network).float()
    if not all(tensor.isfinite().all() for tensor in small.state_dict().values()):
        return network, loss
    return small, copy.deepcopy(loss).float()


def held_out_scores(fitted, make_scorer, final_scorer):
    """Return the scores of held-out rows, each by a model that has not seen it."""
    plan = fitted.plan
    scores = []
    for model, held_out in enumerate(plan.held_out):
        if not len(held_out):
            continue
        network, scorer = fitted.network, final_scorer
        if model != plan.final:
            network = select_model(fitted.stack, model).eval()
            scorer = make_scorer(fitted, network, plan.seen_by(model))
        step = next(blocks_of(len(held_out), network.n_features)).stop
        scores += [
            scorer.score_rows(network, fitted.loss, fitted.rows.take(index))
            for index in torch.from_numpy(held_out).split(step)
        ]
    return np.concatenate(scores)
