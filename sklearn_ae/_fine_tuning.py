"""Fit a head to the codes of an autoencoder, and both to targets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from skorch.callbacks import LRScheduler
from threadpoolctl import threadpool_limits

from .networks import Head, HeadedAutoencoder, select_model, stack_models
from .training import (
    Corruption,
    Corruptions,
    FreezeFirst,
    HeadLoss,
    Run,
    Settings,
    TargetRows,
    Training,
    make_plan,
    make_source,
    row_keys,
    train,
    wide_dtype,
)


@dataclass(frozen=True)
class Lesson:
    """Rows, and what they should be answered to.

    Attributes
    ----------
    rows : ndarray or CSR matrix of shape (n, n_features)
    codes : ndarray of shape (n, k)
        Raw codes of the rows.
    targets : ndarray of shape (n, t)
    certainty : ndarray of shape (n,)
        Of the targets; with the weights its mean is 1.
    weight : ndarray of shape (n,)
    group : ndarray of shape (n,)
        Ranks of the contents of rows and targets.
    """

    rows: object
    codes: np.ndarray
    targets: np.ndarray
    certainty: np.ndarray
    weight: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Advice:
    """How a lesson is learned; no "auto" is left.

    Attributes
    ----------
    error : str
        What is minimised, a name of ``HeadLoss``.
    make_start : callable
        Returns a ``LinearMap`` of standardised codes, targets and weights.
    hidden_layer_sizes : tuple of int
    reconstruction_weight, corruption_rate : float
    freeze : int
    hold_out : bool
    validation_fraction : float
    weight_seed : int
    settings : Settings
    """

    error: str
    make_start: Callable
    hidden_layer_sizes: tuple
    reconstruction_weight: float
    corruption_rate: float
    freeze: int
    hold_out: bool
    validation_fraction: float
    weight_seed: int
    settings: Settings


class Tuned(NamedTuple):
    """What came out; both networks are stacks of one, in a wide dtype.

    Attributes
    ----------
    body, head : torch module
    training : Training
    """

    body: torch.nn.Module
    head: torch.nn.Module
    training: Training


def fine_tune(autoencoder, lesson, advice, callbacks=()):
    """Train an autoencoder's network and a head on a lesson.

    Parameters
    ----------
    autoencoder : BaseAutoencoder
        Fitted; left as it is.
    lesson : Lesson
    advice : Advice
    callbacks : sequence of skorch callbacks

    Returns
    -------
    tuned : Tuned
    """
    plan = make_plan(
        lesson.group,
        lesson.weight,
        hold_out=advice.hold_out,
        validation_fraction=advice.validation_fraction,
        cross_fit=True,
        n_features=lesson.rows.shape[1],
        max_folds=autoencoder._network_kind.max_folds,
    )
    network = make_networks(autoencoder, lesson, advice, plan)
    settings = advice.settings
    if advice.hold_out and not len(plan.held_out_rows):
        # Too few to tell whether training improves on the start, which is a model.
        settings = replace(settings, max_epochs=0)
    callbacks = [*callbacks, *([FreezeFirst(advice.freeze)] if advice.freeze else [])]
    run = Run(
        network,
        target_rows(autoencoder, lesson, settings),
        plan,
        lesson.weight,
        HeadLoss(
            advice.error,
            lesson.targets.shape[1],
            autoencoder.net_.criterion_,
            advice.reconstruction_weight,
        ),
        settings,
        corruptions=corruptions_of(autoencoder, lesson, advice),
        keys=row_keys(lesson.rows, settings.noise_seed),
    )
    training = train(run, callbacks)
    wide = wide_dtype(settings.device)
    body, head = (
        select_model(part.to(wide), plan.final).eval()
        for part in (training.network.body, training.network.head)
    )
    body.copy_linear_path(autoencoder.net_.module_)  # float32 may have rounded it
    if advice.hold_out and not training.kept_epoch[0]:
        # The start is kept, and no row need be held out from it any more.
        start = start_of(lesson, advice, lesson.weight[None])
        head.set_start(*start)
    return Tuned(body, head, training)


def make_networks(autoencoder, lesson, advice, plan):
    """Return the plan's stack of autoencoders with heads, at their start."""
    module = autoencoder.net_.module_
    head = Head(
        n_models=plan.n_models,
        n_components=module.n_components,
        n_answers=lesson.targets.shape[1],
        hidden_layer_sizes=advice.hidden_layer_sizes,
        activation="silu",
    )
    # One seed for all, as in every cross-fit.
    head.initialise([advice.weight_seed] * plan.n_models)
    parameter = next(module.parameters())
    head.to(parameter.device, parameter.dtype)
    head.set_start(*start_of(lesson, advice, plan.train_weight))
    return HeadedAutoencoder(
        stack_models([module] * plan.n_models),
        head,
        lesson.targets.shape[1] + 1,
        reconstructs=advice.reconstruction_weight > 0,
    )


