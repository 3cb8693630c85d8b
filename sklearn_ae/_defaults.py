"""What "auto" means: sizes and lengths that follow from the shape of the data.

Each rule was chosen on one half of the benchmark tables and confirmed on the other;
``benchmarks/defaults.py`` shows the comparison.
"""

from typing import NamedTuple

# Tables with fewer distinct rows are small: narrow layers, fewer and shorter steps.
SMALL = 1000

# Tables with no more columns are narrow: half the units learn as much of them, unless
# they are to see through corruption. ``_speed_defaults.py`` of the benchmarks shows
# both, and learning rates.
NARROW = 32


class Schedule(NamedTuple):
    """Steps that the default number of epochs amounts to, and bounds of this number."""

    steps: int = 1500
    small_steps: int = 600
    min_epochs: int = 40
    max_epochs: int = 600


SCHEDULE = Schedule()

# Fresh corruption at every step is fresh data: denoisers gain from more of them.
DENOISING_SCHEDULE = Schedule(steps=3000, small_steps=1000, max_epochs=1000)

# Atoms start as rows and soon are good ones, and a step costs more.
SPARSE_SCHEDULE = Schedule(min_epochs=5)

# Outliers stand out before the last of the reconstruction is learnt; the table of
# scores in the benchmarks shows what more steps and other rows would bring.
OUTLIER_SCHEDULE = Schedule(steps=400, small_steps=200, min_epochs=5)

# Components, at most, and epochs of an autoencoder that is fitted for the labels of
# rows; then steps and learning rate by which it is fine-tuned to them.
PRETRAINED_COMPONENTS = 32
PRETRAINING_SCHEDULE = Schedule(steps=2400, min_epochs=10)
FINE_TUNING_SCHEDULE, FINE_TUNING_RATE = Schedule(min_epochs=6), 1e-3

# Components of a denoiser, at most: corruption keeps it from copying rows, and more
# cost time.
DENOISING_COMPONENTS = 128

# Units of a sparse code, at most, and weights of the penalties.
SPARSE_COMPONENTS = 512
PENALTY_WEIGHTS = {"l1": 0.1, "kl": 100.0}
SPARSE_LEARNING_RATE, SPARSE_SLOW_RATE = 0.1, 0.05

# Channels of the maps of a convolutional network, after each halving of the sides.
# Images up to a side have wide maps, which cost little, and so have corrupted ones: it
# takes more to see through noise.
CHANNELS, WIDE_CHANNELS = (16, 32, 64, 64), (32, 64, 64, 64)
SMALL_SIDE = 16

# Dense layers between their smallest map and the code.
IMAGE_LAYERS = (512,)

# Images per step. Larger batches take as long for as many images, and learn less.
IMAGE_BATCH_SIZE = 64

# Epochs over images, at least: each step costs ten times one of a dense network.
MIN_IMAGE_EPOCHS = 28

# Patches overlap, so that other ones teach more than the same ones again: for as many
# steps as images get in 28 epochs of 20,000, many are seen less often.
PATCH_STEPS, MIN_PATCH_EPOCHS = 9000, 10

# Values of a batch of images or sequences from which a second thread is worth its risk,
# as for dense networks: while other work holds a core, two threads that wait for each
# other take ten times as long as one.
IMAGE_BATCH = 2**15

# What Adam keeps of the mean squared gradients at each step. Convolutional networks
# learn more in as many steps if it is less than usual, and ``_images_defaults.py`` of
# the benchmarks compares; not of corrupted images, whose gradients differ more.
BETA2, IMAGE_BETA2 = 0.999, 0.98

# Weight decay of networks for images, which else know the training images by heart, and
# the learning rate of those for corrupted images, at most. ``_images_noise.py`` of the
# benchmarks shows both beside others.
IMAGE_WEIGHT_DECAY, CORRUPTED_RATE = 0.1, 1e-3

