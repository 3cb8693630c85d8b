"""What "auto" means: sizes and lengths that follow from the shape of the data.

Each rule was chosen on one half of the benchmark tables and confirmed on the other;
``benchmarks/defaults.py`` shows the comparison.
"""

# Steps of training that the default number of epochs amounts to, by and large.
TARGET_STEPS = 1500
MIN_EPOCHS, MAX_EPOCHS = 30, 400

BATCH_SIZE = 256


def hidden_layer_sizes_for(n_rows, n_features):
    """Return the hidden layers of the encoder: two, the second half as wide.

    Wider for many columns and many rows: small tables cannot feed a wide layer.
    """
    width = 512 if n_features > 256 and n_rows >= 10_000 else 256
    return (width, width // 2)


def batch_size_for(n_rows):
    """Return the number of rows per step."""
    return min(BATCH_SIZE, n_rows)


def max_epochs_for(n_rows, batch_size):
    """Return the number of epochs that come nearest to the target of steps."""
    steps_per_epoch = -(-n_rows // batch_size)
    return int(min(max(TARGET_STEPS // steps_per_epoch, MIN_EPOCHS), MAX_EPOCHS))
