"""Sequences as users hold them, and the rows they become."""

from typing import NamedTuple

import numpy as np
import torch

from ._images import form_of
from ._inputs import TableLayout, check_finite, name_columns, read_rows
from ._length_head import check_lengths, learn_lengths
from ._lengths import channel_means, lengths_of, steps_inside
from ._resampling import variance_on_grid
from ._sequence_forms import (
    FILL,
    as_numbers,
    as_sequences,
    check_not_empty,
    form_of_sequences,
    is_frame,
    is_table,
    split,
)
from .metrics import RunningR2
from .networks import widened


class LongestShape(NamedTuple):
    """Shape of the longest of sequences of several lengths."""

    n_steps: int
    n_channels: int


class SequenceLayout(TableLayout):
    """Sequences of one length or of several.

    Of one length they are ``(n, n_steps)`` or ``(n, n_steps, n_channels)``, and rows
    are flattened sequences. Of several they are a list of ``(n_steps, n_channels)`` or
    ``(n_steps,)``, or an array with NaN at the ends. Rows then have zeros where there
    are no steps left, and the number of steps in one more column.
    """

    def read(self, estimator, X, *, reset, min_rows=1):
        """Check sequences and return them as rows."""
        name = type(estimator).__name__
        X = as_sequences(X, name)
        check_not_empty(X, name)
        sequences = None if is_table(X) else split(X, name)
        if reset:
            estimator.varies_in_length_ = sequences is not None
            vars(estimator).pop("vocabulary_", None)
        if estimator.varies_in_length_ and not estimator._takes_lengths:
            raise ValueError(
                f"X holds sequences of several lengths, which {name} takes only of one "
                "length. Resample or cut them, or take SequenceAutoencoder without "
                "corruption."
            )
        if not estimator.varies_in_length_:
            if sequences is not None:
                raise several_lengths(sequences, estimator)
            return self._read_of_one_length(estimator, X, reset, min_rows)
        if sequences is None:
            sequences = split(as_numbers(X), name)
        return self._read_of_several(estimator, X, sequences, reset, min_rows)

    def _read_of_one_length(self, estimator, X, reset, min_rows):
        how, shape = (name_columns, FILL), None
        ndim, _ = form_of(X)
        if ndim == 3:
            shape = tuple(int(side) for side in X.shape[1:])
            if not reset:
                check_shape(shape, estimator)
            how = StepNames(shape), FILL
            X = X.reshape(len(X), shape[0] * shape[1])
        elif ndim == 2 and not reset and not is_frame(X):
            check_n_columns(X.shape[1], estimator)
        rows = read_rows(estimator, X, reset=reset, min_rows=min_rows)
        check_finite(rows, estimator, *how)
        if reset:
            estimator.sequence_shape_ = shape or (rows.shape[1], 1)
            estimator._sequence_form = ndim
        return rows

    def _read_of_several(self, estimator, X, sequences, reset, min_rows):
        name, n_channels = type(estimator).__name__, sequences[0].shape[1]
        if len(sequences) < min_rows:
            raise ValueError(
                f"Found array with {len(sequences)} sample(s) while a minimum of "
                f"{min_rows} is required by {name}."
            )
        lengths = [len(sequence) for sequence in sequences]
        if reset:
            estimator.sequence_shape_ = max(lengths), n_channels
            estimator._sequence_form = form_of_sequences(X)
            estimator.n_features_in_ = n_channels
            vars(estimator).pop("feature_names_in_", None)
        elif n_channels != estimator.sequence_shape_[1]:
            is_array = getattr(X, "ndim", 0) == 2
            alone = is_array and X.shape[1] == estimator.sequence_shape_[1]
            raise other_channels(n_channels, estimator, alone=alone)
        width = max(*lengths, estimator.sequence_shape_[0])
        return as_rows(sequences, lengths, width)

    def restore(self, estimator, rows, like=None):
        """Return rows as sequences, in the form of ``like`` or of those in ``fit``."""
        form = estimator._sequence_form if like is None else form_of_sequences(like)
        if not estimator.varies_in_length_:
            shape = estimator.sequence_shape_
            return rows.reshape(-1, *shape) if form in (3, "list") else rows
        n_channels = estimator.sequence_shape_[1]
        lengths = lengths_of(rows)
        steps = rows[:, :-1].reshape(len(rows), -1, n_channels)
        if form in (2, 3):
            known = max(*lengths, estimator.sequence_shape_[0])
            width = known if like is None else np.shape(like)[1]
            padded = np.full((len(rows), width, n_channels), np.nan, dtype=rows.dtype)
            inside = np.arange(width) < lengths[:, None]
            padded[inside] = steps[steps_inside(rows, n_channels)]
            return padded if form == 3 else padded[:, :, 0]
        parts = [part[:length] for part, length in zip(steps, lengths, strict=True)]
        return [part[:, 0] for part in parts] if form == "flat" else parts

    def prepared(self, estimator, codes, lengths=None):
        """Return codes, with their lengths beside them where these differ."""
        if not estimator.varies_in_length_:
            n_steps = estimator.sequence_shape_[0]
            if lengths is not None and any(check_lengths(lengths, codes) != n_steps):
                raise ValueError(
                    f"lengths={lengths!r} must all be {n_steps}, the length of the "
                    "sequences in fit. Leave it out."
                )
            return super().prepared(estimator, codes)
        if lengths is None:
            lengths = estimator._length_head.predict(codes)
        lengths = check_lengths(lengths, codes)
        width = int(lengths.max()) * estimator.sequence_shape_[1] + 1
        return np.column_stack([codes, lengths.astype(codes.dtype)]), width

    def decode(self, estimator, network, codes, width):
        """Return what a network makes of prepared codes, as rows of a width."""
        if not estimator.varies_in_length_:
            return network.decode(codes)
        lengths = codes[:, -1].round().long().clamp(min=1)
        return widened(network.decode(codes[:, :-1], lengths), width)

    def form(self, ndim, pixels):
        """Return the attributes of an estimator fitted to data of such a form."""
        return {"_sequence_form": ndim}

    def row_shape(self, estimator):
        """Return (n_steps, n_channels), of the longest where lengths differ."""
        shape = estimator.sequence_shape_
        return LongestShape(*shape) if estimator.varies_in_length_ else tuple(shape)

    def describe(self, estimator, fitted):
        """Learn what lengths codes tell of; units are by channel."""
        if not estimator.varies_in_length_:
            return
        n_channels = estimator.sequence_shape_[1]
        rows = fitted.rows.X  # of a stream a sample
        estimator.mean_ = channel_means(rows, fitted.weight, n_channels)[1]
        if estimator.scale_ is not None:
            estimator.scale_ = fitted.scaling.std[:n_channels].copy()
        least, most = lengths_of(rows).min(), estimator.sequence_shape_[0]
        estimator._length_head = learn_lengths(fitted, least, most)

    def total_variance(self, estimator, fitted):
        """Return the variance that codes have a share of: of what PCA is taken of."""
        if not estimator.varies_in_length_:
            return super().total_variance(estimator, fitted)
        weight, unit = torch.from_numpy(fitted.weight), fitted.metric.unit
        n_channels = estimator.sequence_shape_[1]
        return variance_on_grid(fitted.rows, weight, unit, n_channels)

    def check_block(self, estimator, rows):
        """Refuse to train on with longer sequences than were in the fit before."""
        most = estimator.sequence_shape_[0]
        if estimator.varies_in_length_ and lengths_of(rows).max() > most:
            raise ValueError(
                f"X holds a sequence of {lengths_of(rows).max()} steps, and the "
                f"longest of the fit before had {most}. Cut it, or fit anew to rows "
                "with one of the longest sequences, in a stream as its first block."
            )

    def trimmed(self, estimator, rows):
        """Return rows as wide as the longest sequence that counts in a fit."""
        if not estimator.varies_in_length_:
            return rows
        most, n_channels = int(lengths_of(rows).max()), estimator.sequence_shape_[1]
        estimator.sequence_shape_ = most, n_channels
        return np.hstack([rows[:, : most * n_channels], rows[:, -1:]])

    def check_compressible(self, estimator):
        """Refuse to compress sequences of several lengths."""
        if estimator.varies_in_length_:
            raise ValueError(
                f"{type(estimator).__name__} was fitted on sequences of several "
                "lengths, and compress takes such of one: codes do not carry the "
                "lengths. Resample the sequences to one length."
            )

    def running_r2(self, estimator):
        """Return what sums up the R² of reconstructions."""
        if not estimator.varies_in_length_:
            return super().running_r2(estimator)
        return MaskedR2(estimator.mean_, estimator.scale_)


