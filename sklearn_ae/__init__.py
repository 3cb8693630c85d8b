"""Autoencoders as scikit-learn estimators."""

from ._autoencoder import Autoencoder

__all__ = ["Autoencoder"]
__version__ = "0.1.0"
