"""Networks for sequences, as a choice of any estimator."""

from numbers import Integral

from sklearn.base import BaseEstimator

from . import _defaults
from ._compat import Interval, StrOptions
from ._declaration import declare_parameters
from ._lengths import fit_sequence_scaling
from ._network import check_layer_sizes, layer_sizes
from ._resampling import on_grid
from ._sequence_kind import SequenceKind
from ._sequences import LongestShape
from .detection import fit_isotropic
from .networks import ACTIVATIONS, CELLS, ResampledAutoencoder

RECURRENT = ("gru", "lstm")

# Folds of a cross-fit, at most: each is a network of its own.
MAX_FOLDS = 3


class SequenceParameters:
    """What networks for sequences take.

    Parameters
    ----------
    cell : {"attention", "auto", "convolution", "gru", "lstm"}, default="auto"
        What reads each step in the light of the others: layers of self-attention,
        dilated convolutions, or recurrent units that read in both directions. "auto"
        is "lstm", of tokens "convolution".
    cell_size : int, default=64
        Numbers that the cell answers at each step.
    n_layers : int or "auto", default="auto"
        Layers of the cell. "auto" is 2 for "attention", 1 for recurrent units, and as
        many convolutions as are needed to see a whole sequence, 8 at most.
    n_places : int, default=8
        Places, evenly spaced over a sequence, to which the cell's answers are brought
        between the cell and the dense layers. Of tokens, blocks of steps, each with
        a part of the code of its own, and with the dense layers in common.
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        Widths of the dense layers between the places and the code in the encoder; the
        decoder's are the same, reversed. An int is one layer, an empty tuple none.
        "auto" is (128,), of tokens (512,).
    activation : {"elu", "gelu", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation function of the hidden layers, and of convolutions and attention.
    """

    cell: str = "auto"
    cell_size: int = 64
    n_layers: int | str = "auto"
    n_places: int = 8
    hidden_layer_sizes: int | tuple | str = "auto"
    activation: str = "silu"

    _parameter_constraints = {
        "cell": [StrOptions({*CELLS, "auto"})],
        "cell_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "n_places": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }


class SequenceNetwork(SequenceParameters, SequenceKind, BaseEstimator):
    """Network for sequences, for the ``network`` of an estimator of another kind.

    A cell reads all steps, dense layers answer the code; the decoder goes the same way
    back, and knows of a sequence only its code. Both stand beside a linear path, as in
    every network of this package.

    With it an estimator's ``batch_size="auto"`` is 64 sequences.

    Read more in the :ref:`User Guide <sequence>`.

    See Also
    --------
    SequenceAutoencoder : The plain autoencoder with this network.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import DenoisingAutoencoder, SequenceNetwork
    >>> steps = np.linspace(0, 6, 50)
    >>> rates = np.random.default_rng(0).uniform(1, 2, size=(200, 1))
    >>> X = np.sin(rates * steps)
    >>> denoiser = DenoisingAutoencoder(
    ...     network=SequenceNetwork(cell_size=16),
    ...     corruption="gaussian",
    ...     max_epochs=20,
    ...     random_state=0,
    ... )
    >>> denoiser.fit(X).reconstruct(X).shape
    (200, 50)
    """

    # Parameters that shape the network, which a fit that goes on cannot change.
    structural = tuple(SequenceParameters.__annotations__)

    auto_cell = _defaults.SEQUENCE_CELL
    full_batch = _defaults.SEQUENCE_BATCH_SIZE
    full_rate = _defaults.SHARING_LEARNING_RATE
    weight_decay = _defaults.SEQUENCE_WEIGHT_DECAY
    cells_for_two_threads = _defaults.IMAGE_BATCH
    max_folds = MAX_FOLDS
    block_size = _defaults.SEQUENCE_BATCH_SIZE
    fills_blocks = True

    def check(self):
        """Check what the parameter constraints cannot say."""
        self._validate_params()
        check_layer_sizes(self.hidden_layer_sizes)

    def branches(self, row_shape, n_distinct, is_corrupted=False):
        """Return the branches for sequences of a shape.

        Parameters
        ----------
        row_shape : tuple (n_steps, n_channels)
            Of a sequence.
        n_distinct : int
            Distinct training sequences.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        branches : dict of plain values
        """
        sizes = self.hidden_layer_sizes
        is_auto = isinstance(sizes, str)
        return {
            "kind": "sequential",
            "n_channels": int(row_shape[1]),
            "cell": self._make_cell(row_shape[0]),
            "n_places": int(self.n_places),
            "hidden_layer_sizes": (
                _defaults.SEQUENCE_LAYERS if is_auto else layer_sizes(sizes)
            ),
            "activation": self.activation,
        }

    def _make_cell(self, n_steps):
        """Return the kind of cell for so many steps, and its arguments."""
        kind = self.auto_cell if self.cell == "auto" else self.cell
        n_layers = self.n_layers
        if isinstance(n_layers, str):
            n_layers = self._auto_layers(kind, n_steps)
        cell = {"kind": kind, "width": int(self.cell_size), "n_layers": int(n_layers)}
        if kind not in RECURRENT:  # whose gates have activations of their own
            cell["activation"] = self.activation
        return cell

    def _auto_layers(self, kind, n_steps):
        return _defaults.sequence_layers_for(kind, n_steps)

    def fit_scaling(self, X, weight, row_shape):
        """Return the steps' means and one standard deviation for each channel.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, n_features)
            Flattened sequences.
        weight : ndarray of shape (n,)
            Above zero.
        row_shape : tuple (n_steps, n_channels)
            Of a sequence.

        Returns
        -------
        scaling : Scaling
        variance : ndarray of shape (n_features,)
            Of each step, by itself.
        """
        if isinstance(row_shape, LongestShape):
            return fit_sequence_scaling(X, weight, row_shape.n_channels)
        return super().fit_scaling(X, weight, row_shape)

    def fit_scorer(self, fitted, network, index, trim="auto"):
        """Return what an outlier detector learns from a fit.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        network : torch module
            The final model, or that of a fold.
        index : ndarray of int
            Positions of the rows it has seen.
        trim : "auto" or float, default="auto"
            Share of the rows, the farthest ones, that the score leaves out.

        Returns
        -------
        scorer : IsotropicScorer
        """
        n_channels = network.arguments["branches"]["n_channels"]
        if isinstance(network, ResampledAutoencoder):
            n_channels = None  # The short have little contrast for being short.
        return fit_isotropic(fitted, network, index, trim, n_channels=n_channels)

    def anchor_of(self, make_anchor, row_shape):
        """Return what makes the linear path; of sequences resampled to one length.

        Parameters
        ----------
        make_anchor : callable
            Makes it of rows of one length.
        row_shape : tuple (n_steps, n_channels) or LongestShape
            The latter of sequences of several lengths.

        Returns
        -------
        make_anchor : callable
        """
        if not isinstance(row_shape, LongestShape):
            return make_anchor
        return lambda problem: make_anchor(on_grid(problem, row_shape.n_channels))

    def make_network(self, row_shape, **arguments):
        """Return a stack of networks.

        Parameters
        ----------
        row_shape : tuple (n_steps, n_channels) or LongestShape
            The latter of sequences of several lengths.
        **arguments : dict
            Of ``AnchoredAutoencoder``.

        Returns
        -------
        network : torch module
        """
        if not isinstance(row_shape, LongestShape):
            return super().make_network(row_shape, **arguments)
        arguments["n_features"] = row_shape.n_steps * row_shape.n_channels
        return ResampledAutoencoder(n_channels=row_shape.n_channels, **arguments)


declare_parameters(SequenceNetwork)
