"""Compression: rows as bytes, by way of their codes."""

import hashlib
from numbers import Integral

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ._byte_format import PIXELS, Header, pack, unpack
from ._codec import (
    MOST_BITS,
    CodeModel,
    contradiction,
    decode_symbols,
    encode_symbols,
    import_constriction,
)
from ._images import as_array, form_of
from .training import blocks_of

# Distinct training rows, at most, whose codes the code model is learned from.
MODEL_ROWS = 10_000


class CompressionMixin:
    """Rows as bytes: codes are rounded, and coded by how often each value occurs.

    What the codes of the training rows were like is learned at the end of a fit.
    """

    def compress(self, X, *, bits=6):
        """Compress rows, or images, to bytes.

        Lossy: the codes of the rows are rounded, as :meth:`quantize` says, and packed
        without further loss. :meth:`decompress` of this model, or of a pickle of it,
        turns the bytes back into rows. Needs the ``compression`` extra.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, or images in any layout that :meth:`transform` takes.
        bits : int, default=6
            Fineness of the codes, 1 to 16: the component that varies most has
            ``2**bits`` steps within 4 standard deviations of zero, and all components
            have the same step. One more bit halves the step.

        Returns
        -------
        data : bytes
            At most 64 bytes, and 6 for each entry of the codes; usually fewer than
            ``bits`` bits for each entry, and some 30 bytes once for all rows.

        Raises
        ------
        ImportError
            If constriction is not installed.
        ValueError
            If ``bits`` is no integer from 1 to 16, or a row lies so far out that its
            code is more than 2**31 - 1 steps from zero.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_ae import Autoencoder
        >>> X = load_iris().data
        >>> ae = Autoencoder(2, max_epochs=20, random_state=0).fit(X)
        >>> data = ae.compress(X, bits=5)
        >>> X.nbytes, len(data) < 250
        (4800, True)
        >>> ae.decompress(data).shape
        (150, 4)
        """
        check_is_fitted(self)
        check_bits(bits)
        self._layout.check_compressible(self)
        # Before any computing: a missing package should not cost the user the wait.
        import_constriction()
        codes = np.asarray(self.transform(X))
        ndim, pixels = form_of(as_array(X))
        header = Header(
            bits=int(bits),
            dtype=str(codes.dtype),
            ndim=ndim,
            pixels=pixels if pixels in PIXELS else "",
            fingerprint=self._fingerprint(),
            n_rows=codes.shape[0],
            n_components=codes.shape[1],
            row_shape=tuple(self._row_shape),
        )
        symbols = self._code_model.quantize(codes, bits)
        return pack(header, encode_symbols(symbols, self._code_model, bits))

    def decompress(self, data):
        """Return the rows that :meth:`compress` made bytes of, as far as it kept them.

        Equal to ``inverse_transform(quantize(X, bits=bits))`` to the last bit, on the
        same machine.

        Parameters
        ----------
        data : bytes
            What :meth:`compress` returned.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            In the units of the training rows; images in the layout in which they were
            compressed. float32 if those given to :meth:`compress` were or became
            float32, else float64.

        Raises
        ------
        ImportError
            If constriction is not installed.
        TypeError
            If ``data`` are no bytes.
        ValueError
            If ``data`` is damaged, or was compressed by another model.
        """
        check_is_fitted(self)
        header, payload = unpack(data)
        self._check_header(header)
        symbols = decode_symbols(payload, header.n_rows, self._code_model, header.bits)
        codes = self._code_model.dequantize(symbols, header.bits, header.dtype)
        # A twin, which took its training images in the form of those compressed.
        twin = object.__new__(type(self))
        form = self._layout.form(header.ndim, header.pixels)
        vars(twin).update({**vars(self), **form})
        return twin.inverse_transform(codes)

    def quantize(self, X, *, bits=6):
        """Encode rows, and round the codes as :meth:`compress` does.

        To the nearest multiples of one step for all components:
        ``8 * std.max() / 2**bits``, of the standard deviations of the training rows'
        codes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows, or images in any layout that :meth:`transform` takes.
        bits : int, default=6
            Fineness of the codes, 1 to 16, as in :meth:`compress`.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            The rounded codes, float32 if those of :meth:`transform` are, else float64.

        Raises
        ------
        ValueError
            As :meth:`compress`.
        """
        check_is_fitted(self)
        check_bits(bits)
        codes = np.asarray(self.transform(X))
        symbols = self._code_model.quantize(codes, bits)
        return self._code_model.dequantize(symbols, bits, codes.dtype)

    def _describe_codes(self, fitted):
        super()._describe_codes(fitted)
        self._code_model = learn_code_model(fitted)

    def _fingerprint(self):
        """Return 8 bytes that follow from all that decoding rests on."""
        tensors = self.net_.module_.state_dict()
        arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
        digest = hashlib.blake2b(digest_size=8)
        for part in (arrays, vars(self._scaling), vars(self._code_model)):
            for name, array in sorted(part.items()):
                digest.update(f"{name} {array.shape} {array.dtype}".encode())
                digest.update(np.ascontiguousarray(array))
        return digest.digest()

    def _check_header(self, header):
        """Refuse what another model compressed."""
        n_components, row_shape = self.n_components_, tuple(self._row_shape)
        if header.fingerprint != self._fingerprint():
            raise ValueError(
                f"data was compressed by another model, of {header.n_components} "
                f"components and rows of shape {header.row_shape}; this "
                f"{type(self).__name__} has {n_components} and {row_shape}. Decompress "
                "it with the estimator that compressed it, or with a pickle of that "
                "one: a new fit is another model."
            )
        if (header.n_components, header.row_shape) != (n_components, row_shape):
            raise contradiction("its header and its fingerprint are of two models")


def check_bits(bits):
    """Refuse what is no number of bits."""
    if not isinstance(bits, Integral) or not 1 <= bits <= MOST_BITS:
        raise ValueError(
            f"bits={bits!r} must be an integer from 1 to {MOST_BITS}: the component "
            "that varies most has 2**bits steps. Give, for example, bits=6."
        )


@torch.no_grad()
def learn_code_model(fitted):
    """Return the ``CodeModel`` of a fit's training rows.

    One row of each content, with the weight of all: neither the order of the rows nor
    how their weights are split changes a bit.
    """
    some = np.flatnonzero(fitted.plan.group < MODEL_ROWS)
    group = fitted.plan.group[some]
    weight = np.bincount(group, fitted.weight[some])
    index = np.empty(len(weight), dtype=np.intp)
    index[group[::-1]] = some[::-1]  # the first of each, which comes last
    codes = np.concatenate(
        [
            fitted.network.encode(fitted.rows.take(torch.from_numpy(index[block])))[0]
            .cpu()
            .numpy()
            for block in blocks_of(len(index), fitted.network.n_features)
        ]
    )
    return CodeModel.of(codes, weight)
