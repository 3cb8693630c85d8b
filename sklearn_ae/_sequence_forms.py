"""The forms in which users hold sequences: tables, arrays, and lists of arrays."""

import numpy as np
from scipy import sparse

# What to do about missing steps, and about infinite ones.
FILL = (
    "Fill these steps, for example by interpolation, or leave the sequence out. NaN in "
    "all channels from a step to the end stands for a sequence that has ended."
)
REPLACE = "Replace these steps, or leave the sequence out."


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
