"""From which size of a step a GPU is faster than the CPU: what "auto" goes by."""

from functools import partial

import _data
import numpy as np
from _timing import interleave, median_ratio
from _variants import Part, note, quiet, section

from sklearn_ae import Autoencoder
from sklearn_ae.training import choose_device

# Rows, columns, hidden layers, components, rows of a batch.
SHAPES = (
    (2_000, 10, (16,), 4, 64),
    (20_000, 30, (64,), 8, 64),
    (20_000, 30, (64,), 8, 256),
    (20_000, 30, (128, 64), 8, 256),
    (20_000, 100, (128, 64), 16, 256),
    (20_000, 784, (128,), 32, 256),
    (20_000, 784, (512, 256), 32, 256),
)
REPETITIONS = 3

HEADER = (
    *("rows", "columns", "layers", "batch", "operations", "CPU", "GPU"),
    *("CPU over GPU", '"auto" takes'),
)


def run(options):
    """Time fits of many shapes on both devices."""
    if options.device == "cpu":
        note("There is nothing to compare the CPU with; --device cuda names a GPU.")
        return Part([], [])
    shapes = SHAPES[:1] if options.quick else SHAPES
    lines = [compare(shape, options) for shape in shapes]
    text = (
        "Whole fits of as many epochs as by default, nothing held out, without scores "
        "of outliers; one thread of the CPU. Operations of a step in millions. Seconds,"
        f" medians of {REPETITIONS} runs in turn."
    )
    return Part([], [section("Fits by the size of a step", text, HEADER, lines)])


def compare(shape, options):
    """Return the line of one shape."""
    n_rows, n_features, hidden, n_components, batch_size = shape
    X = _data.make_table(n_rows, n_features)
    make = partial(
        Autoencoder,
        n_components,
        hidden_layer_sizes=hidden,
        batch_size=batch_size,
        max_epochs=2 if options.quick else "auto",
        early_stopping=False,
        outlier_score="reconstruction",
        random_state=0,
    )
    models = {device: make(device=device) for device in ("cpu", options.device)}
    ways = {device: partial(model.fit, X) for device, model in models.items()}
    with quiet():
        ways[options.device]()  # what is loaded once counts for neither
        seconds = interleave(ways, REPETITIONS)
    flops = models["cpu"]._step_flops(batch_size, n_features, n_rows)
    choice = choose_device(options.device, flops)
    medians = [f"{np.median(of_device):.2f}" for of_device in seconds.values()]
    ratio = median_ratio(seconds["cpu"], seconds[options.device])
    layers = "-".join(map(str, (*hidden, n_components)))
    line = (n_rows, n_features, layers, batch_size, f"{flops / 1e6:.1f}", *medians)
    line = (*line, f"{ratio:.1f}", str(choice).upper().replace("CUDA", "GPU"))
    note(*line)
    return line
