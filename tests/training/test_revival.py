"""Idle units of a dictionary start anew."""

from types import SimpleNamespace

import pytest
import torch

from sklearn_ae import SparseAutoencoder
from sklearn_ae.training import ReviveUnits


class Stub:
    """A net of six epochs whose network has one idle unit and takes note."""

    def __init__(self, idle=True, steps_per_epoch=40):
        self.revived = []
        self.max_epochs = 6
        self.history = []
        self.step_ = 0
        self.steps_per_epoch = steps_per_epoch
        parameter = torch.zeros(1, 2, 3)
        self.module_ = SimpleNamespace(
            idle=torch.tensor([[[False, idle]]]),
            scale=torch.ones(1, 1, 3),
            n_features=3,
            revive=lambda model, units, rows: self.revived.append((units, rows)),
            atoms=parameter,
            encoder=SimpleNamespace(
                weight=torch.zeros(1, 3, 2), bias=torch.zeros(1, 1, 2)
            ),
        )
        network = self.module_
        self.optimizer_ = SimpleNamespace(
            state={
                tensor: {
                    name: torch.ones(tensor.shape) for name in ("exp_avg", "exp_avg_sq")
                }
                for tensor in (
                    network.atoms,
                    network.encoder.weight,
                    network.encoder.bias,
                )
            }
        )

        class Network(SimpleNamespace):
            def __call__(self, rows):
                return SimpleNamespace(reconstruction=torch.zeros(1, *rows.shape))

        self.module_ = Network(**vars(network))

    def run(self, callback, batches):
        callback.on_train_begin(self)
        for _ in range(self.max_epochs):
            self.history.append({})
            self.step_ += self.steps_per_epoch
            callback.on_epoch_end(self, dataset_train=batches)
        return self


@pytest.fixture
def batches():
    rows = torch.tensor([[1.0, 0, 0], [0, 5.0, 0], [0, 0, 9.0]])
    source = SimpleNamespace(take=lambda index: rows[index])
    weight = torch.tensor([[1.0, 1.0, 0.0]])
    return SimpleNamespace(
        source=source, distinct=lambda most: (torch.arange(3), weight)
    )


def test_units_take_the_largest_residual_of_rows_that_count(batches):
    net = Stub().run(ReviveUnits(), batches)
    units, rows = net.revived[0]
    assert units.tolist() == [1]
    torch.testing.assert_close(rows, torch.tensor([[0, 5.0, 0]]))


def test_units_are_left_alone_in_the_last_epochs(batches):
    net = Stub().run(ReviveUnits(), batches)
    assert len(net.revived) == 3


def test_a_look_needs_some_steps(batches):
    assert not Stub(steps_per_epoch=5).run(ReviveUnits(), batches).revived


def test_units_in_use_are_left_alone(batches):
    assert not Stub(idle=False).run(ReviveUnits(), batches).revived


def test_the_optimiser_forgets_revived_units_only(batches):
    net = Stub().run(ReviveUnits(), batches)
    moments = net.optimizer_.state[net.module_.atoms]["exp_avg"]
    assert moments[0, 1].eq(0).all()
    assert moments[0, 0].eq(1).all()


def test_revival_leaves_fewer_units_dead(digits, monkeypatch):
    def dead():
        model = SparseAutoencoder(256, n_active=4, max_epochs=25, random_state=0)
        return model.fit(digits).n_dead_

    with_revival = dead()
    monkeypatch.setattr(ReviveUnits, "_revive", lambda *args: None)
    assert with_revival < dead()
    assert with_revival < 0.05 * 256
