import numpy as np
import pytest
import torch

from sklearn_ae import Autoencoder, OutlierAutoencoder
from sklearn_ae.networks import ACTIVATIONS
from sklearn_ae.networks._dense_pass import DensePass, light_pass

from .test_dense_step import N_FEATURES, N_ROWS, make_network

LAYERS = [(), (6,), (6, 4)]


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.randn(N_ROWS, N_FEATURES, generator=generator).double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize("sizes", LAYERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@torch.inference_mode()
def test_pass_is_the_networks_to_the_bit(rows, activation, sizes, n_models, dtype):
    network = make_network(activation, sizes, n_models).to(dtype)
    rows = rows.to(dtype)
    light, before = light_pass(network), rows.clone()
    assert isinstance(light, DensePass)
    assert torch.equal(light.encode(rows), network.encode(rows))
    output, expected = light(rows), network(rows)
    assert torch.equal(output.code, expected.code)
    assert torch.equal(output.reconstruction, expected.reconstruction)
    assert light.lengths_of(rows) is None
    assert torch.equal(rows, before)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_network_is_left_as_it_was(rows, activation):
    network = make_network(activation)
    before = {name: part.clone() for name, part in network.state_dict().items()}
    light = light_pass(network)
    light.encode(rows)
    assert not light(rows).reconstruction.requires_grad
    for name, part in network.state_dict().items():
        assert torch.equal(part, before[name]), name


def test_networks_of_other_shapes_go_their_own_way():
    network = make_network(bottleneck={"kind": "gaussian", "beta": 1, "free_bits": 0})
    assert light_pass(network) is network


def curve(n_rows=600):
    """Return rows near a curve, which a network learns and a linear one does not."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, n_rows)
    X = np.column_stack([t, t**2, np.sin(2 * t), np.cos(3 * t), t**3])
    return X + 0.05 * rng.standard_normal(X.shape)


@pytest.mark.parametrize("Estimator", [Autoencoder, OutlierAutoencoder])
def test_estimators_answer_as_their_networks(Estimator):
    X = curve()
    model = Estimator(2, max_epochs=30, random_state=0).fit(X)
    assert model.improved_on_pca_
    network, scaling = model.net_.module_, model._scaling
    with torch.no_grad():
        rows = scaling.standardize(X, torch.float64, torch.device("cpu"))
        codes, decoded = network.encode(rows)[0], network(rows).reconstruction[0]
    np.testing.assert_array_equal(model.transform(X), codes.numpy())
    np.testing.assert_array_equal(model.reconstruct(X), scaling.restore(decoded))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_autocast_of_the_caller_stays_outside(dtype):
    X = curve().astype(dtype)
    model = Autoencoder(
        2, outlier_score="reconstruction", max_epochs=30, random_state=0
    ).fit(X)
    methods = (model.transform, model.reconstruct, model.score_samples)
    expected = [method(X) for method in methods]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = [method(X) for method in methods]
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)
