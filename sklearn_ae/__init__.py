"""Autoencoders as scikit-learn estimators."""

from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers, which cannot read `_HOMES`
    from . import metrics as metrics
    from . import model_selection as model_selection
    from . import plotting as plotting
    from ._autoencoder import Autoencoder
    from ._classifier import AutoencoderClassifier
    from ._clustering import AutoencoderClustering
    from ._convolution import ConvolutionalNetwork
    from ._convolutional import ConvolutionalAutoencoder
    from ._denoising import DenoisingAutoencoder
    from ._ensemble import AutoencoderEnsemble
    from ._outlier import OutlierAutoencoder
    from ._regressor import AutoencoderRegressor
    from ._sequence import SequenceAutoencoder
    from ._sequence_network import SequenceNetwork
    from ._series_detector import SeriesDetector
    from ._sparse import SparseAutoencoder
    from ._variational import VariationalAutoencoder
    from ._window_network import WindowNetwork

__all__ = [
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderClustering",
    "AutoencoderEnsemble",
    "AutoencoderRegressor",
    "ConvolutionalAutoencoder",
    "ConvolutionalNetwork",
    "DenoisingAutoencoder",
    "OutlierAutoencoder",
    "SequenceAutoencoder",
    "SequenceNetwork",
    "SeriesDetector",
    "SparseAutoencoder",
    "VariationalAutoencoder",
    "WindowNetwork",
]
__version__ = "0.1.0"

# Where each public name is. It is imported when it is first asked for: torch takes
# longer to import than scikit-learn, and who imports this package may not need it yet.
_HOMES = {
    "Autoencoder": "_autoencoder",
    "AutoencoderClassifier": "_classifier",
    "AutoencoderClustering": "_clustering",
    "AutoencoderEnsemble": "_ensemble",
    "AutoencoderRegressor": "_regressor",
    "ConvolutionalAutoencoder": "_convolutional",
    "ConvolutionalNetwork": "_convolution",
    "DenoisingAutoencoder": "_denoising",
    "OutlierAutoencoder": "_outlier",
    "SequenceAutoencoder": "_sequence",
    "SequenceNetwork": "_sequence_network",
    "SeriesDetector": "_series_detector",
    "SparseAutoencoder": "_sparse",
    "VariationalAutoencoder": "_variational",
    "WindowNetwork": "_window_network",
    "metrics": "metrics",
    "model_selection": "model_selection",
    "plotting": "plotting",
}
# Threads that ask first, all at once, would import scikit-learn and torch from several
# ends, and modules that import each other would then be met half made.
_LOCK = RLock()


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _LOCK:
        home = import_module(f".{_HOMES[name]}", __name__)
    if name not in __all__:
        return home
    # Kept here, so that Python does not ask again.
    globals()[name] = getattr(home, name)
    return globals()[name]


def __dir__():
    return [*_HOMES, "__version__"]
