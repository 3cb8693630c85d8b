"""Many estimators fitted at once: those of one shape to the same rows as one stack."""

import time
import warnings
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch

from ._compat import has_callbacks, open_callback_context, with_callbacks
from ._fitting import complete, plan_for
from ._jobs import is_on_gpu, run_stacks
from ._network import DENSE
from .training import (
    can_be_stacked,
    cpu_threads,
    stack_key,
    train_stacked,
)

# Cells that the layers of one stack compute at a step, at most. On a CPU a stack is
# fastest while it stays in the cache; on a GPU it should fill the device.
CPU_CELLS, GPU_CELLS = 2**18, 2**28

# Fits of one stack on a CPU, at most: more of them save next to nothing more. And how
# many of them are not split, for two stacks can keep two processes busy.
CPU_FITS, UNSPLIT_FITS = 16, 8


class Task(NamedTuple):
    """An estimator that is to be fitted, in place.

    Attributes
    ----------
    estimator : BaseAutoencoder
    X : array-like or sparse matrix
        One object for all tasks of the same rows.
    sample_weight : array-like or None
        Likewise.
    finds_outliers : bool
        Whether it is to learn scores and a threshold, which may take longer than
        training.
    """

    estimator: object
    X: object
    sample_weight: object = None
    finds_outliers: bool = True


class Outcome(NamedTuple):
    """What a task has come to.

    Attributes
    ----------
    error : Exception or None
        Why the estimator is not fitted.
    seconds : float
        Its share of the time of its stack.
    n_together : int
        Fits in the stack.
    """

    error: Exception | None
    seconds: float
    n_together: int


def can_be_batched(estimator):
    """Whether an estimator's fit may be one of many in a stack.

    Dense networks with a plain code and the squared error can.
    """
    return not obstacle_of(estimator)


def obstacle_of(estimator):
    """Return what keeps an estimator's fit from being one of many, or nothing."""
    if not estimator._trains_in_stacks:
        return f"it is a {type(estimator).__name__}"
    if estimator._network_kind is not DENSE:
        return f"its network is a {type(estimator._network_kind).__name__}"
    if estimator.callbacks or has_callbacks(estimator):
        return "it has callbacks"
    if estimator.trim != "auto" and estimator.trim:
        return f"it has trim={estimator.trim!r}, which fits twice"
    for name in ("warm_start", "verbose"):
        if getattr(estimator, name):
            return f"it has {name}={getattr(estimator, name)!r}"
    return ""


def fit_together(tasks, n_jobs=None, raises=False, verbose=0):
    """Fit estimators, each to its rows.

    Parameters
    ----------
    tasks : sequence of Task
    n_jobs : int or None, default=None
        Processes, each of which trains stacks of its own, or threads: where joblib is
        told so, on a GPU, and where something cannot be pickled. None is one.
    raises : bool, default=False
        Whether parameters or rows that are out of order are an error before anything is
        trained, and not the outcome of their own fit.
    verbose : int, default=0
        Above 0, each stack is told of once it is trained.

    Returns
    -------
    outcomes : list of Outcome
    """
    opened = _opened(tasks)
    for fit in opened:
        if raises and isinstance(fit, Exception):
            raise fit
    return fit_opened(tasks, opened, n_jobs, verbose)


def fit_opened(tasks, opened, n_jobs=None, verbose=0):
    """Fit estimators whose fits are opened, or have failed to; see the above.

    Parameters
    ----------
    tasks : sequence of Task
    opened : sequence of Opened or Exception
    n_jobs : int or None, default=None
    verbose : int, default=0

    Returns
    -------
    outcomes : list of Outcome
    """
    stacks = _arranged(tasks, opened)
    members = [[(tasks[i], opened[i]) for i in places] for places in stacks]
    outcomes = [None] * len(tasks)
    fit_stack = partial(_fit_stack, tell_of=len(tasks) if verbose > 0 else None)
    results = run_stacks(fit_stack, members, n_jobs)
    for places, made in zip(stacks, results, strict=True):
        for place, (outcome, fitted) in zip(places, made, strict=True):
            vars(tasks[place].estimator).update(vars(fitted))
            outcomes[place] = outcome
    return outcomes


def _attempt(function, *args):
    """Return what a function returns, or the exception that it raises."""
    try:
        return function(*args)
    except Exception as error:
        return error


def _opened(tasks):
    """Return the opened fits of tasks, or the errors their parameters or rows raise.

    Those of the same rows share them as read, whatever they were made of.
    """
    fits, rows = [], {}
    for task in tasks:
        opened = _attempt(_open, task)
        if not isinstance(opened, Exception) and can_be_batched(task.estimator):
            known = rows.setdefault(_rows_of(task), opened.rows)
            opened = opened._replace(rows=known)
        fits.append(opened)
    return fits


def _open(task):
    task.estimator._validate_params()
    return task.estimator._open(task.X, task.sample_weight)


def _rows_of(task):
    """Return what is equal for tasks of the same rows."""
    return id(task.X), id(task.sample_weight)


