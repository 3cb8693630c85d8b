"""What lengths cost, what the framework costs, and a series of a million steps."""

import copy
import resource
from functools import partial

import _report
import numpy as np
from _loops import (
    BY_HAND,
    SKORCH,
    check_equal,
    lengths_of,
    problem_of,
    train_by_hand,
    train_by_skorch,
)
from _timing import interleave, median_ratio, seconds_of
from _variants import Part, judge, note, section
from torch import nn

from sklearn_ae import SequenceAutoencoder, SeriesDetector
from sklearn_ae.training import cpu_threads

N_SEQUENCES, N_STEPS, N_CHANNELS, K, EPOCHS = 1280, 64, 4, 8, 2
REPETITIONS, QUICK_REPETITIONS = 9, 1
STEPS_OF_SERIES = 1_000_000

LENGTHS, FRAMEWORK, SECONDS, GIGABYTES = 1.25, 1.15, 20, 2

OTHER_CELLS = ("gru", "convolution", "attention")

HEADER = ("cell", "seconds of", "median", "beside", "median ", "ratio")


def run(options):
    """Time loops in turn, then score a long series."""
    repetitions = QUICK_REPETITIONS if options.quick else REPETITIONS
    alike, unlike = make_sequences(N_SEQUENCES // (10 if options.quick else 1))
    share = sum(map(len, unlike)) / alike[..., 0].size
    # First: memory is that of the whole process so far.
    seconds, memory = score_series(STEPS_OF_SERIES // (10 if options.quick else 1))
    bounds, rows = [], []
    judge(bounds, _report.at_most("seconds to score a series", seconds, SECONDS))
    judge(bounds, _report.at_most("gigabytes for it", memory, GIGABYTES))
    for cell in ("auto", *OTHER_CELLS):
        several, ratio = compare(
            {
                "several lengths": partial(train_by_skorch, problem(unlike, cell)),
                "one length": partial(train_by_skorch, problem(alike, cell)),
            },
            repetitions if cell == "auto" else -(-repetitions // 3),
        )
        rows.append((cell, *several))
        if cell == "auto":
            claim = "lengths, for as many steps"
            judge(bounds, _report.at_most(claim, ratio / share, LENGTHS))
    both = problem(unlike)
    check_equal(both)
    for name, network in (
        (BY_HAND, both.network),
        ("by hand, packed by torch", with_packed_cells(both.network)),
    ):
        by_hand = partial(train_by_hand, both, network, lengths_of(both))
        ways = {SKORCH: partial(train_by_skorch, both), name: by_hand}
        framework, ratio = compare(ways, repetitions)
        rows.append(("auto", *framework))
        judge(bounds, _report.at_most(f"fit over a loop {name}", ratio, FRAMEWORK))
    text = (
        f"{len(unlike)} sequences of {N_CHANNELS} channels, {EPOCHS} epochs of "
        f'each cell, "auto" being the default, by which bounds are judged: sequences '
        f"of {N_STEPS // 2} to {3 * N_STEPS // 2} steps "
        f"beside as many of {N_STEPS}, which have {1 / share:.3f} times as many steps; "
        "and the loop of `fit` beside the shortest one in plain torch over the same "
        "module and batches, with bit-identical weights, and beside the same with "
        "`pack_padded_sequence` in the cells. Medians of "
        f"{repetitions} interleaved runs, of other cells a third. `SeriesDetector` "
        f"scored a series of {STEPS_OF_SERIES:,} steps in {seconds:.1f} s, with "
        f"{memory:.2f} GB at most in the process."
    )
    return Part(bounds, [section("Speed", text, HEADER, rows)])


def make_sequences(n):
    """Return sequences of one length, and of several with the same mean."""
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(n, 2 * N_STEPS, N_CHANNELS)).cumsum(axis=1)
    lengths = rng.integers(N_STEPS // 2, 3 * N_STEPS // 2 + 1, size=n)
    unlike = [walk[:length] for walk, length in zip(walks, lengths, strict=True)]
    return walks[:, :N_STEPS], unlike


def problem(X, cell="auto"):
    """Return what a fit to sequences trains."""
    estimator = SequenceAutoencoder(
        K, cell=cell, max_epochs=EPOCHS, early_stopping=False, random_state=0
    )
    return problem_of(estimator, X)[0]


def with_packed_cells(network):
    """Return the same network with cells that give torch packed sequences."""
    network = copy.deepcopy(network)
    for branch in (network.encoder_branch, network.decoder_branch):
        branch.cell.forward = partial(packed, branch.cell)
    return network


def packed(cell, steps, lengths):
    """Return what the recurrent units of one model answer to packed sequences."""
    sequences = nn.utils.rnn.pack_padded_sequence(
        steps[0], lengths.expand(steps.shape[:2])[0], True, enforce_sorted=False
    )
    data, *_ = cell.function(
        sequences.data,
        sequences.batch_sizes,
        cell._start(steps[0], 2 * cell.n_layers),
        [weight[0] for weight in cell.weights],
        True,
        cell.n_layers,
        0.0,
        True,
        True,
    )
    answer = nn.utils.rnn.pad_packed_sequence(
        sequences._replace(data=data), True, total_length=steps.shape[2]
    )
    return answer[0].unsqueeze(0)


def compare(ways, repetitions):
    """Return the cells of one line, and the ratio of the first way to the second."""
    with cpu_threads(1):
        seconds = interleave(ways, repetitions)
    first, second = seconds
    ratio = median_ratio(seconds[first], seconds[second])
    medians = [f"{np.median(seconds[name]):.3f}" for name in (first, second)]
    cells = (first, medians[0], second, medians[1], f"{ratio:.3f}")
    note(*cells)
    return cells, ratio


def score_series(n_steps):
    """Return the seconds it takes to score a long series, and the memory of it all."""
    rng = np.random.default_rng(0)
    X = np.sin(np.arange(n_steps) / 7) + 0.1 * rng.normal(size=n_steps)
    detector = SeriesDetector(random_state=0).fit(X)
    seconds, _ = seconds_of(lambda: detector.score_samples(X))
    # In kilobytes, as Linux has it.
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
