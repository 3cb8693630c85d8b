"""Steps of fewer rows, where a GPU's memory is too small for a batch."""

import warnings
from dataclasses import replace

import torch


def with_enough_memory(train, settings, n_rows):
    """Return what training comes to, with fewer rows in a step if they do not fit.

    Parameters
    ----------
    train : callable
        Takes settings.
    settings : Settings
    n_rows : int
        Training rows.

    Returns
    -------
    trained : object
    """
    while True:
        try:
            return train(settings)
        except torch.OutOfMemoryError:
            fewer = with_fewer_rows(settings, n_rows)
            if fewer is None:
                raise
        # Not before the error is gone, whose frames hold what fills the memory.
        settings = fewer


def with_fewer_rows(settings, n_rows):
    """Return settings of half the rows in a step, and say so.

    Parameters
    ----------
    settings : Settings
        Of a training that has run out of memory.
    n_rows : int
        Training rows.

    Returns
    -------
    settings : Settings or None
        None where a step had one row only.
    """
    batch_size = min(settings.batch_size, n_rows) // 2
    if not batch_size:
        return None
    warnings.warn(
        f"Training ran out of memory on device={str(settings.device)!r} with "
        f"batch_size={settings.batch_size}, and starts again with "
        f"batch_size={batch_size}. Set batch_size={batch_size} to begin with it.",
        stacklevel=2,
    )
    return replace(settings, batch_size=batch_size)
