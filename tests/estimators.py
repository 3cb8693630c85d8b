"""The table of estimators that the common tests run over: one line each.

A new estimator adds one line to ``ESTIMATORS``; every common check then covers it.
"""

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)

# Settings that keep the common tests fast; the checks are about behaviour, not quality.
FAST = {"max_epochs": 8, "random_state": 0}

ESTIMATORS = {
    "autoencoder": Autoencoder(**FAST),
    "denoising": DenoisingAutoencoder(**FAST),
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
    "linear": Autoencoder(2, hidden_layer_sizes=(), **FAST),
    "standardized": Autoencoder(2, standardize=True, **FAST),
    "nothing held out": Autoencoder(2, early_stopping=False, **FAST),
    "three folds": Autoencoder(2, validation_fraction=0.33, **FAST),
    "tenth contaminated": Autoencoder(2, contamination=0.1, **FAST),
    "decayed": Autoencoder(2, weight_decay=0.01, learning_rate=0.01, **FAST),
    "corrupted": Autoencoder(2, corruption="gaussian", **FAST),
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
    "untrained": Autoencoder(2, **{**FAST, "max_epochs": 0}),
}

ALL = {**ESTIMATORS, **CONFIGURATIONS}
