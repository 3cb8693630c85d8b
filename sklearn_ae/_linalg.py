"""Linear algebra whose bits and time do not depend on the number of threads."""

import torch

from .training import cpu_threads


def eigh(matrix):
    """Return eigenvalues and eigenvectors of a symmetric matrix, by falling value.

    On one thread: the solver's many small steps are slower on two, by far when the
    cores are busy with other work.

    **Shape**: ``(d, d)`` to ``(d,)`` and ``(d, d)``, eigenvectors as columns.
    """
    with cpu_threads(1):
        values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0), vectors.flip(1)
