"""Sequences as users hold them, and the rows they become."""

import numpy as np
import torch
from scipy import sparse

from ._images import form_of
from ._inputs import TableLayout, check_finite, name_columns, read_rows
from ._lengths import channel_means, lengths_of, steps_inside
from ._resampling import variance_on_grid
from .metrics import RunningR2
from .training import blocks_of, weighted_sum

# Ridge of the regression of lengths on codes, the most components of which products
# are terms of it, and the sequences, at most, that it is learned from.
RIDGE, MOST_PRODUCTS, HEAD_ROWS = 1e-3, 32, 10_000

# What to do about missing steps, and about infinite ones.
FILL = (
    "Fill these steps, for example by interpolation, or leave the sequence out. NaN in "
    "all channels from a step to the end stands for a sequence that has ended."
)
REPLACE = "Replace these steps, or leave the sequence out."


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

    def decode(self, estimator, network, codes):
        """Return what a network makes of a tensor of prepared codes."""
        if not estimator.varies_in_length_:
            return network.decode(codes)
        return network.decode(codes[:, :-1], codes[:, -1].round().long().clamp(min=1))

    def row_shape(self, estimator):
        """Return (n_steps, n_channels), and True where lengths differ."""
        shape = tuple(estimator.sequence_shape_)
        return (*shape, True) if estimator.varies_in_length_ else shape

    def describe(self, estimator, fitted):
        """Learn what lengths codes tell of; units are by channel."""
        if not estimator.varies_in_length_:
            return
        n_channels = estimator.sequence_shape_[1]
        lengths = lengths_of(estimator._reference.rows)
        most, is_stream = estimator.sequence_shape_[0], fitted.training is None
        if is_stream:  # of which there is a sample
            sample = fitted.rows.X, fitted.weight, n_channels
            estimator.mean_ = channel_means(*sample)[1]
        else:
            estimator.mean_ = fitted.mean[:n_channels].copy()
            lengths = lengths_of(fitted.rows.X)
        if estimator.scale_ is not None:
            estimator.scale_ = fitted.scaling.std[:n_channels].copy()
        if hasattr(estimator, "explained_variance_ratio_"):
            weight = torch.from_numpy(fitted.weight)
            total = variance_on_grid(
                fitted.rows, weight, fitted.metric.unit, n_channels
            )
            share = fitted.metric.total / (total or 1.0)
            estimator.explained_variance_ratio_ *= share
        estimator._length_head = learn_lengths(fitted, lengths.min(), most)

    def check_block(self, estimator, rows):
        """Refuse a later block of a stream with longer sequences than the first."""
        most = estimator.sequence_shape_[0]
        if estimator.varies_in_length_ and lengths_of(rows).max() > most:
            raise ValueError(
                f"X holds a sequence of {lengths_of(rows).max()} steps, and the "
                f"longest of the first block had {most}. Give partial_fit a first "
                "block with one of the longest sequences, or cut this one."
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


class LengthHead:
    """What lengths codes tell of: a ridge regression on them and their products.

    Attributes
    ----------
    center, spread : ndarray of shape (n_components,)
    weights : ndarray of shape (n_terms,)
    least, most : int
        Of the training sequences' lengths.
    """

    def __init__(self, least, most):
        self.least, self.most = int(least), int(most)

    def fit(self, codes, lengths, weight):
        """Learn from training sequences.

        Parameters
        ----------
        codes : ndarray of shape (n, n_components)
        lengths, weight : ndarray of shape (n,)
        """
        share = weight / weight.sum()
        self.center = weighted_sum(share, codes)
        variance = weighted_sum(share, (codes - self.center) ** 2)
        self.spread = np.sqrt(np.where(variance > 0, variance, 1.0))
        terms = self._terms(codes)
        gram = (terms.T * share) @ terms
        gram[1:, 1:] += RIDGE * np.eye(len(gram) - 1)
        self.weights = np.linalg.solve(gram, (terms.T * share) @ lengths)
        return self

    def predict(self, codes):
        """Return lengths, none beyond those of the training sequences."""
        lengths = np.rint(self._terms(codes) @ self.weights)
        return np.clip(lengths, self.least, self.most).astype(int)

    def _terms(self, codes):
        codes = np.clip((codes - self.center) / self.spread, -3, 3)
        ones = np.ones((len(codes), 1))
        if codes.shape[1] > MOST_PRODUCTS:
            return np.hstack([ones, codes])
        first, second = np.triu_indices(codes.shape[1])
        return np.hstack([ones, codes, codes[:, first] * codes[:, second]])


@torch.no_grad()
def learn_lengths(fitted, least, most):
    """Return the :class:`LengthHead` of a fit's training sequences.

    Of many it learns from some, which the ranks of their contents decide.
    """
    group = fitted.plan.group
    index = np.unique(group, return_index=True)[1][:HEAD_ROWS]
    codes, lengths = [], []
    for block in blocks_of(len(index), fitted.rows.n_features):
        rows = fitted.rows.take(torch.from_numpy(index[block]))
        codes.append(fitted.network.encode(rows)[0].cpu().numpy())
        lengths.append(rows[:, -1].cpu().numpy())
    weight = np.bincount(group, fitted.weight)[:HEAD_ROWS]
    head = LengthHead(least, most)
    return head.fit(np.concatenate(codes), np.concatenate(lengths), weight)


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


# -- what came in


def as_sequences(X, name):
    """Return a table or an array as it is, and other sequences as a list of arrays."""
    if is_frame(X):
        # A column of sequences is a list of them.
        return as_sequences(list(X), name) if getattr(X, "ndim", 2) == 1 else X
    try:
        array = np.asarray(X)
    except ValueError:  # sequences of several lengths
        return as_list(X, name)
    if array.dtype == object and array.ndim == 1 and any(map(np.ndim, array)):
        items = as_list(array, name)
        same = len({item.shape for item in items}) == 1
        return np.stack(items) if same else items
    if array.ndim > 3:
        raise ValueError(
            f"X has shape {array.shape}, and {name} takes sequences of shape (n, "
            "n_steps) or (n, n_steps, n_channels), or a list of them."
        )
    return array


def is_frame(X):
    """Whether an object is a sparse matrix or a table with columns."""
    return sparse.issparse(X) or hasattr(X, "iloc") or hasattr(X, "__dataframe__")


def is_table(X):
    """Whether sequences are all of one length."""
    if isinstance(X, list):
        return False
    return is_frame(X) or X.ndim < 2 or X.dtype.kind != "f" or not np.isnan(X).any()


def as_list(X, name):
    """Return sequences as float arrays of one dimension or two."""
    items = []
    for i, item in enumerate(X):
        try:
            array = as_numbers(item)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X[{i}] is no sequence of numbers. Give {name} an array of shape "
                "(n_steps, n_channels) for each sequence."
            ) from error
        items.append(array)
    check_items(items, name)
    return items


