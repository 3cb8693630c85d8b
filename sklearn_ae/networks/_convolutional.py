"""The branches for images: convolutions down to a small map, and up again.

Rows are flattened images, of shape ``(height, width, channels)`` with the channels
last, as users hold them; seen as maps they then lie in memory as CPUs like them best.
"""

import math
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from ._activations import ACTIVATIONS
from ._layers import ResidualBranch, StackedLinear

# Side of the kernels that halve a map, that double it, and of all others.
HALVE, DOUBLE, SAME = 4, 4, 3

# Initial weights as a share of He's. From smaller ones networks learn more in as many
# steps; ``benchmarks/results/images_defaults.md`` compares.
GAIN = 0.7

# What the linear layers' answers are multiplied by: the encoder's by READ over the root
# of the number of pixels, the decoder's by this root over SMALL, but at most by WRITE.
# Adam's steps are of one size for all weights, so that these are learning rates beside
# that of the convolutions: where many pixels add up each weight has to do little, and
# the decoder's begins at zero, where PCA's own axes are of full size.
READ, WRITE, SMALL = 6.0, 8.0, 3.5

# Images that are convolved at once where no gradient is asked for.
BLOCK = 64


class StackedConv2d(nn.Module):
    """M convolutions, each over its own maps; zero until initialised.

    **Shape**: input ``(M, n, n_inputs, height, width)``, output
    ``(M, n, n_outputs, height', width')``.
    """

    def __init__(self, n_models, n_inputs, n_outputs, *, stride=1):
        super().__init__()
        side = SAME if stride == 1 else HALVE
        self.stride = stride
        self.weight = nn.Parameter(
            torch.zeros(n_models, n_outputs, n_inputs, side, side)
        )
        self.bias = nn.Parameter(torch.zeros(n_models, n_outputs))

    def forward(self, x):
        """Convolve; with a stride of 2 a side of s becomes ceil(s / 2)."""
        if self.stride == 2:
            # One pixel more where a side is odd, so that the last one counts too.
            x = functional.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2))
        return convolve(functional.conv2d, x, self.weight, self.bias, self.stride)

    @torch.no_grad()
    def initialise(self, generators, gain=1.0):
        """Draw He-uniform weights, model by model, as ``StackedLinear`` does."""
        draw_weights(self.weight, generators, gain, self.weight[0, 0].numel())


class StackedDoubling(nn.Module):
    """M transposed convolutions that double the sides; zero until initialised.

    A kernel of four pixels in steps of two: each pixel, but for those at the rim, is a
    sum over two by two pixels of the smaller map, so that none gets more than its
    neighbours. It is a sub-pixel convolution of as few pixels, computed in one go.

    **Shape**: input ``(M, n, n_inputs, height, width)``, output
    ``(M, n, n_outputs, 2 * height, 2 * width)``.
    """

    def __init__(self, n_models, n_inputs, n_outputs):
        super().__init__()
        self.weight = nn.Parameter(
            torch.zeros(n_models, n_inputs, n_outputs, DOUBLE, DOUBLE)
        )
        self.bias = nn.Parameter(torch.zeros(n_models, n_outputs))

    def forward(self, x):
        """Return maps of twice the height and width."""
        return convolve(functional.conv_transpose2d, x, self.weight, self.bias, 2)

    @torch.no_grad()
    def initialise(self, generators, gain=1.0):
        """Draw He-uniform weights, for the four terms of a pixel and input map."""
        n_terms = self.weight.shape[1] * DOUBLE**2 // 4
        draw_weights(self.weight, generators, gain, n_terms)


def draw_weights(weights, generators, gain, n_terms):
    """Draw uniform weights as He's for sums of so many terms, times a gain."""
    bound = gain * math.sqrt(6 / n_terms)
    for weight, generator in zip(weights, generators, strict=True):
        draw = torch.empty(weight.shape, dtype=torch.float32)
        weight.copy_(draw.uniform_(-bound, bound, generator=generator))


def convolve(function, maps, weights, biases, stride):
    """Convolve the maps of each model with its own weights."""
    is_exact = torch.is_grad_enabled() or maps.device.type != "cpu"
    apply = function if is_exact else partial(convolve_in_blocks, function)
    answers = [
        apply(rows, weight, bias, stride, 1)
        for rows, weight, bias in zip(maps, weights, biases, strict=True)
    ]
    return answers[0].unsqueeze(0) if len(answers) == 1 else torch.stack(answers)


def convolve_in_blocks(function, maps, weight, bias, stride, padding):
    """Convolve in float32, in blocks of one size.

    On CPUs convolutions in float64 take ten times as long, and what is chosen to
    compute them follows from the number of images. In blocks of one size, the last one
    filled with zeros, an image comes out the same to the last bit whatever is with it.
    """
    weight, bias = weight.float(), bias.float()
    parts = []
    for part in maps.split(BLOCK):
        missing = BLOCK - len(part)
        full = functional.pad(part.float(), (0, 0) * 3 + (0, missing))
        part = function(full, weight, bias, stride, padding)
        parts.append(part[: BLOCK - missing].to(maps.dtype))
    return torch.cat(parts)


class ResidualBlock(nn.Module):
    """Two convolutions that are added to their input; at first they add nothing."""

    def __init__(self, n_models, n_channels, activation):
        super().__init__()
        self.first = StackedConv2d(n_models, n_channels, n_channels)
        self.second = StackedConv2d(n_models, n_channels, n_channels)
        self.activation = activation

    def forward(self, x):
        """Return maps of the shape of ``x``."""
        return x + self.second(self.activation(self.first(self.activation(x))))

    def initialise(self, generators, gain=1.0):
        """Draw the first convolution; the second stays at zero."""
        self.first.initialise(generators, gain)


