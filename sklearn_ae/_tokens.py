"""Sequences of tokens: strings cut into characters or words, or numbers as they are."""

import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np

from ._length_head import check_lengths
from ._lengths import lengths_of
from ._sequences import SequenceLayout, as_rows
from .metrics import RunningR2

# What stands for tokens that training has not seen, by kind of tokens.
UNKNOWN = {"char": "\ufffd", "word": "\ufffd", "int": -1}

# Unknown tokens that a warning names.
NAMED = 5


class TokenShape(NamedTuple):
    """Shape of rows of token numbers: steps of the longest, and tokens there are."""

    n_steps: int
    n_channels: int
    n_tokens: int


class TokenLayout(SequenceLayout):
    """Strings, or sequences of integers, as rows of token numbers.

    The number 0 stands for all tokens that training has not seen. Rows have zeros where
    there are no tokens left, and the number of tokens in one more column.

    Parameters
    ----------
    kind : {"char", "int", "word"}
    max_tokens : int
        Tokens that are told apart, at most.
    """

    def __init__(self, kind, max_tokens):
        self.kind = kind
        self.max_tokens = max_tokens

    def read(self, estimator, X, *, reset, min_rows=1):
        """Check texts and return them as rows of token numbers."""
        name = type(estimator).__name__
        sequences = self._split(X, name)
        if len(sequences) < min_rows:
            raise ValueError(
                f"Found array with {len(sequences)} sample(s) while a minimum of "
                f"{min_rows} is required by {name}."
            )
        lengths = [len(sequence) for sequence in sequences]
        if not reset and max(lengths) > estimator.sequence_shape_[0]:
            raise too_long(max(lengths), estimator)
        if reset:
            estimator.vocabulary_ = learn_vocabulary(sequences, self.max_tokens)
            estimator.varies_in_length_ = True
            estimator.sequence_shape_ = max(lengths), 1
            estimator.n_features_in_ = 1
            vars(estimator).pop("feature_names_in_", None)
        vocabulary = estimator.vocabulary_
        numbers = [
            np.array([[vocabulary.get(token, 0)] for token in sequence], dtype=float)
            for sequence in sequences
        ]
        if not reset:
            _warn_of_unknown(sequences, vocabulary, name)
        return as_rows(numbers, lengths, estimator.sequence_shape_[0])

    def _split(self, X, name):
        """Return sequences as lists of tokens."""
        if isinstance(X, str):
            raise ValueError(
                f"X is one string, and {name} takes several. Give a list: [X]."
            )
        if hasattr(X, "columns"):
            raise ValueError(
                f"X is a table, and {name} takes a list of sequences with "
                f"tokens={self.kind!r}. Give one of its columns."
            )
        if not hasattr(X, "__iter__"):
            raise ValueError(
                f"X={X!r} is no list of sequences, as tokens={self.kind!r} takes it. "
                "Give a list of them."
            )
        if self.kind != "int":
            return [self._cut(item, i) for i, item in enumerate(list(X))]
        sequences = []
        for i, item in enumerate(list(X)):
            array = np.asarray(item)
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise ValueError(
                    f"X[{i}] is no sequence of integers, as tokens='int' takes them. "
                    "Give an array of shape (n_steps,) for each sequence; for text "
                    "take tokens='char' or tokens='word'."
                )
            sequences.append(array.tolist())
        for i, sequence in enumerate(sequences):
            _check_not_empty(sequence, i)
        return sequences

    def _cut(self, item, i):
        if not isinstance(item, str):
            raise ValueError(
                f"X[{i}] is {item!r}, and tokens={self.kind!r} takes strings. Give a "
                "list of strings; for sequences of integers take tokens='int'."
            )
        tokens = list(item) if self.kind == "char" else item.split()
        _check_not_empty(tokens, i)
        return tokens

    def restore(self, estimator, rows, like=None):
        """Return rows as strings, or as a list of arrays of integers."""
        tokens = [UNKNOWN[self.kind], *estimator.vocabulary_]
        sequences = [
            [tokens[number] for number in row[:length]]
            for row, length in zip(
                np.rint(rows).astype(int), lengths_of(rows), strict=True
            )
        ]
        if self.kind == "int":
            return [np.array(sequence) for sequence in sequences]
        between = "" if self.kind == "char" else " "
        return [between.join(sequence) for sequence in sequences]

    def row_shape(self, estimator):
        """Return the steps of the longest sequence, and the number of tokens."""
        n_steps = estimator.sequence_shape_[0]
        return TokenShape(n_steps, 1, 1 + len(estimator.vocabulary_))

    def prepared(self, estimator, codes, lengths=None):
        """Return codes with their lengths beside them, and the rows' width."""
        if lengths is not None:
            longest = check_lengths(lengths, codes).max()
            if longest > estimator.sequence_shape_[0]:
                raise too_long(longest, estimator)
        return super().prepared(estimator, codes, lengths)

    def describe(self, estimator, fitted):
        """Learn what lengths codes tell of; tokens have no mean and no unit."""
        super().describe(estimator, fitted)
        estimator.mean_ = estimator.scale_ = None

    def total_variance(self, estimator, fitted):
        """Return None: tokens have no variance that codes could have a share of."""

    def trimmed(self, estimator, rows):
        """Return rows as of the sequences that count in a fit, and of no others."""
        lengths = lengths_of(rows)
        most = int(lengths.max())
        estimator.sequence_shape_ = most, 1
        rows = np.hstack([rows[:, :most], rows[:, -1:]])
        # Nor do tokens count of sequences that do not.
        inside = np.arange(most) < lengths[:, None]
        tokens = [None, *estimator.vocabulary_]
        counts = np.bincount(rows[:, :-1][inside].astype(int), minlength=len(tokens))
        kept = [number for number in range(1, len(tokens)) if counts[number]]
        kept.sort(key=lambda number: (-counts[number], tokens[number]))
        renumbered = np.zeros(len(tokens))
        renumbered[kept] = np.arange(1, len(kept) + 1)
        rows[:, :-1] = renumbered[rows[:, :-1].astype(int)]
        estimator.vocabulary_ = {
            tokens[number]: new for new, number in enumerate(kept, start=1)
        }
        return rows

    def running_r2(self, estimator):
        """Return what counts the tokens that come back."""
        return TokenAccuracy()


