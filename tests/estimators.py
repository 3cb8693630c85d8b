"""The table of estimators that the common tests run over: one line each.

A new estimator adds one line to ``ESTIMATORS``; every common check then covers it.
"""

import pytest

from sklearn_ae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    OutlierAutoencoder,
    SequenceAutoencoder,
    SequenceNetwork,
    SparseAutoencoder,
    VariationalAutoencoder,
    WindowNetwork,
)
from sklearn_ae._codes import CodesMixin
from sklearn_ae._denoising_mixin import DenoisingMixin
from sklearn_ae._density import DensityMixin
from sklearn_ae._principal_codes import PrincipalCodesMixin

# Settings that keep the common tests fast; the checks are about behaviour, not quality.
FAST = {"max_epochs": 8, "random_state": 0}

ESTIMATORS = {
    "autoencoder": Autoencoder(**FAST),
    "convolutional": ConvolutionalAutoencoder(**FAST),
    "denoising": DenoisingAutoencoder(**FAST),
    # In the units of the rows, as all others of these, to be compared with PCA.
    "outlier": OutlierAutoencoder(standardize=False, **FAST),
    "sequence": SequenceAutoencoder(cell_size=16, **FAST),
    "sparse": SparseAutoencoder(**FAST),
    "variational": VariationalAutoencoder(**FAST),
}

# Other settings of the estimators, each of which switches another path.
CONFIGURATIONS = {
    "one component": Autoencoder(1, **FAST),
    "overcomplete": Autoencoder(12, **FAST),
    "half the variance": Autoencoder(0.5, **FAST),
    "small tanh": Autoencoder(2, hidden_layer_sizes=(8,), activation="tanh", **FAST),
    "deep relu": Autoencoder(
        2, hidden_layer_sizes=(16, 8, 8), activation="relu", **FAST
    ),
    "layer by layer": Autoencoder(
        2, hidden_layer_sizes=(16, 8), layerwise=True, **FAST
    ),
    "linear": Autoencoder(2, hidden_layer_sizes=(), **FAST),
    "standardized": Autoencoder(2, standardize=True, **FAST),
    "nothing held out": Autoencoder(2, early_stopping=False, **FAST),
    "three folds": Autoencoder(2, validation_fraction=0.33, **FAST),
    "tenth contaminated": Autoencoder(2, contamination=0.1, **FAST),
    "decayed": Autoencoder(2, weight_decay=0.01, learning_rate=0.01, **FAST),
    "corrupted": Autoencoder(2, corruption="gaussian", **FAST),
    "images one pixel high": ConvolutionalAutoencoder(
        2, image_shape=(1, -1), n_blocks=1, **FAST
    ),
    "corrupted images": ConvolutionalAutoencoder(
        2, image_shape=(-1, 1, 1), corruption="masking", contamination=0.1, **FAST
    ),
    "convolutional denoiser": DenoisingAutoencoder(
        4, network=ConvolutionalNetwork(), corruption="gaussian", **FAST
    ),
    "convolutional sparse": SparseAutoencoder(network=ConvolutionalNetwork(), **FAST),
    "convolutional variational": VariationalAutoencoder(
        2, network=ConvolutionalNetwork(), **FAST
    ),
    "dilated": SequenceAutoencoder(2, cell="convolution", cell_size=6, **FAST),
    "recurrent": SequenceAutoencoder(2, cell="gru", cell_size=6, **FAST),
    "long short-term": SequenceAutoencoder(
        2, cell="lstm", cell_size=6, n_layers=2, n_places=3, **FAST
    ),
    "attentive": SequenceAutoencoder(
        2, cell="attention", cell_size=8, corruption="masking", **FAST
    ),
    "sequential denoiser": DenoisingAutoencoder(
        4,
        network=SequenceNetwork(cell="convolution", cell_size=8),
        corruption="gaussian",
        **FAST,
    ),
    "sequential sparse": SparseAutoencoder(
        network=SequenceNetwork(cell_size=8), **FAST
    ),
    "sequential variational": VariationalAutoencoder(
        2, network=SequenceNetwork(cell_size=8), **FAST
    ),
    "windows": Autoencoder(2, network=WindowNetwork(), **FAST),
    "gaussian denoiser": DenoisingAutoencoder(4, corruption="gaussian", **FAST),
    "masking denoiser": DenoisingAutoencoder(
        corruption="masking", corruption_rate=0.3, **FAST
    ),
    "salt denoiser": DenoisingAutoencoder(
        12, corruption="salt_and_pepper", evaluation_rate=0.1, **FAST
    ),
    "sparse l1": SparseAutoencoder(penalty="l1", **FAST),
    "sparse kl": SparseAutoencoder(7, penalty="kl", standardize=True, **FAST),
    "sparse denoiser": SparseAutoencoder(20, corruption="masking", **FAST),
    "shared noise": VariationalAutoencoder(2, noise="shared", prior="normal", **FAST),
    "raw units": VariationalAutoencoder(
        12, standardize=False, noise="per_feature", **FAST
    ),
    "warmed up": VariationalAutoencoder(
        2, beta=0.5, kl_warmup=3, free_bits=0.1, **FAST
    ),
    "outliers in standard deviations": OutlierAutoencoder(2, **FAST),
    "scored by the distance": Autoencoder(2, outlier_score="mahalanobis", **FAST),
    "trimmed": Autoencoder(1, trim=0.1, **FAST),
    "trimmed and scored by the error": Autoencoder(
        1, trim=0.2, outlier_score="reconstruction", contamination=0.1, **FAST
    ),
    # Of two columns, as many checks have, one component: two would leave no error.
    "scored by the error": Autoencoder(1, outlier_score="reconstruction", **FAST),
    "images scored by the error": ConvolutionalAutoencoder(
        1, outlier_score="reconstruction", contamination=0.1, **FAST
    ),
    "sequences scored by the error": SequenceAutoencoder(
        1, cell_size=6, outlier_score="reconstruction", **FAST
    ),
    "likelihood scored by the error": VariationalAutoencoder(
        2, outlier_score="reconstruction", **FAST
    ),
    "untrained": Autoencoder(2, **{**FAST, "max_epochs": 0}),
}

ALL = {**ESTIMATORS, **CONFIGURATIONS}


# -- what tests may ask of an estimator


def has_principal_codes(estimator):
    """Whether codes are uncorrelated and ordered, as PCA's."""
    return isinstance(estimator, PrincipalCodesMixin)


def is_like_pca(estimator):
    """Whether the untrained model is PCA, and is judged as PCA is."""
    return has_principal_codes(estimator) and not isinstance(estimator, DenoisingMixin)


def is_scored_by_r2(estimator):
    """Whether ``score`` is the share of variance kept."""
    return type(estimator).score is CodesMixin.score


def has_density(estimator):
    """Whether rows have log-likelihoods."""
    return isinstance(estimator, DensityMixin)


def has_no_density(estimator):
    """Whether losses are shares of the rows' variance."""
    return not has_density(estimator)


def starts_as_a_model(estimator):
    """Whether the untrained network is a linear model worth keeping."""
    return estimator._start_is_a_model


def has_columns(estimator):
    """Whether each column of a table has a unit of its own; steps share one."""
    return not isinstance(estimator, SequenceAutoencoder)


def only(*conditions):
    """Run a test for those estimators of the table of which all this holds."""
    names = [
        name
        for name, estimator in ESTIMATORS.items()
        if all(condition(estimator) for condition in conditions)
    ]
    return pytest.mark.parametrize(
        "estimator", [ESTIMATORS[name] for name in names], ids=names, indirect=True
    )
