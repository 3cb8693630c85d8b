"""What training convolutions through skorch costs over a loop written by hand."""

from functools import partial
from typing import NamedTuple

import _data
import _report
import numpy as np
from _loops import (
    BY_HAND,
    SKORCH,
    check_equal,
    problem_of,
    train_by_hand,
    train_by_skorch,
)
from _timing import interleave, median_ratio
from _variants import Part, judge, note, section

from sklearn_ae import ConvolutionalAutoencoder
from sklearn_ae.training import cpu_threads

RATIO = 1.10
REPETITIONS, QUICK_REPETITIONS = 15, 1


class Setting(NamedTuple):
    """The shape of the images and of the batches."""

    n_images: int
    side: int
    k: int
    batch_size: int
    epochs: int

    @property
    def label(self):
        return f"{self.n_images} × {self.side} × {self.side}, {self.k}"

    @property
    def n_steps(self):
        return self.epochs * -(-self.n_images // self.batch_size)


# Batches as "auto" has them: of many small images, of few, of few large ones.
SETTINGS = (
    Setting(n_images=10_240, side=28, k=32, batch_size=256, epochs=1),
    Setting(n_images=2560, side=28, k=32, batch_size=64, epochs=2),
    Setting(n_images=320, side=64, k=32, batch_size=64, epochs=6),
)

HEADER = (
    *("images, k", "batch", "threads", SKORCH, BY_HAND),
    "over by hand",
)


def run(options):
    """Time both loops in turn."""
    bounds, rows = [], []
    repetitions = QUICK_REPETITIONS if options.quick else REPETITIONS
    for setting in SETTINGS:
        if options.quick:
            setting = setting._replace(n_images=4 * setting.batch_size, epochs=1)
        cells, ratio = compare(setting, repetitions)
        rows.append(cells)
        note(*cells)
        claim = f"skorch over by hand: {setting.label}, batch {setting.batch_size}"
        judge(bounds, _report.at_most(claim, ratio, RATIO))
    text = (
        "Steps per second: the loop that `fit` runs, and the shortest one in plain "
        "torch over the same network module, linear path included, with fused AdamW, "
        "the same batches and the same cosine; no images are held out. Medians of "
        f"{repetitions} interleaved runs; the ratio is that of their times, the median "
        "of the ratios within each repetition. Weights are bit-identical, as checked "
        "before measuring. Images are made up: only their shape counts."
    )
    return Part(bounds, [section("Steps per second", text, HEADER, rows)])


def compare(setting, repetitions):
    """Return the cells of one line, and the ratio that is bounded."""
    problem, n_threads = make_problem(setting)
    with cpu_threads(n_threads):
        check_equal(problem)
        ways = {
            SKORCH: partial(train_by_skorch, problem),
            BY_HAND: partial(train_by_hand, problem),
        }
        seconds = interleave(ways, repetitions)
    ratio = median_ratio(seconds[SKORCH], seconds[BY_HAND])
    return (
        setting.label,
        setting.batch_size,
        n_threads,
        *(f"{setting.n_steps / np.median(seconds[way]):.1f}" for way in ways),
        f"{ratio:.3f}",
    ), ratio


def make_problem(setting):
    """Return images and the anchored network as ``fit`` prepares them, and threads."""
    table = _data.make_table(setting.n_images, setting.side**2)
    estimator = ConvolutionalAutoencoder(
        setting.k,
        batch_size=setting.batch_size,
        max_epochs=setting.epochs,
        early_stopping=False,
        random_state=0,
    )
    images = table.reshape(-1, setting.side, setting.side)
    return problem_of(estimator, images)
