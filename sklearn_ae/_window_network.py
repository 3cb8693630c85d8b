"""Dense networks for windows of long series, as a choice of any estimator."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from . import _defaults
from ._compat import Interval, StrOptions
from ._declaration import declare_parameters
from ._network import check_layer_sizes, layer_sizes
from ._sequence_kind import SequenceKind
from .detection import fit_isotropic
from .networks import ACTIVATIONS

# Noise of windows, as a share of the largest variance of their codes. A long series has
# few windows that do not overlap, which tell little of the directions in which they
# hardly vary: ``_sequences_windows.py`` of the benchmarks compares.
NOISE_SHARE = 0.05


class WindowNetwork(SequenceKind, BaseEstimator):
    """Dense network for windows of long series, for the ``network`` of an estimator.

    Takes sequences of one length in the layouts of :class:`SequenceAutoencoder`.
    Outlier scores count all steps and channels alike: in the units they come in, as
    :class:`SeriesDetector` makes them, or with ``standardize=True`` in one unit for
    each channel. Windows of a series begin anywhere in its course: unlike
    :class:`SequenceNetwork`, this one does not know which steps follow each other, and
    is many times as fast.

    Read more in the :ref:`User Guide <series>`.

    Parameters
    ----------
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        As of :class:`Autoencoder`.
    activation : {"elu", "gelu", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation function of the hidden layers.

    See Also
    --------
    SeriesDetector : Cuts series into windows, and scores each step.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import Autoencoder, WindowNetwork
    >>> X = np.random.default_rng(0).normal(size=(50, 20, 3)).cumsum(axis=1)
    >>> ae = Autoencoder(4, network=WindowNetwork(), max_epochs=10, random_state=0)
    >>> ae.fit(X).reconstruct(X).shape
    (50, 20, 3)
    """

    hidden_layer_sizes: int | tuple | str = "auto"
    activation: str = "silu"

    _parameter_constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    # Parameters that shape the network, which a fit that goes on cannot change.
    structural = ("hidden_layer_sizes", "activation")

    takes_lengths = False
    full_rate = _defaults.SHARING_LEARNING_RATE

    def check(self):
        """Check what the parameter constraints cannot say."""
        self._validate_params()
        check_layer_sizes(self.hidden_layer_sizes)

    def branches(self, row_shape, n_distinct, is_corrupted=False):
        """Return the branches for windows of a shape.

        Parameters
        ----------
        row_shape : tuple (n_steps, n_channels)
            Of a window.
        n_distinct : int
            Distinct training windows.
        is_corrupted : bool
            Whether they are corrupted in training.

        Returns
        -------
        branches : dict of plain values
        """
        sizes, n_features = self.hidden_layer_sizes, row_shape[0] * row_shape[1]
        is_auto = isinstance(sizes, str)
        auto = _defaults.hidden_layer_sizes_for(n_distinct, n_features, is_corrupted)
        return {
            "kind": "dense",
            "hidden_layer_sizes": auto if is_auto else layer_sizes(sizes),
            "activation": self.activation,
        }

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
        # As the loss, but without a unit of its own for the whole. A unit from the
        # windows' variance would be small where what is rare in a channel lies near the
        # end of a series, in few windows.
        unit = fitted.metric.unit.numpy()
        unit = unit / np.sqrt(np.square(unit).mean())
        return fit_isotropic(
            fitted, network, index, trim, noise_share=NOISE_SHARE, unit=unit
        )


declare_parameters(WindowNetwork)
