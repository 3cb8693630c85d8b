import torch

from sklearn_ae.networks import Output


def test_a_plain_network_answers_with_row_and_code_only():
    output = Output(torch.zeros(1, 2, 3), torch.zeros(1, 2, 1))
    assert all(part is None for part in output[2:])


def test_fields_come_in_the_documented_order():
    assert Output._fields == (
        "reconstruction",
        "code",
        "penalty",
        "correction",
        "noise",
        "logits",
        "log_likelihood",
        "answers",
    )
