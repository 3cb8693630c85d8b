from types import SimpleNamespace

import pytest

from sklearn_ae.training import FreezeFirst


@pytest.mark.parametrize("n_epochs", [0, 1, 3])
def test_the_first_group_does_not_learn_for_some_epochs(n_epochs):
    groups = [{}, {"rate_share": 1.0}]
    net = SimpleNamespace(history=[], optimizer_=SimpleNamespace(param_groups=groups))
    callback, shares = FreezeFirst(n_epochs), []
    for _ in range(5):
        net.history.append({})  # as skorch does before callbacks hear of it
        callback.on_epoch_begin(net)
        shares.append(groups[0]["rate_share"])
    assert shares == [0.0] * n_epochs + [1.0] * (5 - n_epochs)
    assert groups[1] == {"rate_share": 1.0}
