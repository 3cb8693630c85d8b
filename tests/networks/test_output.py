import torch

from sklearn_ae.networks import Output


def test_a_bottleneck_may_leave_out_the_penalty():
    assert Output(torch.zeros(1, 2, 3), torch.zeros(1, 2, 1)).penalty is None


def test_fields_come_in_the_documented_order():
    assert Output._fields == ("reconstruction", "code", "penalty")