# The cell for sequences of numbers, and for those of tokens. ``_sequences_cells.py`` of
# the benchmarks has the first beside others: by far the fastest to fit, and nearly as
# good as any but for images read as sequences, of which convolutions make more.
SEQUENCE_CELL, TOKEN_CELL = "lstm", "convolution"

# Sequences per step, dense layers between their places and the code, weight decay.
SEQUENCE_BATCH_SIZE, SEQUENCE_LAYERS, SEQUENCE_WEIGHT_DECAY = 64, (128,), 0.1

# Components of codes of tokens, of which PCA keeps no share, and dense layers.
# They overlap where they are windows of a text, and few epochs are enough.
TOKEN_COMPONENTS, TOKEN_LAYERS, TOKEN_CONVOLUTIONS = 64, (512,), 3
TOKEN_BATCH_SIZE = 128
TOKEN_SCHEDULE = Schedule(steps=3000, small_steps=1000, min_epochs=3)

# Dilated convolutions, at most; eight of three taps reach over 511 steps.
MAX_CONVOLUTIONS = 8

BATCH_SIZE = 256

# Learning rates of the first step: of dense networks, of those that share weights
# between places of an image or a sequence, and of either where tables are small.
LEARNING_RATE, SHARING_LEARNING_RATE, SMALL_LEARNING_RATE = 5e-3, 3e-3, 1e-3


def hidden_layer_sizes_for(n_distinct, n_features, is_corrupted=False):
    """Return the hidden layers of the encoder: two, the second half as wide.

    Wider for many columns and many rows: small tables cannot feed a wide layer, and
    narrow ones need none, unless their rows are corrupted in training.
    """
    if n_distinct < SMALL:
        return (64, 32)
    if n_features <= NARROW and not is_corrupted:
        return (128, 64)
    return (512, 256) if n_features > 256 and n_distinct >= 10_000 else (256, 128)


def density_layer_sizes_for(n_distinct):
    """Return the hidden layers of a model of densities: one, which overfits less."""
    return (64,) if n_distinct < SMALL else (128,)


def channels_for(height, width, is_corrupted=False):
    """Return the channels of a convolutional network's maps."""
    n_halvings, side = 0, max(height, width)
    channels = WIDE_CHANNELS if is_corrupted or side <= SMALL_SIDE else CHANNELS
    while side >= 8 and n_halvings < len(channels):
        n_halvings, side = n_halvings + 1, -(-side // 2)
    return channels[: n_halvings or int(side > 1)]


def min_patch_epochs_for(n_batches):
    """Return the least number of epochs over patches, of so many batches each."""
    return min(MIN_IMAGE_EPOCHS, max(MIN_PATCH_EPOCHS, PATCH_STEPS // n_batches))


def sequence_layers_for(cell, n_steps):
    """Return the layers of a cell; convolutions reach from one end to the other."""
    if cell != "convolution":
        return 2 if cell == "attention" else 1
    n_layers = 1
    while 2 ** (n_layers + 1) - 1 < n_steps and n_layers < MAX_CONVOLUTIONS:
        n_layers += 1
    return n_layers


def learning_rate_for(n_distinct, usual=LEARNING_RATE):
    """Return the learning rate of the first step."""
    return SMALL_LEARNING_RATE if n_distinct < SMALL else usual


def sparse_learning_rate_for(n_distinct, penalty):
    """Return the learning rate of parameters of unit size."""
    slow = n_distinct < SMALL or penalty == "kl"
    return SPARSE_SLOW_RATE if slow else SPARSE_LEARNING_RATE


def max_epochs_for(n_distinct, n_batches, schedule=SCHEDULE):
    """Return the number of epochs that come nearest to the schedule's steps."""
    steps = schedule.small_steps if n_distinct < SMALL else schedule.steps
    epochs = max(steps // n_batches, schedule.min_epochs)
    return min(epochs, schedule.max_epochs)
