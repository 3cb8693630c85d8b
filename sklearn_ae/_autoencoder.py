"""The plain autoencoder: a drop-in for PCA and for IsolationForest."""

from numbers import Integral, Real

import numpy as np

from . import _defaults
from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from .detection import OutlierDetectionMixin
from .networks import ACTIVATIONS, DenseAutoencoder


class Autoencoder(OutlierDetectionMixin, BaseAutoencoder):
    def __init__(
        self,
        n_components=0.9,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        standardize=False,
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        weight_decay=0.0,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=20,
        warm_start=False,
        contamination="auto",
        device="auto",
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.standardize = standardize
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.contamination = contamination
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
    }

    def _check_params(self):
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, str):
            return
        if any(not isinstance(size, Integral) or size < 1 for size in np.ravel(sizes)):
            raise ValueError(
                f"hidden_layer_sizes={sizes!r} must be 'auto' or hold positive "
                "integers, one per hidden layer of the encoder, such as (256, 128)."
            )

    def _make_network(self, *, n_models, n_rows, n_features, n_components):
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, str):
            sizes = _defaults.hidden_layer_sizes_for(n_rows, n_features)
        return DenseAutoencoder(
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            hidden_layer_sizes=tuple(int(size) for size in np.ravel(sizes)),
            activation=self.activation,
        )
