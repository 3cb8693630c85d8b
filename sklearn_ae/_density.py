"""What an estimator with a density of rows offers: log-likelihoods and samples."""

import warnings
from numbers import Integral

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from . import _defaults
from ._compat import check_sample_weight
from ._inputs import check_unit_interval
from ._prior import choose_n_normals, fit_prior
from ._probabilistic import probabilistic_anchor
from .detection import LikelihoodScorer, even_normals
from .training import LikelihoodLoss, PenaltyWarmUp, blocks_of, first, weighted_sum

# A component whose distribution differs less from the prior, in nats, says nothing.
ACTIVE = 0.01

# Least uniform draw: of zero there is no normal quantile.
LEAST = 2.0**-53

# Of the mixture; it follows from the model, and the model from ``random_state``.
PRIOR_SEED = 0


class DensityMixin:
    """Log-likelihoods of rows, and rows drawn from the model.

    Attributes
    ----------
    kl_ : ndarray of shape (n_components,)
        Mean divergence of each component from the prior over the training rows, in
        nats: the information it carries.
    n_active_ : int
        Number of components with a divergence of more than 0.01 nats.
    n_prior_normals_ : int
        Number of normal distributions in the prior; 1 is the standard normal.
    noise_variance_ : ndarray of shape (n_features,) or None
        Variance of the decoder's noise, in squared units of ``X``; None with a
        Bernoulli decoder.
    improved_on_pca_ : bool or None
        Whether training improved on probabilistic PCA on held-out rows; None if there
        were none.
    validation_elbo_, pca_validation_elbo_ : float or None
        Evidence lower bound on held-out rows, in nats per row, of the model and of
        probabilistic PCA; None if there were none. PCA has seen these rows, unless the
        fit was cross-fitted.
    """

    def score_samples(self, X):
        r"""Return the log-likelihood of each row, in nats, bounded from below.

        The importance-weighted bound of ``n_importance_samples`` codes, drawn once for
        all rows: a row's score does not depend on the rows around it, and repeats.
        Log-densities are per unit of ``X``, or per standard deviation of each column
        with ``standardize=True``, as of PCA on standardised rows.

        With ``outlier_score="reconstruction"`` it is minus the row's error of the loss,
        :math:`s(x_i) = \sum_j \log p(x_{ij} \mid z_i) - p_i`, at the mean
        :math:`z_i` of the row's code and with the penalty :math:`p_i` that training
        puts on it: ``beta`` times the divergence from the prior.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            The lower, the more abnormal.

        Raises
        ------
        ValueError
            If ``likelihood="bernoulli"`` and ``X`` has values outside [0, 1].
        """
        return super().score_samples(X)

    def _read_for_pass(self, X):
        # Whether they lie in [0, 1] is asked of all values anyway, and before the pass.
        return self._read(X)

    def _score_rows(self, rows, scorer=None):
        self._check_unit_interval(rows)
        return super()._score_rows(rows, scorer)

    def score(self, X, y=None, sample_weight=None):
        """Return the mean log-likelihood of rows, in nats, as ``PCA.score`` does.

        :func:`~sklearn_ae.metrics.reconstruction_r2` tells the share of variance kept.

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
        log_likelihood : float
            Mean of what :meth:`score_samples` returns by default.
        """
        check_is_fitted(self)
        scores = self._score_rows(self._read(X), self._density)
        weight = check_sample_weight(sample_weight, scores, ensure_non_negative=True)
        return float(weighted_sum(weight / weight.sum(), scores))

    def sample(self, n_samples=1, random_state=None):
        """Draw rows from the model: a code from the prior, then a row given the code.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Seeds the draws. None takes the estimator's own.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            In the units of the training rows.

        Raises
        ------
        ValueError
            If ``n_samples`` is below 1.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(
                f"n_samples={n_samples!r} must be an integer of at least 1: it is the "
                "number of rows to draw."
            )
        seed = self.random_state if random_state is None else random_state
        rng, network = check_random_state(seed), self.net_.module_
        parameter = next(network.parameters())

        rows = np.empty((n_samples, self.n_features_in_))
        with self._inference():
            for block in blocks_of(*rows.shape):
                code = self._density.prior.draw(len(rows[block]), rng)
                code = torch.tensor(code).to(parameter)
                cells = rng.uniform(LEAST, 1 - LEAST, size=rows[block].shape)
                cells = torch.tensor(cells).to(parameter)
                rows[block] = self._scaling.restore(network.draw(code, cells)[0])
        return self._layout.restore(self, rows)

    def _fit_detector(self, fitted):
        """Settle where codes lie, then the threshold."""
        self.n_prior_normals_ = self._count_normals(fitted)
        super()._fit_detector(fitted)
        self._density = self._scorer
        if self.outlier_score != "auto":
            seen = fitted.plan.seen_by(fitted.plan.final)
            self._density = self._make_scorer(fitted, fitted.network, seen)

    def _rows_to_keep(self, fitted):
        # The first of two fits is judged by where its own codes lie.
        self.n_prior_normals_ = self._count_normals(fitted)
        return super()._rows_to_keep(fitted)

    def _count_normals(self, fitted):
        """Return how many normal distributions the codes are a mixture of."""
        if self.prior == "normal":
            return 1
        if fitted.training is not None:
            return choose_n_normals(fitted, PRIOR_SEED)
        # A stream goes on with what a fit has found, if there was one.
        return getattr(self, "n_prior_normals_", 1)

    def _make_scorer(self, fitted, network, index):
        """Return the scorer of a network that has seen the rows at ``index``."""
        weight = np.zeros_like(fitted.weight)
        weight[index] = fitted.weight[index]
        return LikelihoodScorer(
            even_normals(self.n_importance_samples, network.n_components),
            fit_prior(fitted, network, weight, self.n_prior_normals_, PRIOR_SEED),
        )

    def _describe_codes(self, fitted):
        """Set the information that each component carries, and the noise."""
        network, weight = fitted.network, fitted.weight / fitted.weight.sum()
        self.kl_ = sum(
            weighted_sum(weight[block], network.divergences(rows)[0].cpu().numpy())
            for block, rows in fitted.blocks()
        )
        self.n_active_ = int((self.kl_ > ACTIVE).sum())
        self.noise_variance_ = None
        if self.likelihood == "gaussian":
            variance = network.likelihood.noise_variance()[0, 0].cpu().numpy()
            self.noise_variance_ = variance * fitted.scaling.std**2
        if not self.n_active_ and fitted.metric.total:
            warnings.warn(
                f"All {len(self.kl_)} components of the codes of "
                f"{type(self).__name__} have collapsed: they say nothing of the rows. "
                f"Lower beta, which is {self.beta:g}, or raise free_bits.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _describe_training(self, training):
        self.improved_on_pca_ = first(training.improved)
        kept, pca = training.kept_loss, training.start_loss
        self.validation_elbo_ = None if kept is None else -first(kept)
        self.pca_validation_elbo_ = None if pca is None else -first(pca)

    # -- what the base asks

    _make_anchor = staticmethod(probabilistic_anchor)
    _takes_lengths = False

    def _check_rows(self, rows):
        super()._check_rows(rows)
        self._check_unit_interval(rows)

    def _check_unit_interval(self, rows):
        if self.likelihood == "bernoulli":
            check_unit_interval(rows, "likelihood='bernoulli'")

    def _auto_layers(self, n_distinct, n_features):
        return _defaults.density_layer_sizes_for(n_distinct)

    def _network_arguments(self):
        likelihood = {"kind": self.likelihood}
        if self.likelihood == "gaussian":
            likelihood["noise"] = self.noise
        bottleneck = {
            "kind": "gaussian",
            "beta": float(self.beta),
            "free_bits": float(self.free_bits),
        }
        return {"bottleneck": bottleneck, "likelihood": likelihood}

    def _adapt(self, network):
        arguments = self._network_arguments()["bottleneck"]
        network.arguments["bottleneck"] = arguments
        network.bottleneck.beta = arguments["beta"]
        network.bottleneck.free_bits = arguments["free_bits"]
        return network

    def _make_loss(self, scaling, metric):
        return LikelihoodLoss(scaling.mean, scaling.std, metric.unit)

    def _make_callbacks(self, n_epochs):
        return [PenaltyWarmUp(self.kl_warmup)] if self.kl_warmup else []
