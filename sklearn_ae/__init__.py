"""Autoencoders as scikit-learn estimators."""

from ._autoencoder import Autoencoder
from ._convolution import ConvolutionalNetwork
from ._convolutional import ConvolutionalAutoencoder
from ._denoising import DenoisingAutoencoder
from ._sequence import SequenceAutoencoder
from ._sequence_network import SequenceNetwork
from ._series_detector import SeriesDetector
from ._sparse import SparseAutoencoder
from ._variational import VariationalAutoencoder
from ._window_network import WindowNetwork

__all__ = [
    "Autoencoder",
    "ConvolutionalAutoencoder",
    "ConvolutionalNetwork",
    "DenoisingAutoencoder",
    "SequenceAutoencoder",
    "SequenceNetwork",
    "SeriesDetector",
    "SparseAutoencoder",
    "VariationalAutoencoder",
    "WindowNetwork",
]
__version__ = "0.1.0"
