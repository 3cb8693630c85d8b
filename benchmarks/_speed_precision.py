"""What products in bfloat16 save at a step, and what they cost in held-out R²."""

from functools import partial
from typing import NamedTuple

import _data
import _report
import numpy as np
import torch
from _loops import problem_of, train_by_skorch
from _speed_step import QUICK_ROWS
from _timing import interleave, median_ratio
from _variants import (
    Part,
    fit,
    judge,
    note,
    section,
    split_rows,
)

from sklearn_ae import Autoencoder
from sklearn_ae.training import cpu_threads

PRECISIONS = ("float32", "bfloat16")
STEPS, QUICK_STEPS, ROUNDS = 20, 2, 7
SEEDS, TABLES = 5, ("digits", "20_letter", "24_mnist")
MOST_ROWS, MNIST_ROWS, MNIST_EPOCHS = 5000, 20_000, 15

# R² that bfloat16 may cost, beside the spread over seeds.
COST = 0.002


class Shape(NamedTuple):
    """A step's rows and layers; ``least`` bounds float32's time over bfloat16's."""

    n_features: int
    sizes: tuple
    k: int
    batch_size: int
    least: float | None = None

    @property
    def label(self):
        return f"{self.n_features}, {self.sizes}, {self.k}, batch {self.batch_size}"


SHAPES = (
    Shape(784, (512, 256), 32, 256, least=1.5),
    Shape(784, (512, 256), 32, 1024, least=1.5),
    Shape(100, (256,), 16, 256),
    Shape(64, (128,), 8, 256),
    Shape(30, (64,), 8, 256),
)

STEPS_TEXT = """\
Milliseconds of a step of `fit`, gradients and AdamW, by `precision`, on one thread:
medians of {n} interleaved runs, and of the ratios within each. This CPU has {flags}."""
COST_TEXT = """\
R² of held-out rows after a whole fit with the defaults and codes of a quarter of the
columns, at most 32; means over {n} seeds of rows and weights, with the standard error
of the difference. MNIST with layers of 512 and 256, {epochs} epochs and one seed."""

STEPS_HEADER = ("columns, layers, k", *PRECISIONS, "float32 over bfloat16")
COST_HEADER = ("rows", "shape", *PRECISIONS, "difference")


def run(options):
    """Time steps by precision, and compare what fits come to."""
    bounds = []
    steps = [time_steps(shape, options, bounds) for shape in SHAPES]
    costs = [compare_tables(table, options, bounds) for table in pick(options)]
    costs += compare_images(options, bounds)
    n_seeds = 1 if options.quick else SEEDS
    text = STEPS_TEXT.format(n=rounds_of(options), flags=flags_of_cpu())
    costs_text = COST_TEXT.format(n=n_seeds, epochs=MNIST_EPOCHS)
    sections = [
        section("Steps", text, STEPS_HEADER, steps),
        section("Quality", costs_text, COST_HEADER, costs),
    ]
    return Part(bounds, sections)


def rounds_of(options):
    return 1 if options.quick else options.repetitions or ROUNDS


def has_bfloat16():
    """Whether this CPU multiplies in bfloat16 itself."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def flags_of_cpu():
    return "products in bfloat16" if has_bfloat16() else "no products in bfloat16"


# -- steps


def time_steps(shape, options, bounds):
    """Return the cells of one line."""
    n_steps = QUICK_STEPS if options.quick else STEPS
    X = _data.make_table(n_steps * shape.batch_size, shape.n_features)
    ways = {name: one_epoch(shape, X, name) for name in PRECISIONS}
    with cpu_threads(1):
        for way in ways.values():
            way()  # loads what it needs
        seconds = interleave(ways, rounds_of(options))
    steps = [seconds[name] / n_steps for name in PRECISIONS]
    ratio = median_ratio(*steps)
    if shape.least and has_bfloat16():
        claim = f"step in float32 over bfloat16: {shape.label}"
        judge(bounds, _report.at_least(claim, ratio, shape.least))
    cells = [f"{1e3 * np.median(each):.3f}" for each in steps]
    note(shape.label, *cells)
    return (shape.label, *cells, f"{ratio:.2f}")


def one_epoch(shape, X, precision):
    """Return a function that trains for an epoch, of a fit that is set up."""
    model = Autoencoder(
        shape.k,
        hidden_layer_sizes=shape.sizes,
        batch_size=shape.batch_size,
        max_epochs=1,
        early_stopping=False,
        precision=precision,
        random_state=0,
    )
    return partial(train_by_skorch, problem_of(model, X)[0])


# -- quality


def pick(options):
    """Return the tables there are, by name."""
    tables = {table.name: table for table in _data.find_tables(options.data)}
    names = TABLES[:1] if options.quick else TABLES
    return [tables[name] for name in names if name in tables]


def compare_tables(table, options, bounds):
    """Return the cells of one table, over seeds of rows and weights."""
    most = QUICK_ROWS if options.quick else MOST_ROWS
    X = _data.subsample(table.read(), most, 0)
    scores = []
    for seed in range(1 if options.quick else SEEDS):
        rows, held_out = split_rows(X, seed)
        k = min(32, max(1, X.shape[1] // 4))
        scores.append(
            scores_of(
                partial(Autoencoder, k, random_state=seed), rows, held_out, options
            )
        )
    return line_of(table.name, X.shape, np.array(scores), bounds)


def compare_images(options, bounds):
    """Return the line of MNIST, if it is among the data."""
    path = _data.mnist_path(options.data)
    if not path.exists():
        note("MNIST is left out: images/mnist.npz is not among the data.")
        return []
    images = _data.load_mnist(path)
    most = QUICK_ROWS if options.quick else MNIST_ROWS
    images[0] = _data.subsample(images[0], most, 0)
    make = partial(
        Autoencoder,
        32,
        hidden_layer_sizes=SHAPES[0].sizes,
        max_epochs=MNIST_EPOCHS,
        random_state=0,
    )
    scores = np.array([scores_of(make, *images, options)])
    return [line_of("MNIST", images[0].shape, scores, bounds)]


def scores_of(make, rows, held_out, options):
    """Return the R² of held-out rows by precision."""
    models = [fit(make(precision=name), rows, options) for name in PRECISIONS]
    return [model.score(held_out) for model in models]


def line_of(name, shape, scores, bounds):
    """Return the cells of one line, and judge the cost."""
    gains = scores[:, 1] - scores[:, 0]
    spread = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    cost = -gains.mean() - 2 * spread
    judge(bounds, _report.at_most(f"R² that bfloat16 costs: {name}", cost, COST))
    means = [f"{mean:.4f}" for mean in scores.mean(axis=0)]
    error = f" ± {spread:.4f}" if len(gains) > 1 else ""
    line = name, "{} × {}".format(*shape), *means, f"{gains.mean():+.4f}{error}"
    note(*line)
    return line
