import torch

from sklearn_ae.networks._steps import inside, positions, steps_at


def test_inside_marks_the_steps_there_are():
    marks = inside(torch.zeros(2, 3, 1), torch.tensor([1, 3]))
    assert marks.dtype == torch.float32
    assert marks.squeeze(-1).tolist() == [[1, 0, 0], [1, 1, 1]]


def test_positions_count_through_all_sequences():
    index = torch.tensor([[2, 0], [1, 1]])
    assert positions(index, 3).tolist() == [2, 0, 4, 4]


def test_steps_are_those_that_gather_takes():
    steps = torch.randn(2, 3, 5, 4, requires_grad=True)
    index = torch.randint(5, (3, 6))
    expected = steps.gather(-2, index.unsqueeze(-1).expand(2, 3, 6, 4))
    taken = steps_at(steps, index)
    assert torch.equal(taken, expected)
    way = torch.randn_like(taken)
    gradients = [torch.autograd.grad(one, steps, way)[0] for one in (taken, expected)]
    torch.testing.assert_close(*gradients)