def map_sizes(height, width, n_halvings):
    """Return the (height, width) of the maps, from the image to the smallest."""
    sizes = [(height, width)]
    for _ in range(n_halvings):
        height, width = -(-height // 2), -(-width // 2)
        sizes.append((height, width))
    return sizes


class ConvolutionalEncoder(nn.Module):
    """Strided convolutions, residual blocks at the smallest map, and dense layers.

    Beside them is a linear layer: it turns the axes of PCA to where they serve the
    convolutions best. Answers zero until it is trained.

    Parameters
    ----------
    n_models : int
    image_shape : tuple (height, width, n_channels)
    channels : tuple of int
        Channels after each halving of the sides.
    n_blocks : int
        Residual blocks at the smallest map.
    hidden_layer_sizes : tuple of int
        Dense layers after the smallest map.
    activation : str
    n_outputs : int

    **Shape**: input ``(M, n, d)`` or ``(n, d)``, output ``(M, n, n_outputs)``.
    """

    def __init__(
        self,
        n_models,
        image_shape,
        channels,
        n_blocks,
        hidden_layer_sizes,
        activation,
        n_outputs,
    ):
        super().__init__()
        height, width, n_channels = image_shape
        self.n_models, self.image_shape = n_models, tuple(image_shape)
        self.activation = ACTIVATIONS[activation]()
        widths = (n_channels, *channels)
        self.down = nn.ModuleList(
            StackedConv2d(n_models, *pair, stride=2) for pair in pairwise(widths)
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(n_models, widths[-1], self.activation)
            for _ in range(n_blocks if channels else 0)
        )
        smallest = map_sizes(height, width, len(channels))[-1]
        n_cells = widths[-1] * math.prod(smallest)
        self.head = ResidualBranch(
            n_models, n_cells, hidden_layer_sizes, n_outputs, activation
        )
        self.linear = StackedLinear(n_models, math.prod(image_shape), n_outputs)

    def forward(self, x):
        """Return the branch's correction of the linear path."""
        maps = to_maps(x.expand(self.n_models, *x.shape[-2:]), self.image_shape)
        for layer in self.down:
            maps = self.activation(layer(maps))
        for block in self.blocks:
            maps = block(maps)
        read = READ / math.sqrt(math.prod(self.image_shape))
        return torch.add(self.head(from_maps(maps)), self.linear(x), alpha=read)

    def initialise(self, generators):
        """Draw the hidden layers; the output layers stay at zero."""
        for layer in (*self.down, *self.blocks, self.head):
            layer.initialise(generators, GAIN)


class ConvolutionalDecoder(nn.Module):
    """The way back: dense layers, residual blocks, and convolutions that double.

    A linear layer is beside them, as in the encoder.

    Sides are doubled by sub-pixel convolutions [1]_, which leave no checkerboard: a
    convolution answers four channels for each, which become two by two pixels.

    Parameters
    ----------
    n_models, n_inputs : int
    image_shape, channels, n_blocks, hidden_layer_sizes, activation
        As of the encoder, in its order.
    n_images : int
        Images that are answered for each row, one after the other.

    **Shape**: input ``(M, n, n_inputs)``, output ``(M, n, n_images * d)``.

    References
    ----------
    .. [1] Shi, W. et al. (2016). Real-time single image and video super-resolution
       using an efficient sub-pixel convolutional neural network. Conference on
       Computer Vision and Pattern Recognition.
    """

    def __init__(
        self,
        n_models,
        n_inputs,
        image_shape,
        channels,
        n_blocks,
        hidden_layer_sizes,
        activation,
        n_images,
    ):
        super().__init__()
        height, width, n_channels = image_shape
        self.n_images, self.image_shape = n_images, tuple(image_shape)
        self.activation = ACTIVATIONS[activation]()
        *self.sizes, smallest = map_sizes(height, width, len(channels))
        widths = (n_channels * n_images, *channels)
        self.smallest = (*smallest, widths[-1])
        self.head = ResidualBranch(
            n_models,
            n_inputs,
            hidden_layer_sizes[::-1],
            math.prod(self.smallest),
            activation,
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(n_models, widths[-1], self.activation)
            for _ in range(n_blocks if channels else 0)
        )
        self.up = nn.ModuleList(
            StackedDoubling(n_models, n_inputs, n_outputs)
            for n_outputs, n_inputs in pairwise(widths)
        )
        n_pixels = n_images * math.prod(image_shape)
        self.linear = StackedLinear(n_models, n_inputs, n_pixels)

    def forward(self, code):
        """Return the branch's correction of the linear path."""
        maps = to_maps(self.head(code), self.smallest)
        for block in self.blocks:
            maps = block(maps)
        steps = list(zip(self.up, self.sizes, strict=True))
        for layer, (height, width) in reversed(steps):
            maps = layer(self.activation(maps))[..., :height, :width]
        images = maps.unflatten(2, (self.n_images, -1))
        images = images.permute(0, 1, 2, 4, 5, 3).flatten(2)
        write = min(WRITE, math.sqrt(math.prod(self.image_shape)) / SMALL)
        return torch.add(images, self.linear(code), alpha=write)

    def initialise(self, generators):
        """Draw the hidden layers; the output layers stay at zero."""
        self.head.initialise(generators, GAIN)
        if self.up:
            for layer in (self.head.output, *self.blocks, *self.up[1:]):
                layer.initialise(generators, GAIN)


def to_maps(rows, image_shape):
    """Return rows as maps of shape ``(M, n, channels, height, width)``, not copied."""
    return rows.unflatten(-1, image_shape).permute(0, 1, 4, 2, 3)


def from_maps(maps):
    """Return maps as rows."""
    return maps.permute(0, 1, 3, 4, 2).flatten(2)