class MaskedR2(RunningR2):
    """R² of reconstructed sequences, over the steps that they have."""

    def add(self, rows, reconstruction, weight):
        """Take a block of rows, their reconstructions and weights."""
        n_channels = len(self.mean)
        inside = steps_inside(rows, n_channels)
        cells, decoded = (
            part[:, :-1].reshape(len(rows), -1, n_channels)[inside]
            for part in (rows, reconstruction)
        )
        super().add(cells, decoded, np.repeat(weight, inside.sum(axis=1)))


def as_rows(sequences, lengths, width):
    """Return sequences as rows, zero behind their ends, with the lengths at the end."""
    n_channels = sequences[0].shape[1]
    are_single = all(sequence.dtype == np.float32 for sequence in sequences)
    dtype = np.float32 if are_single else np.float64
    rows = np.zeros((len(sequences), width * n_channels + 1), dtype=dtype)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: sequence.size] = sequence.ravel()
    rows[:, -1] = lengths
    return rows


# -- errors


class StepNames:
    """Says which steps a mask over the cells of a row holds.

    Parameters
    ----------
    shape : tuple (n_steps, n_channels)
    """

    def __init__(self, shape):
        self.shape = shape

    def __call__(self, mask, estimator):
        steps = np.flatnonzero(mask.reshape(self.shape).any(axis=1))
        more = len(steps) - 1
        others = f" and {more} other" + "s" * (more > 1) if more else ""
        return f"step {steps[0]}{others}"


