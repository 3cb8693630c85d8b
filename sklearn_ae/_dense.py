"""The base of the estimators for tables: dense networks, outlier detection."""

from numbers import Integral

import numpy as np

from . import _defaults
from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from ._corrupting import CorruptionMixin
from ._layerwise import pretrain_layers
from ._network import DENSE, NetworkChoiceMixin, check_layer_sizes, layer_sizes
from .detection import OutlierDetectionMixin
from .networks import ACTIVATIONS


class BaseDenseAutoencoder(
    NetworkChoiceMixin, CorruptionMixin, OutlierDetectionMixin, BaseAutoencoder
):
    """What the autoencoders of table rows share.

    Parameters
    ----------
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        Widths of the hidden layers of the encoder; the decoder's are the same,
        reversed. An int is one layer, an empty tuple none. "auto" is (64, 32) for fewer
        than 1000 distinct rows, (128, 64) for at most 32 columns that are not corrupted
        in training, (512, 256) for at least 10,000 distinct rows of more than 256
        columns, else (256, 128).
    activation : {"elu", "gelu", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation function of the hidden layers.
    layerwise : bool, default=False
        Whether ``fit`` trains the encoder's hidden layers one by one before the whole
        network: each inside a small autoencoder, PCA and this one layer, of what the
        layers before it make of the rows, for a quarter of ``max_epochs``. The network
        then starts at PCA, as ever, and ``history_``, callbacks and the progress bar
        are of the training from there. ``partial_fit``, and ``fit`` where it goes on
        from the fit before, take no notice. It takes time, and has brought nothing in
        the benchmarks: see the :ref:`User Guide <layerwise>`.
    """

    hidden_layer_sizes: int | tuple | str = "auto"
    activation: str = "silu"
    layerwise: bool = False

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        **OutlierDetectionMixin._parameter_constraints,
        **CorruptionMixin._parameter_constraints,
        **NetworkChoiceMixin._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "layerwise": ["boolean"],
    }

    _structural = (
        *BaseAutoencoder._structural,
        "network",
        "hidden_layer_sizes",
        "activation",
    )

    def _check_params(self):
        super()._check_params()
        check_layer_sizes(self.hidden_layer_sizes)
        self._check_network_is_asked()

    def _check_network_is_asked(self):
        """Refuse parameters of the dense network next to another one's own."""
        if self._network_kind is DENSE:
            return
        for name in ("hidden_layer_sizes", "activation"):
            value, usual = getattr(self, name), getattr(type(self), name)
            if not np.array_equal(value, usual):
                kind = type(self.network).__name__
                raise ValueError(
                    f"{name}={value!r} is for network='dense', and network={kind}(...) "
                    f"has its own. Give {kind}({name}={value!r}), and leave {name} out "
                    f"of {type(self).__name__}."
                )
        if self.layerwise:
            kind = type(self.network).__name__
            raise ValueError(
                f"layerwise=True is for network='dense', and network={kind}(...) is "
                f"trained as a whole. Leave layerwise out of {type(self).__name__}."
            )

    @property
    def _pretrain(self):
        return pretrain_layers if self.layerwise else None

    def _hidden_layer_sizes(self, n_distinct, n_features):
        """Return the parameter as a tuple, with "auto" resolved."""
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, str):
            return self._auto_layers(n_distinct, n_features)
        return layer_sizes(sizes)

    def _auto_layers(self, n_distinct, n_features):
        """Return the hidden layers that "auto" stands for."""
        corrupted = self._is_corrupted
        return _defaults.hidden_layer_sizes_for(n_distinct, n_features, corrupted)

    def _branches(self, n_distinct, n_features):
        """Return the kind of the network's branches, as plain values."""
        branches = self._network_kind.branches(
            self._row_shape, n_distinct, self._is_corrupted
        )
        return branches or {
            "kind": "dense",
            "hidden_layer_sizes": self._hidden_layer_sizes(n_distinct, n_features),
            "activation": self.activation,
        }

    def _network_arguments(self):
        """Return the bottleneck and the likelihood of a variant, as plain values."""
        return {}

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        return self._network_kind.make_network(
            self._row_shape,
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            branches=self._branches(n_distinct, n_features),
            **self._network_arguments(),
        )
