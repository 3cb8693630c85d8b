import numpy as np
import pytest
import torch

from sklearn_ae.networks import Anchor, AnchoredAutoencoder
from sklearn_ae.training import ReconstructionLoss, Scaling, Settings, make_source

CPU = torch.device("cpu")
N_FEATURES, N_COMPONENTS = 4, 2


@pytest.fixture
def table():
    """Rows around a curve, of shape (96, 4): PCA of two components leaves a rest."""
    rng = np.random.default_rng(3)
    t = rng.uniform(-2, 2, size=(96, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture
def make_rows():
    """Make a source that hands out rows as they are."""

    def make(X, dtype=torch.float64):
        scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
        return make_source(X, scaling, dtype, CPU)

    return make


@pytest.fixture
def make_network():
    """Make a stack that starts as PCA of centred rows with given axes."""

    def make(seeds=(0,), axes=None):
        network = AnchoredAutoencoder(
            n_models=len(seeds),
            n_features=N_FEATURES,
            n_components=N_COMPONENTS,
            branches={
                "kind": "dense",
                "hidden_layer_sizes": (8,),
                "activation": "silu",
            },
        ).double()
        network.initialise(seeds)
        axes = torch.eye(N_FEATURES)[:N_COMPONENTS] if axes is None else axes
        axes = axes.double().expand(len(seeds), -1, -1)
        network.set_anchor(
            Anchor(
                mean=torch.zeros(len(seeds), N_FEATURES).double(),
                encoder=axes.transpose(1, 2),
                decoder=axes,
                spread=torch.ones(len(seeds), N_COMPONENTS).double(),
            )
        )
        return network

    return make


@pytest.fixture
def column_weight():
    """Weights that make errors of standardised columns a share of the variance."""
    return np.full(N_FEATURES, 1 / N_FEATURES)


@pytest.fixture
def loss(column_weight):
    """The squared error as a share of the variance."""
    return ReconstructionLoss(column_weight)


@pytest.fixture
def make_settings():
    """Make settings of a short float64 run on the CPU."""

    def make(**changes):
        return Settings(
            **{
                "max_epochs": 5,
                "batch_size": 32,
                "learning_rate": 0.01,
                "weight_decay": 0.01,
                "n_iter_no_change": 5,
                "batch_seed": 0,
                "dtype": torch.float64,
                "device": CPU,
                **changes,
            }
        )

    return make