def check_shape(shape, estimator):
    """Refuse sequences of another length or number of channels than in ``fit``."""
    known = tuple(estimator.sequence_shape_)
    if shape == known:
        return
    if shape[1] != known[1]:
        raise other_channels(shape[1], estimator, turned=shape == known[::-1])
    raise ValueError(
        f"X holds sequences of {shape[0]} steps, and {type(estimator).__name__} was "
        f"fitted on {known[0]}. Cut or resample them to this length, or fit on a list "
        "of sequences of several lengths."
    )


def check_n_columns(n_columns, estimator):
    """Refuse rows that have not the numbers of a flattened sequence."""
    n_steps, n_channels = estimator.sequence_shape_
    if n_columns == n_steps * n_channels:
        return
    plural = "s" * (n_channels > 1)
    alone = " A sequence alone is X[np.newaxis]." if n_columns == n_channels else ""
    raise ValueError(
        f"X has {n_columns} features, but {type(estimator).__name__} is expecting "
        f"{n_steps * n_channels} features as input: those of sequences of {n_steps} "
        f"steps and {n_channels} channel{plural}. Cut or resample them to this length, "
        f"or fit on a list of sequences of several lengths.{alone}"
    )


def other_channels(n_channels, estimator, turned=False, alone=False):
    """Return the error for sequences of other channels than those in ``fit``."""
    advice = "Give the channels of fit, in their order."
    if alone:
        advice = "A sequence alone is [X]."
    if turned:
        advice = "Steps come before channels: give X.transpose(0, 2, 1)."
    return ValueError(
        f"X holds sequences of {n_channels} channels, and {type(estimator).__name__} "
        f"was fitted on {estimator.sequence_shape_[1]}. {advice}"
    )


def several_lengths(sequences, estimator):
    """Return the error for several lengths where ``fit`` saw one."""
    lengths = [len(sequence) for sequence in sequences]
    return ValueError(
        f"X holds sequences of {min(lengths)} to {max(lengths)} steps, and "
        f"{type(estimator).__name__} was fitted on {estimator.sequence_shape_[0]}. Cut "
        "or resample them to this length, or fit on a list of sequences of several "
        "lengths."
    )
