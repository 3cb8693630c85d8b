"""Random numbers of a fit: private, and equal for equal rows where that matters."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtri

from ._plan import mix_bits

# Keys become the middles of so many equal cells of (0, 1): one bit less than float64
# resolves, so that the last is below 1.
CELLS = 2.0**52

# Least uniform of a generator in float32, for a logarithm of zero is none.
LEAST = 2.0**-25


class Chance(NamedTuple):
    """What is random about the rows a network reads.

    Attributes
    ----------
    corrupt : callable or None
        Function of rows and as many uniforms.
    noise_width : int
        Normal draws for each row.
    seed : int
    """

    corrupt: Callable | None = None
    noise_width: int = 0
    seed: int = 0

    @classmethod
    def of(cls, network, corruption, settings):
        """Return what a network and a :class:`Corruption` or None ask for."""
        corrupt = corruption and corruption.bind(settings.dtype, settings.device)
        return cls(corrupt, network.noise_width, settings.noise_seed)

    def __bool__(self):
        return self.corrupt is not None or self.noise_width > 0

    def applied(self, batch, uniform, normal):
        """Return a batch with corrupted inputs and with noise, as far as asked for.

        Parameters
        ----------
        batch : Batch
        uniform, normal : callable
            Return draws of a given width for the batch's rows.
        """
        if self.corrupt is not None:
            draw = uniform(batch.inputs.shape[-1])
            batch = batch._replace(inputs=self.corrupt(batch.inputs, draw))
        if self.noise_width:
            draw = normal(self.noise_width)
            batch = batch._replace(noise=draw.to(batch.inputs))
        return batch


NO_CHANCE = Chance()


class Noise:
    """Draws for the rows of a batch, from a private generator.

    In float32, so that a seed means the same in every precision.

    Parameters
    ----------
    seed : int
    device : torch device
    """

    def __init__(self, seed, device):
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, n_rows, width):
        """Return uniforms in (0, 1) of shape ``(n_rows, width)``."""
        draw = torch.rand(n_rows, width, generator=self.generator, device=self.device)
        return draw.clamp_(min=LEAST)

    def normal(self, n_rows, width):
        """Return standard normals of shape ``(n_rows, width)``."""
        return torch.randn(n_rows, width, generator=self.generator, device=self.device)


def keyed_uniform(keys, width):
    """Return uniforms in (0, 1) that 64-bit keys decide, ``width`` for each key.

    They follow from their key alone, whatever keys are around it.
    """
    steps = np.arange(1, width + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = mix_bits(keys[..., None] + steps)
    return ((bits >> np.uint64(12)) + 0.5) / CELLS


def keyed_normal(keys, width):
    """Return standard normals that 64-bit keys decide, ``width`` for each key."""
    return ndtri(keyed_uniform(keys, width))
