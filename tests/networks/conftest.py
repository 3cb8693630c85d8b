import pytest
import torch

from sklearn_ae.networks import Anchor, AnchoredAutoencoder

N_FEATURES, N_COMPONENTS = 5, 2


def generators(seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def make_anchor(seed):
    """An arbitrary linear autoencoder: nothing in a network may rely on PCA's."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return Anchor(
        mean=draw(1, N_FEATURES),
        encoder=draw(1, N_FEATURES, N_COMPONENTS),
        decoder=draw(1, N_COMPONENTS, N_FEATURES),
        spread=draw(1, N_COMPONENTS).abs() + 0.5,
    )


@pytest.fixture
def make_network():
    """Make a stack in float64 whose branches answer; one seed per model."""

    def make(seeds=(0,), *, awake=True, hidden_layer_sizes=(7, 4), activation="silu"):
        network = AnchoredAutoencoder(
            n_models=len(seeds),
            n_features=N_FEATURES,
            n_components=N_COMPONENTS,
            branches={
                "kind": "dense",
                "hidden_layer_sizes": hidden_layer_sizes,
                "activation": activation,
            },
        ).double()
        network.initialise(seeds)
        anchors = [make_anchor(100 + seed) for seed in seeds]
        parts = [anchor[:4] for anchor in anchors]
        network.set_anchor(Anchor(*map(torch.cat, zip(*parts, strict=True))))
        if awake:
            network.encoder_branch.output.initialise(generators(seeds))
            network.decoder_branch.output.initialise(generators(seeds))
        return network

    return make


@pytest.fixture
def rows():
    """Ten rows of five features, float64."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(10, N_FEATURES, generator=generator, dtype=torch.float64)
