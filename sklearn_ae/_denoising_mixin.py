"""What every denoiser offers: a score on corrupted rows, and a rate that follows it."""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from . import _defaults
from ._compat import Interval, RealNotInt, StrOptions
from ._corrupting import per_column
from ._fitting import fit_network
from .training import (
    Corruptions,
    blocks_of,
    dense_block,
    first,
    keyed_uniform,
    row_keys,
    share_kept,
)

# What "auto" means for the rate at which models are judged.
EVALUATION_RATE, EVALUATION_SCALE = 0.2, 0.5

# Training rates that "auto" tries, as multiples of the rate of evaluation.
CANDIDATES = (1.0, 0.5, 2.0)

# Share of its loss by which another candidate must beat the first: short fits judged by
# few rows differ by chance, and the rate of evaluation is hardly ever far off.
MARGIN = 0.03

# Most cells that may be changed: of a row with none left nothing can be learned.
LARGEST_RATE = 0.9

# Distinct rows and steps, at most, on which candidates are compared.
PILOT_ROWS, PILOT_STEPS = 2000, 300

# Rows are corrupted for evaluation by their content and this seed alone: the same for
# every candidate of a search, whatever its random state.
EVALUATION_SEED = 0


class DenoisingMixin:
    """Judged by clean rows from corrupted ones, in training and in ``score``.

    Parameters
    ----------
    evaluation_rate : "auto", float or array-like of shape (n_features,), default="auto"
        Share of the cells, or with "gaussian" scale of the noise, by which held-out
        rows and rows in :meth:`score` are corrupted. "auto" is 0.2, or 0.5 with
        "gaussian".

    Attributes
    ----------
    corruption_rate_ : float, ndarray of shape (n_features,) or None
        The rate of training, with "auto" the one chosen; None with "gaussian".
    noise_scale_ : float, ndarray of shape (n_features,) or None
        The same for "gaussian"; None with the others.
    improved_on_linear_ : bool or None
        Whether training improved on the best linear denoiser on held-out rows; None if
        there were none.
    validation_r2_, linear_validation_r2_ : float or None
        R² to the clean held-out rows from corrupted ones, of the model and of the best
        linear denoiser; None if there were none. The linear one has seen these rows,
        unless the fit was cross-fitted.
    """

    evaluation_rate: float | tuple | str = "auto"

    _schedule = _defaults.DENOISING_SCHEDULE

    _parameter_constraints = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"auto"}),
        ],
        "evaluation_rate": [
            Interval(Real, 0, None, closed="left"),
            "array-like",
            StrOptions({"auto"}),
        ],
    }

    def corrupt(self, X):
        """Return rows corrupted as :meth:`score` does: the same row always alike.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            The rows at ``evaluation_rate``; float32 if ``X`` is, else float64.
        """
        check_is_fitted(self)
        rows = self._read(X)
        out = np.empty(rows.shape, dtype=rows.dtype)
        for block in blocks_of(*rows.shape):
            out[block] = self._corrupted(rows[block])
        return self._layout.restore(self, out, like=X)

    def score(self, X, y=None, sample_weight=None):
        r"""Return the R² of clean rows reconstructed from corrupted ones.

        The rows are corrupted at ``evaluation_rate``, each by its content alone:
        scores repeat, and candidates of a search that differ in their training rate are
        judged alike. :func:`~sklearn_ae.metrics.reconstruction_r2` leaves them clean.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Clean rows.
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
        return self._reconstruction_r2(X, sample_weight, self._corrupted)

    def _corrupted(self, rows):
        """Return a block of checked rows as they are corrupted for evaluation."""
        device = torch.device("cpu")
        clean = self._scaling.standardize(rows, torch.float64, device)
        uniform = keyed_uniform(row_keys(rows, EVALUATION_SEED), rows.shape[1])
        corrupt = self._evaluation.bind(torch.float64, device)
        corrupted = corrupt(clean, torch.from_numpy(uniform))
        # Cells that are left alone should not come back with rounding errors.
        changed = (corrupted != clean).numpy()
        original = dense_block(rows, slice(None))
        return np.where(changed, self._scaling.restore(corrupted), original)

    def _count_components(self, n_features):
        if isinstance(self.n_components, str):
            return min(n_features, _defaults.DENOISING_COMPONENTS)
        return self.n_components

    # -- corruption in training and where models are judged

    def _check_rows(self, rows):
        super()._check_rows(rows)
        self._evaluation_amount(rows.shape[1])

    def _evaluation_amount(self, n_features):
        value = self.evaluation_rate
        if isinstance(value, str):
            value = EVALUATION_SCALE if self._is_gaussian else EVALUATION_RATE
        return per_column("evaluation_rate", value, n_features, self.corruption)

    # The multiple of the rate of evaluation that "auto" has come to.
    _share = CANDIDATES[0]

    def _make_corruptions(self, source, weight, share=None):
        """Return the corruptions; ``share`` is a candidate for what "auto" comes to."""
        amount = self._evaluation_amount(source.n_features)
        evaluation = self._make_corruption(amount, source, weight)
        amount = self._corruption_amount(source.n_features, share)
        return Corruptions(evaluation.at(amount), evaluation)

    @property
    def _is_gaussian(self):
        return self.corruption == "gaussian"

    @property
    def _amount_is_auto(self):
        amount = self.noise_scale if self._is_gaussian else self.corruption_rate
        return isinstance(amount, str)

    def _corruption_amount(self, n_features, share=None):
        if not self._amount_is_auto:
            return super()._corruption_amount(n_features)
        amount = self._evaluation_amount(n_features)
        most = np.inf if self._is_gaussian else LARGEST_RATE
        return np.minimum((share or self._share) * amount, most)

    def _explore(self, rows, weight, group, recipe):
        if self._amount_is_auto:
            self._share = self._choose_share(rows, weight, group, recipe)

    def _choose_share(self, rows, weight, group, recipe):
        """Return the candidate whose short fit to some rows denoises others best."""
        if not recipe.hold_out or not recipe.settings.max_epochs:
            return CANDIDATES[0]
        # Ranks of contents are in a random order, in which the first are held out.
        index = np.flatnonzero(group > group.max() - PILOT_ROWS)
        n_steps = -(-len(index) // recipe.settings.batch_size)
        epochs = min(recipe.settings.max_epochs, max(1, PILOT_STEPS // n_steps))
        settings = replace(recipe.settings, max_epochs=epochs, callbacks=())
        losses = []
        for share in CANDIDATES:
            corruptions = partial(self._make_corruptions, share=share)
            pilot = replace(
                recipe,
                settings=settings,
                make_corruptions=corruptions,
                pretrain=None,
            )
            fitted = fit_network(rows, weight, group, pilot, index=index)
            if fitted.training.kept_loss is None:
                return CANDIDATES[0]
            losses.append(first(fitted.training.kept_loss))
        losses[0] *= 1 - MARGIN
        return CANDIDATES[int(np.argmin(losses))]

    # -- what came out

    def _publish(self, fitted, recipe):
        super()._publish(fitted, recipe)
        amount = fitted.corruptions.training.amount
        amount = float(amount[0]) if np.all(amount == amount[0]) else amount.copy()
        self.noise_scale_ = amount if self._is_gaussian else None
        self.corruption_rate_ = None if self._is_gaussian else amount

    def _describe_training(self, training):
        self.improved_on_linear_ = first(training.improved)
        self.validation_r2_ = share_kept(training.kept_loss)
        self.linear_validation_r2_ = share_kept(training.start_loss)
