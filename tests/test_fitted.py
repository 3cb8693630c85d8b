import numpy as np
import pytest
import torch

from sklearn_ae import Autoencoder, ConvolutionalNetwork, _fitted
from sklearn_ae._fitted import row_blocks
from sklearn_ae.training import _rows

from .estimators import FAST


def fitted_of(X, **parameters):
    """What a fit to rows came to."""
    kept = []

    class Spied(Autoencoder):
        def _publish(self, fitted, recipe):
            super()._publish(fitted, recipe)
            kept.append(fitted)

    Spied(3, early_stopping=False, **{**FAST, **parameters}).fit(X)
    return kept[0]


@pytest.fixture
def many():
    """Rows of more than one small block: shape (1400, 5)."""
    return np.random.default_rng(0).normal(size=(1400, 5)) * [5, 4, 3, 2, 1]


def raw_codes(fitted):
    with torch.no_grad():
        return [fitted.network.encode_raw(rows)[0] for _, rows in fitted.blocks()]


def test_blocks_are_all_rows_in_order(blob, monkeypatch):
    fitted = fitted_of(blob)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    rows = torch.cat([rows for _, rows in row_blocks(fitted.rows)])
    np.testing.assert_allclose(fitted.scaling.restore(rows), blob, atol=1e-12)
    assert [block.start for block, _ in row_blocks(fitted.rows)] == [*range(0, 60, 7)]


def test_small_blocks_are_those_of_the_kind_of_network(many, monkeypatch):
    fitted = fitted_of(many)
    sizes = [(n_rows, len(rows)) for n_rows, rows in fitted.small_blocks()]
    assert sizes == [(1024, 1024), (376, 376)]
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 1200)
    sizes = [n_rows for n_rows, _ in fitted.small_blocks()]
    assert sizes == [1024, 176, 200]


def test_codes_are_those_of_all_rows(many):
    fitted = fitted_of(many)
    np.testing.assert_allclose(fitted.codes, torch.cat(raw_codes(fitted)), atol=1e-12)


def test_codes_of_many_rows_are_not_kept(many, monkeypatch):
    monkeypatch.setattr(_fitted, "KEPT_CELLS", 3 * 1400 - 1)
    assert fitted_of(many).codes is None
    monkeypatch.setattr(_fitted, "KEPT_CELLS", 3 * 1400)
    assert fitted_of(many).codes.shape == (1400, 3)


def test_codes_of_other_networks_are_not_kept():
    X = np.random.default_rng(0).normal(size=(60, 64))
    network = ConvolutionalNetwork(image_shape=(8, 8))
    assert fitted_of(X, network=network, max_epochs=1).codes is None


@pytest.mark.parametrize("kept_cells", [0, 2**22])
def test_moments_are_those_of_the_weighted_raw_codes(blob, monkeypatch, kept_cells):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    monkeypatch.setattr(_fitted, "KEPT_CELLS", kept_cells)
    fitted = fitted_of(blob)
    fitted.weight[:] = np.random.default_rng(0).uniform(0.5, 2, size=60)
    del fitted.__dict__["code_moments"]
    mean, covariance = fitted.code_moments
    raw = torch.cat(raw_codes(fitted)).numpy()
    np.testing.assert_allclose(mean, np.average(raw, axis=0, weights=fitted.weight))
    expected = np.cov(raw.T, aweights=fitted.weight, bias=True)
    np.testing.assert_allclose(covariance, expected, atol=1e-14)