def check_items(items, name):
    """Refuse sequences without steps, and such of several kinds."""
    for i, item in enumerate(items):
        if item.ndim not in (1, 2):
            raise ValueError(
                f"X[{i}] has shape {item.shape}, and {name} takes sequences of shape "
                "(n_steps, n_channels) or (n_steps,)."
            )
        if not item.size:
            raise ValueError(
                f"X[{i}] has no steps. Leave empty sequences out: there is nothing to "
                "encode."
            )
    counts = sorted({item.shape[1] if item.ndim == 2 else 1 for item in items})
    if len(counts) > 1:
        raise ValueError(
            f"X holds sequences of {' and '.join(map(str, counts))} channels. Give all "
            "the same channels, with steps before channels."
        )


def check_not_empty(X, name):
    """Refuse what holds no sequences, or such without steps."""
    shape = np.shape(X) if hasattr(X, "shape") else (len(X),)
    if not shape or (shape[0] > 0 and 0 not in shape):
        return
    what = "sample" if shape[0] == 0 else "feature"
    raise ValueError(
        f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is "
        f"required by {name}."
    )


def split(X, name):
    """Return sequences as a list of arrays ``(n_steps, n_channels)``."""
    sequences = [ended(item.reshape(len(item), -1)) for item in X]
    for i, sequence in enumerate(sequences):
        if not len(sequence):
            raise ValueError(
                f"Input X contains NaN in every step of X[{i}]. Leave the sequence "
                "out: there is nothing to encode."
            )
        for is_bad, what, remedy in (
            (np.isnan, "NaN", FILL),
            (np.isinf, "infinity", REPLACE),
        ):
            bad = np.flatnonzero(is_bad(sequence).any(axis=1))
            if bad.size:
                raise ValueError(
                    f"Input X contains {what} in step {bad[0]} of X[{i}]. {remedy}"
                )
    return sequences


def as_numbers(X):
    """Return a table or an array as an array of numbers."""
    array = X.toarray() if sparse.issparse(X) else np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: sequences hold real numbers.")
    return array if array.dtype.kind in "fiub" else array.astype(np.float64)


def ended(sequence):
    """Return a sequence up to the last step that is not missing as a whole."""
    if sequence.dtype.kind != "f":
        return sequence
    there = np.flatnonzero(~np.isnan(sequence).all(axis=1))
    return sequence[: there[-1] + 1 if there.size else 0]


def form_of_sequences(X):
    """Return how sequences are held: 2, 3, "list" or "flat", a list of 1-D arrays."""
    if is_frame(X):
        return 2
    try:
        array = np.asarray(X)
    except ValueError:
        return "flat" if np.ndim(X[0]) == 1 else "list"
    if array.dtype == object and array.ndim == 1:
        return "flat" if np.ndim(array[0]) == 1 else "list"
    return array.ndim


# -- rows of several lengths


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


def check_lengths(lengths, codes):
    """Return lengths as an array of integers, one for each code."""
    array = np.asarray(lengths)
    if array.shape != (len(codes),) or array.dtype.kind not in "iu" or array.min() < 1:
        raise ValueError(
            f"lengths={lengths!r} must hold one positive integer for each of the "
            f"{len(codes)} codes. Leave it out to have them told from the codes."
        )
    return array


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
