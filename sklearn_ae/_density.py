"""What an estimator with a density of rows offers: log-likelihoods and samples."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._base import first
from ._compat import check_sample_weight
from .detection import LikelihoodScorer, even_normals
from .training import blocks_of

# A component whose distribution differs less from the prior, in nats, says nothing.
ACTIVE = 0.01

# Least uniform draw: of zero there is no normal quantile.
LEAST = 2.0**-53


class DensityMixin:
    """Log-likelihoods of rows, and rows drawn from the model.

    Attributes
    ----------
    kl_ : ndarray of shape (n_components,)
        Mean divergence of each component from the prior over the training rows, in
        nats: the information it carries.
    n_active_ : int
        Number of components with a divergence of more than 0.01 nats.
    noise_variance_ : ndarray of shape (n_features,) or None
        Variance of the decoder's noise, in squared units of ``X``; None with a
        Bernoulli decoder.
    improved_on_pca_ : bool or None
        Whether training improved on probabilistic PCA on held-out rows; None if there
        were none.
    validation_elbo_, pca_validation_elbo_ : float or None
        Evidence lower bound on held-out rows, in nats per row, of the model and of
        probabilistic PCA; None if there were none.
    """

    def score_samples(self, X):
        r"""Return the log-likelihood of each row, in nats, bounded from below.

        The importance-weighted bound of ``n_importance_samples`` codes, drawn once for
        all rows: a row's score does not depend on the rows around it, and repeats.
        Log-densities are per unit of ``X``, or per standard deviation of each column
        with ``standardize=True``, as of PCA on standardised rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            The lower, the more abnormal.
        """
        return super().score_samples(X)

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
            Mean of :meth:`score_samples`.
        """
        check_is_fitted(self)
        scores = self.score_samples(X)
        weight = check_sample_weight(sample_weight, scores, ensure_non_negative=True)
        return float(weight @ scores / weight.sum())

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
        if n_samples < 1:
            raise ValueError(
                f"n_samples={n_samples!r} must be at least 1: it is the number of rows "
                "to draw."
            )
        seed = self.random_state if random_state is None else random_state
        rng, network = check_random_state(seed), self.net_.module_
        parameter = next(network.parameters())

        def draw(width, n_rows):
            numbers = rng.uniform(size=(n_rows, width)).clip(LEAST, 1 - LEAST)
            return torch.tensor(numbers).to(parameter)

        rows = np.empty((n_samples, self.n_features_in_))
        with torch.no_grad(), self._inference_threads():
            for block in blocks_of(*rows.shape):
                n_rows = len(rows[block])
                code = torch.special.ndtri(draw(self.n_components_, n_rows))
                cells = draw(self.n_features_in_, n_rows)
                drawn = network.likelihood.draw(network.decode_raw(code), cells)
                rows[block] = self._scaling.restore(drawn[0])
        return self._layout.restore(rows)

    def _make_scorer(self, fitted, network, index):
        """Return the scorer; the network has learned all that it needs."""
        return LikelihoodScorer(
            even_normals(self.n_importance_samples, network.n_components)
        )

    def _describe_codes(self, fitted):
        """Set the information that each component carries, and the noise."""
        network, weight = fitted.network, fitted.weight / fitted.weight.sum()
        self.kl_ = sum(
            weight[block] @ network.divergences(rows)[0].cpu().numpy()
            for block, rows in fitted.blocks()
        )
        self.n_active_ = int((self.kl_ > ACTIVE).sum())
        self.noise_variance_ = None
        if self.likelihood == "gaussian":
            variance = network.likelihood.variance()[0, 0].cpu().numpy()
            self.noise_variance_ = variance * fitted.scaling.std**2
        if not self.n_active_:
            warnings.warn(
                f"All {len(self.kl_)} components of the codes of "
                f"{type(self).__name__} have collapsed: they say nothing of the rows. "
                f"Lower beta, which is {self.beta:g}, or raise free_bits.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _describe_training(self, training):
        self.improved_on_pca_ = first(training.improved)
        kept, pca = training.kept_loss, training.pca_loss
        self.validation_elbo_ = None if kept is None else -first(kept)
        self.pca_validation_elbo_ = None if pca is None else -first(pca)
