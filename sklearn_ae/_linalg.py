"""Linear algebra whose bits and time do not depend on the number of threads."""

import torch

from .training import cpu_threads


def eigh(matrix):
    """Return eigenvalues and eigenvectors of a symmetric matrix, by falling value.

    On the CPU, since not every device has a solver, and on one thread: its many small
    steps are slower on two, by far when the cores are busy with other work.

    **Shape**: ``(d, d)`` to ``(d,)`` and ``(d, d)``, eigenvectors as columns.
    """
    with cpu_threads(1):
        values, vectors = torch.linalg.eigh(matrix.cpu())
    return values.flip(0).to(matrix.device), vectors.flip(1).to(matrix.device)
