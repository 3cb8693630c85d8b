"""The dense network, for rows of a table."""

from ._anchored import AnchoredAutoencoder
from ._bottleneck import make_bottleneck
from ._layers import ResidualBranch
from ._likelihood import make_likelihood

PLAIN = {"kind": "plain"}


class DenseAutoencoder(AnchoredAutoencoder):
    """PCA-anchored autoencoder whose branches are multilayer perceptrons.

    Parameters
    ----------
    n_models : int
        M, the number of networks side by side.
    n_features, n_components : int
        Width of the rows and of the codes.
    hidden_layer_sizes : tuple of int
        Hidden layers of the encoder's branch; the decoder's are the same, reversed.
    activation : str
        A key of ``ACTIVATIONS``.
    bottleneck : dict
        The ``kind`` of bottleneck and its arguments.
    likelihood : dict or None
        The ``kind`` of likelihood and its arguments.
    """

    def __init__(
        self,
        *,
        n_models,
        n_features,
        n_components,
        hidden_layer_sizes,
        activation,
        bottleneck=PLAIN,
        likelihood=None,
    ):
        between = make_bottleneck(bottleneck, n_models, n_components)
        encoder_branch = ResidualBranch(
            n_models,
            n_features,
            hidden_layer_sizes,
            n_components * (1 + between.n_extra),
            activation,
        )
        after = likelihood and make_likelihood(likelihood, n_models, n_features)
        decoder_branch = ResidualBranch(
            n_models,
            n_components,
            hidden_layer_sizes[::-1],
            n_features * (1 + (after.n_extra if after else 0)),
            activation,
        )
        super().__init__(
            encoder_branch,
            decoder_branch,
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            bottleneck=between,
            likelihood=after,
        )
        # Plain values from which `from_state` makes the same network again.
        self.arguments = {
            "n_models": n_models,
            "n_features": n_features,
            "n_components": n_components,
            "hidden_layer_sizes": tuple(hidden_layer_sizes),
            "activation": activation,
            "bottleneck": dict(bottleneck),
            "likelihood": likelihood and dict(likelihood),
        }