def _arranged(tasks, opened):
    """Return the places of tasks by stack, those of one shape side by side.

    Where rows are held out, only fits of one learning rate are, which will stop at
    about one time: a stack goes on until the last of it stops. On a GPU it takes hardly
    less time for fewer.
    """

    def shape(place):
        estimator, fit = tasks[place].estimator, opened[place]
        if isinstance(fit, Exception) or not can_be_batched(estimator):
            return (str(place),)
        settings, structure = fit.recipe.settings, estimator._structural_params()
        stops = fit.recipe.hold_out and not is_on_gpu(fit)
        rate = settings.learning_rate if stops else None
        parts = (
            *(type(estimator).__name__, structure, fit.rows.shape, rate),
            *(settings.batch_size, settings.max_epochs, settings.device),
            *(settings.dtype, settings.products),
        )
        return tuple(str(part) for part in parts)

    stacks = []
    for _, run in groupby(sorted(range(len(tasks)), key=shape), key=shape):
        run = list(run)
        size = _stack_size(opened[run[0]], len(run)) if len(run) > 1 else 1
        n_stacks = -(-len(run) // size)
        stacks += [list(places) for places in np.array_split(run, n_stacks)]
    return stacks


def _stack_size(opened, n_fits):
    """Return how many of so many fits of a shape one stack should hold, at most."""
    rows, weight, group, recipe, start = opened
    with torch.device("meta"):  # of its shapes alone
        network = recipe.make_network(
            n_models=1, n_features=rows.shape[1], n_components=rows.shape[1]
        )
    widths = sum(
        parameter.shape[-1]
        for name, parameter in network.named_parameters()
        if name.endswith("bias")
    )
    n_models = plan_for(rows.shape[1], weight, group, recipe, start).n_models
    cells = recipe.settings.batch_size * widths * n_models
    if is_on_gpu(opened):
        return max(1, GPU_CELLS // cells)
    most = CPU_FITS if n_fits > CPU_FITS else UNSPLIT_FITS
    return min(most, max(1, CPU_CELLS // cells))


def _fit_stack(members, tell_of=None):
    """Fit the estimators of one stack; return outcomes and estimators.

    It is told of as so many of ``tell_of`` fits, unless that is None.
    """
    task, first = members[0]
    if isinstance(first, Exception):
        return [(Outcome(first, 0.0, 1), task.estimator)]
    start = time.perf_counter()
    with cpu_threads(task.estimator._n_threads(first.recipe)):
        if len(members) == 1:
            errors = [_attempt(_fit_alone, task.estimator, first, task.finds_outliers)]
        else:
            errors = _fit_members(members)
    seconds = time.perf_counter() - start
    if tell_of is not None:
        said = f"Trained {len(members)} of {tell_of} fits in {seconds:.1f} s"
        print(said, flush=True)  # from another process, too
    return [
        (Outcome(error, seconds / len(members), len(members)), task.estimator)
        for error, (task, _) in zip(errors, members, strict=True)
    ]


@with_callbacks
def _fit_alone(estimator, opened, finds_outliers):
    """Fit an estimator as its own ``fit`` does, with callbacks of its own."""
    context = open_callback_context(estimator, opened.recipe.settings.max_epochs)
    trained = estimator._train(opened, context)
    _becoming(estimator, finds_outliers)(*trained)


def _becoming(estimator, finds_outliers):
    """Return the method by which an estimator becomes what a fit has come to."""
    return estimator._adopt if finds_outliers else estimator._publish


def _fit_members(members):
    """Fit estimators of one stack; return the error of each, or None."""
    jobs, sources = [], {}
    for task, opened in members:
        rows = _rows_of(task)
        job = _attempt(task.estimator._set_up, opened, sources.get(rows))
        if not isinstance(job, Exception):
            sources[rows] = job.run.source
        jobs.append(job)
    runs = [job.run for job in jobs if not isinstance(job, Exception)]
    trainings = iter(_trainings(runs))
    return [
        job if isinstance(job, Exception) else _adopt(*member, job, next(trainings))
        for member, job in zip(members, jobs, strict=True)
    ]


def _adopt(task, opened, job, training):
    """Have an estimator become what it was trained to; return an error, or None."""
    estimator = task.estimator
    if training is None:
        return _attempt(_fit_alone, estimator, opened, task.finds_outliers)
    become = _becoming(estimator, task.finds_outliers)
    return _attempt(lambda: become(complete(job, training), opened.recipe))


def _trainings(runs):
    """Return what came out of each run; None where it has to be trained alone.

    That is where it has no like, and where a stack fails, to tell which of it does.
    """
    by_key = {}
    for place, run in enumerate(runs):
        key = stack_key(run) if can_be_stacked(run) else place
        by_key.setdefault(key, []).append(place)
    trainings = [None] * len(runs)
    for places in by_key.values():
        stack = _train_stack([runs[place] for place in places])
        for place, training in zip(places, stack, strict=True):
            trainings[place] = training
    return trainings


def _train_stack(runs):
    """Return what came out of each run of a stack, or None of all that has failed.

    A stack is trained on copies of its networks, so that others can start from them.
    """
    n_runs, nothing = len(runs), [None] * len(runs)
    if n_runs == 1:
        return nothing
    try:
        return train_stacked(runs)
    except ValueError:  # training has diverged
        return nothing
    except torch.OutOfMemoryError:
        warnings.warn(
            f"{n_runs} fits that are trained together ran out of memory on "
            f"device={str(runs[0].settings.device)!r}, and start again in two halves.",
            stacklevel=2,
        )
    except Exception as error:
        warnings.warn(
            f"{n_runs} fits could not be trained together, and are trained one by one: "
            f"{type(error).__name__}: {error}",
            stacklevel=2,
        )
        return nothing
    half = n_runs // 2
    return _train_stack(runs[:half]) + _train_stack(runs[half:])
