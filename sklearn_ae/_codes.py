"""Rows through a fitted network: codes, reconstructions and their R²."""

import math
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._compat import check_sample_weight
from ._inputs import UncheckedRows, check_codes
from .networks import light_pass
from .training import (
    blocks_of,
    cpu_threads,
    dense_block,
    in_threads,
    keep_freed_memory,
    map_blocks,
    parts_of,
    small_size,
)


class CodesMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """The transformer's side of an estimator.

    Block by block, in the precision of the stored network, so that memory is bounded
    and no row's result depends on the rows around it.
    """

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            The codes, float32 if ``X`` is, else float64. In the units of ``X``, as
            PCA's, or in standard deviations with ``standardize=True``; activations in
            (0, 1) and codes near a standard normal distribution have no unit.
        """
        check_is_fitted(self)
        rows = self._read_for_pass(X)
        codes = np.empty((rows.shape[0], self.n_components_), dtype=rows.dtype)
        encode = light_pass(self.net_.module_).encode
        return self._map_rows(rows, lambda x: encode(x)[0].cpu().numpy(), codes)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as :meth:`transform` returns them.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            In the units of the training rows; float32 if ``X`` is, else float64.

        Raises
        ------
        ValueError
            If ``X`` has not ``n_components_`` columns.
        """
        check_is_fitted(self)
        codes = check_codes(X, self.n_components_, type(self).__name__)
        return self._decode(*self._layout.prepared(self, codes))

    def _decode(self, codes, width):
        """Return what rows of some width prepared codes are decoded to."""
        rows = np.empty((len(codes), width), dtype=codes.dtype)
        network, layout = self.net_.module_, self._layout
        parameter = next(network.parameters())

        def read(block):
            return torch.tensor(
                codes[block], dtype=parameter.dtype, device=parameter.device
            )

        def decode(block):
            decoded = layout.decode(self, network, block, width)
            return self._scaling.restore(decoded[0])

        return layout.restore(self, self._map_blocks(read, decode, rows, parameter))

    def reconstruct(self, X):
        """Encode rows, then decode the codes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            The reconstructions, in the units of ``X``; float32 if ``X`` is, else
            float64. Equal to ``inverse_transform(transform(X))`` up to rounding.
        """
        check_is_fitted(self)
        if hasattr(self._layout, "reconstruct"):  # whole images, in tiles
            return self._layout.reconstruct(self, X)
        rows = self._read_for_pass(X)
        return self._layout.restore(self, self._reconstruct(rows), like=X)

    def score(self, X, y=None, sample_weight=None):
        r"""Return the R² of the reconstruction of rows.

        :math:`1 - \sum_i \lVert x_i - \hat x_i \rVert^2 / \sum_i \lVert x_i - \bar x
        \rVert^2` with the training mean :math:`\bar x`: the share of variance kept,
        comparable with the sum of PCA's ``explained_variance_ratio_``. With
        ``standardize=True`` every column is divided by its standard deviation first.

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

    @property
    def _n_features_out(self):
        return self.n_components_

    # -- rows through the network

    def _read(self, X):
        return self._layout.read(self, X, reset=False)

    def _read_for_pass(self, X):
        """Return rows for :meth:`_map_rows`, which checks their values if need be."""
        return self._layout.read_for_pass(self, X)

    def _reconstruction_r2(self, X, sample_weight, corrupt=None, reconstruct=None):
        """Return the R² of reconstructions, of corrupted rows if asked for.

        ``reconstruct`` replaces the estimator's own, for example by that of several.
        """
        reconstruct = reconstruct or self._reconstruct
        rows = self._read(X)
        weight = check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        weight = weight / (weight.max() or 1.0)
        total = self._layout.running_r2(self)
        for block in blocks_of(*rows.shape):
            read = rows[block] if corrupt is None else corrupt(rows[block])
            total.add(dense_block(rows, block), reconstruct(read), weight[block])
        return total.result()

    def _reconstruct(self, rows):
        """Return the reconstructions of checked rows."""
        network, scaling = light_pass(self.net_.module_), self._scaling
        out = np.empty(rows.shape, dtype=rows.dtype)
        return self._map_rows(
            rows, lambda x: scaling.restore(network(x).reconstruction[0]), out
        )

    def _map_rows(self, rows, function, out, network=None):
        """Fill ``out`` with a function of the standardised rows, block by block.

        Rows come in the precision of ``network``, or of the fitted one.
        """
        parameter = next((network or self.net_.module_).parameters())
        standardize = self._scaling.standardizer(parameter.dtype, parameter.device)
        is_unchecked = isinstance(rows, UncheckedRows)

        def read(block):
            standardized = standardize(rows[block])
            if is_unchecked and not math.isfinite(standardized.sum()):
                rows.check(block)
            return standardized

        return self._map_blocks(read, function, out, parameter, rows.shape[1])

    def _map_blocks(self, read, function, out, parameter, width=None):
        """Fill ``out`` with a function of what is read, block by block."""
        kind = self._network_kind
        size = small_size(kind, parameter.dtype)

        def fill(block):
            # A CPU reads what it computes next, while that is in its cache.
            on_cpu = parameter.device.type == "cpu"
            for part in parts_of(block, size) if on_cpu else [block]:
                map_blocks(function, read(part), kind, out[part])

        keep_freed_memory()
        blocks = list(blocks_of(len(out), width or out.shape[1]))
        in_threads(fill, blocks, self._n_workers(), within=self._inference)
        return out

    def _n_workers(self):
        """Return how many threads share the blocks: those the caller lets torch have.

        Each block is computed by one of them as it would be alone. Where a block takes
        two threads itself, blocks come one by one, and as on a GPU.
        """
        alone = self._n_threads_of_block() > 1 or self.net_.device != "cpu"
        return 1 if alone else torch.get_num_threads()

    def _n_threads_of_block(self):
        return self._network_kind.n_threads(self.batch_size_, self.n_features_in_)

    @contextmanager
    def _inference(self):
        """Compute without gradients, on as many threads as a block takes.

        And without the caller's autocast: results are of the precision of the network.
        """
        kind = torch.device(self.net_.device).type
        with (
            torch.inference_mode(),
            torch.autocast(kind, enabled=False),
            cpu_threads(self._n_threads_of_block()),
        ):
            yield
