"""Codes and centres of clusters trained together, from a fitted autoencoder on."""

import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from .training import (
    ClusterLoss,
    ClusterTargets,
    Run,
    draw_seeds,
    make_batches,
    make_net,
    make_plan,
    make_source,
    run_net,
    wide_dtype,
    with_enough_memory,
)

# Steps between two settings of the targets, as published for deep embedded clustering.
STEPS_BETWEEN = 140

# Steps that the default number of epochs amounts to, and epochs, at least.
STEPS, LEAST_EPOCHS = 2800, 10


class Refined(NamedTuple):
    """What training codes and centres together has come to.

    Attributes
    ----------
    network : torch module
        A stack of one model, in the most precise float of its device.
    centers : ndarray of shape (n_clusters, n_components)
        Codes, as a user sees them.
    losses : ndarray of shape (n_epochs,)
    changes : ndarray of shape (n_settings,)
        Share of the rows that changed their cluster, each time that targets were set.
    has_collapsed : bool
        Whether a cluster lost all its rows.
    """

    network: torch.nn.Module
    centers: np.ndarray
    losses: np.ndarray
    changes: np.ndarray
    has_collapsed: bool


def refinement_recipe(encoder, n_rows, *, max_epochs, learning_rate, seed):
    """Return an encoder's recipe of training on, with epochs and a rate of its own.

    Parameters
    ----------
    encoder : BaseAutoencoder
        Fitted.
    n_rows : int
        Distinct rows.
    max_epochs : int or "auto"
    learning_rate : float
    seed : int

    Returns
    -------
    recipe : Recipe
    """
    sizes = n_rows, len(encoder._scaling.mean), n_rows
    recipe = encoder._recipe(*sizes, draw_seeds(seed), encoder._device_for(*sizes))
    if max_epochs == "auto":
        n_batches = -(-n_rows // recipe.settings.batch_size)
        max_epochs = max(-(-STEPS // n_batches), LEAST_EPOCHS)
    settings = replace(
        recipe.settings,
        max_epochs=max_epochs,
        learning_rate=learning_rate,
        # It would draw the centres to zero as well.
        weight_decay=0.0,
        # They are the encoder's, and have seen its fit.
        callbacks=(),
    )
    return replace(recipe, settings=settings)


def refine(encoder, rows, weight, labels, neighbors, recipe, *, share, tol):
    """Train a copy of an autoencoder's network, such that codes form clusters.

    Where a GPU's memory is too small for the batches it starts again with smaller ones.

    Parameters
    ----------
    encoder : BaseAutoencoder
        Fitted; it is not touched.
    rows : ndarray or CSR matrix of shape (n, n_features)
    weight, labels : ndarray of shape (n,)
    neighbors : ndarray of shape (n, n_neighbors)
    recipe : Recipe
    share : float
        What the clusters count beside the encoder's own loss.
    tol : float
        Share of the rows; training ends when fewer change their cluster.

    Returns
    -------
    refined : Refined
    """

    def attempt(settings):
        own = replace(recipe, settings=settings)
        return _refine_once(encoder, rows, weight, labels, neighbors, own, share, tol)

    return with_enough_memory(attempt, recipe.settings, len(weight))


def _refine_once(encoder, rows, weight, labels, neighbors, recipe, share, tol):
    settings = recipe.settings
    loss = ClusterLoss(
        copy.deepcopy(encoder.net_.criterion_),
        int(labels.max()) + 1,
        encoder.n_components_,
        share,
    )
    plan = make_plan(
        np.arange(len(weight)),
        weight,
        hold_out=False,
        validation_fraction=recipe.validation_fraction,
        cross_fit=False,
    )
    source = make_source(rows, encoder._scaling, settings.dtype, settings.device)
    network = copy.deepcopy(encoder.net_.module_)
    n_batches = -(-len(weight) // settings.batch_size)
    targets = ClusterTargets(
        source,
        weight,
        labels,
        neighbors,
        interval=-(-STEPS_BETWEEN // n_batches),
        tol=tol,
    )
    net = make_net(network, loss, settings)
    batches = make_batches(Run(network, source, plan, weight, loss, settings))
    training = run_net(net, batches, settings, None, [targets])
    wide = wide_dtype(settings.device)
    network.to(wide).eval().copy_linear_path(encoder.net_.module_)
    centers = network.shown(net.criterion_.centers.detach().to(wide))
    return Refined(
        network,
        centers[0].cpu().numpy().astype(np.float64),
        np.array([row["train_loss"] for row in training.history]),
        np.array(targets.changes),
        targets.has_collapsed,
    )
