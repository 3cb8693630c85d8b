import pytest
import torch

from sklearn_ae import _linalg
from sklearn_ae._linalg import eigh
from sklearn_ae.training import cpu_threads


def draw(side):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(side, side, generator=generator, dtype=torch.float64)
    return matrix + matrix.T


@pytest.mark.parametrize("side", [1, 2, 30])
def test_eigenvalues_fall_and_eigenvectors_stand_beside_them(side):
    matrix = draw(side)
    values, vectors = eigh(matrix)
    assert (values.diff() <= 0).all()
    torch.testing.assert_close(matrix @ vectors, vectors * values)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(side).to(matrix))


def test_another_solver_steps_in_where_the_first_fails(monkeypatch):
    matrix = draw(30)
    expected, _ = eigh(matrix)

    def fail(matrix):
        raise torch.linalg.LinAlgError("the algorithm failed to converge")

    monkeypatch.setattr(_linalg.torch.linalg, "eigh", fail)
    values, vectors = eigh(matrix)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(matrix @ vectors, vectors * values)


def test_the_solver_runs_on_one_thread(monkeypatch):
    seen = []

    def spy(matrix):
        seen.append(torch.get_num_threads())
        return matrix, matrix

    monkeypatch.setattr(_linalg.torch.linalg, "eigh", spy)
    with cpu_threads(2):
        eigh(draw(2))
        assert torch.get_num_threads() == 2
    assert seen == [1]
