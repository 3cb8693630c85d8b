"""A variant of one's own: what the base asks, and what it answers by itself."""

import pytest
import torch

from sklearn_ae._dense import BaseDenseAutoencoder
from sklearn_ae._variant import Variant
from sklearn_ae.training import CLEAN, ReconstructionLoss


class Weighted(BaseDenseAutoencoder):
    """A variant in a few lines: its loss counts twice.

    Parameters
    ----------
    factor : float, default=2.0
        What errors are multiplied by.
    """

    factor: float = 2.0

    _parameter_constraints = {
        **BaseDenseAutoencoder._parameter_constraints,
        "factor": [float],
    }

    def _make_loss(self, scaling, metric):
        return ReconstructionLoss(self.factor * metric.column_weight)


def test_a_variant_needs_a_network():
    with pytest.raises(NotImplementedError):
        Variant()._make_network(n_models=1, n_features=2, n_components=1, n_distinct=9)


def test_usual_answers():
    variant = Variant()
    variant.n_components = 3
    assert variant._make_corruptions(None, None) is CLEAN
    assert variant._make_callbacks(5) == []
    assert variant._count_components(7) == 3


def test_a_variant_adds_what_is_its_own(blob):
    model = Weighted(2, factor=3.0, max_epochs=2, random_state=0).fit(blob)
    assert model.get_params()["factor"] == 3.0
    weight = model.net_.criterion_.column_weight
    assert float(weight.sum()) == pytest.approx(3 / 1.0, rel=0.9)
    assert torch.isfinite(weight).all()
    assert "factor : float" in Weighted.__doc__
    assert "n_components : int or float" in Weighted.__doc__
