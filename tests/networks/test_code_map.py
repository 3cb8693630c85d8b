import torch
from torch.testing import assert_close

from sklearn_ae.networks._code_map import CodeMap


def test_codes_are_shown_turned_and_turned_back():
    torch.manual_seed(0)
    module = CodeMap()
    module.make_code_map(2, 3)
    raw = torch.randn(2, 5, 3)
    assert_close(module.shown(raw), raw)
    turn = torch.linalg.qr(torch.randn(2, 3, 3)).Q
    center = torch.randn(2, 3)
    module.map_code(center, 4 * turn, turn.mT / 4)
    assert_close(module.shown(raw), 4 * (raw - center.unsqueeze(1)) @ turn)
    assert_close(module.raw_of(module.shown(raw)), raw)