def start_of(lesson, advice, weights):
    """Return the arguments of ``Head.set_start`` for rows of several weights."""
    center, spread = code_units(lesson.codes, lesson.weight)
    codes = standardized(lesson.codes, center, spread)
    with threadpool_limits(1):  # sums would be split by threads, and differ
        starts = [
            advice.make_start(codes, lesson.targets, weight * lesson.certainty)
            for weight in weights
        ]
    return tuple(
        torch.from_numpy(np.ascontiguousarray(part))
        for part in (
            center,
            spread,
            np.stack([start.weight for start in starts]),
            np.stack([start.bias for start in starts]),
        )
    )


def code_units(codes, weight):
    """Return the mean and the standard deviation of codes; zero of what is rounding."""
    share = weight / weight.sum()
    center = np.einsum("i,ij->j", share, codes)
    spread = np.sqrt(np.einsum("i,ij->j", share, (codes - center) ** 2))
    return center, np.where(spread > 1e-9 * spread.max(initial=0.0), spread, 0.0)


def standardized(codes, center, spread):
    """Return codes in these units; zero where they have no spread."""
    return (codes - center) * np.where(spread > 0, 1 / np.where(spread, spread, 1), 0.0)


def target_rows(autoencoder, lesson, settings):
    """Return the source of a lesson's rows, with targets and certainty behind them."""
    source = make_source(
        lesson.rows, autoencoder._scaling, settings.dtype, settings.device
    )
    behind = np.column_stack([lesson.targets, lesson.certainty])
    behind = torch.tensor(behind, dtype=settings.dtype, device=settings.device)
    return TargetRows(source, behind)


def corruptions_of(autoencoder, lesson, advice):
    """Return how rows are corrupted while they are learned from; never when judged."""
    if not advice.corruption_rate or not has_cells(autoencoder):
        return Corruptions()
    amount = np.full(lesson.rows.shape[1], advice.corruption_rate)
    amount = np.append(amount, np.zeros(lesson.targets.shape[1] + 1))
    return Corruptions(Corruption("masking", amount, {}))


def has_cells(autoencoder):
    """Whether all columns of rows are cells; lengths and tokens are none."""
    return not getattr(autoencoder, "varies_in_length_", False) and not hasattr(
        autoencoder, "vocabulary_"
    )


# -- what cannot be


def check_head_sizes(sizes):
    """Refuse what are no widths of hidden layers of a head."""
    widths = np.atleast_1d(np.asarray(sizes))
    if len(widths) and (widths.dtype.kind not in "iu" or widths.min() < 1):
        raise ValueError(
            f"head_layer_sizes={sizes!r} must hold positive integers, one per hidden "
            "layer of the head, such as (128,), or be empty for a linear head."
        )


def check_freeze(freeze, callbacks):
    """Refuse to freeze beside a callback that sets all learning rates."""
    for callback in callbacks or ():
        if freeze and isinstance(callback, LRScheduler):
            raise ValueError(
                f"freeze={freeze!r} keeps the learning rate of the encoder at zero, "
                f"and {callback!r} among callbacks sets that of all. Leave the "
                "scheduler out, or take freeze=0."
            )