class TokenAccuracy(RunningR2):
    """Share of tokens that come back, over the steps there are."""

    def __init__(self):
        self.right = self.mass = 0.0

    def add(self, rows, reconstruction, weight):
        """Take a block of rows, their reconstructions and weights."""
        inside = np.arange(rows.shape[1] - 1) < lengths_of(rows)[:, None]
        is_right = np.rint(rows[:, :-1]) == np.rint(reconstruction[:, :-1])
        self.right += float(weight @ (is_right & inside).sum(axis=1))
        self.mass += float(weight @ inside.sum(axis=1))

    def result(self):
        """Return the share."""
        return self.right / (self.mass or 1.0)


def learn_vocabulary(sequences, most):
    """Return numbers from 1 by token, the commonest first; of equals the lesser one."""
    counts = Counter(token for sequence in sequences for token in sequence)
    tokens = sorted(counts, key=lambda token: (-counts[token], token))[: most - 1]
    return {token: number for number, token in enumerate(tokens, start=1)}


def too_long(length, estimator):
    """Return the error for a sequence longer than all of ``fit``."""
    return ValueError(
        f"A sequence of {length} tokens is longer than the longest in fit, of "
        f"{estimator.sequence_shape_[0]}. Cut it, or give fit one as long."
    )


def _check_not_empty(sequence, i):
    if not sequence:
        raise ValueError(
            f"X[{i}] has no tokens. Leave empty sequences out: there is nothing to "
            "encode."
        )


def _warn_of_unknown(sequences, vocabulary, name):
    unknown = Counter(
        token for sequence in sequences for token in sequence if token not in vocabulary
    )
    if not unknown:
        return
    total = sum(map(len, sequences))
    named = ", ".join(repr(token) for token, _ in unknown.most_common(NAMED))
    more = len(unknown) - NAMED
    others = f" and {more} others" if more > 0 else ""
    warnings.warn(
        f"X holds {sum(unknown.values())} tokens of {total} that {name} has not seen "
        f"in fit, or too seldom: {named}{others}. They are taken as one unknown token. "
        "Fit to more, or raise max_tokens, to tell them apart.",
        UserWarning,
        stacklevel=2,
    )
