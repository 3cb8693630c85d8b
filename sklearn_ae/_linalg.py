"""Linear algebra whose bits and time do not depend on the number of threads."""

import torch
from scipy import linalg

from .training import cpu_threads


def eigh(matrix):
    """Return eigenvalues and eigenvectors of a symmetric matrix, by falling value.

    On the CPU, since not every device has a solver, and on one thread: its many small
    steps are slower on two, by far when the cores are busy with other work.

    The solver divides and conquers, which is fast and now and then fails, of matrices
    with many equal eigenvalues. Where it does, QR steps take its place.

    **Shape**: ``(d, d)`` to ``(d,)`` and ``(d, d)``, eigenvectors as columns.
    """
    with cpu_threads(1):
        try:
            values, vectors = torch.linalg.eigh(matrix.cpu())
        except torch.linalg.LinAlgError:
            solved = linalg.eigh(matrix.cpu().numpy(), driver="ev")
            values, vectors = map(torch.from_numpy, solved)
    return values.flip(0).to(matrix.device), vectors.flip(1).to(matrix.device)
