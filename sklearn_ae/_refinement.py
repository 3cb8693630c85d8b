"""Codes and centres of clusters trained together, from a fitted autoencoder on."""

import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ._fitting import Start
from ._streaming import as_fitted
from .training import (
    ClusterLoss,
    ClusterTargets,
    Run,
    cpu_threads,
    draw_seeds,
    make_batches,
    make_net,
    make_plan,
    make_source,
    run_net,
    wide_dtype,
)

# Steps between two settings of the targets, as published for deep embedded clustering,
# and the least number of times that they are set.
STEPS_BETWEEN = 140
STEPS, LEAST_EPOCHS = 2800, 10


class Refined(NamedTuple):
    """What training codes and centres together has come to.

    Attributes
    ----------
    network : torch module
    centers : tensor of shape (n_clusters, n_components)
        Raw codes.
    losses, changes : ndarray
        Of each epoch, and each time that rows' clusters were looked at.
    has_collapsed : bool
        Whether a cluster lost all its rows.
    """

    network: torch.nn.Module
    centers: torch.Tensor
    length: float
    losses: np.ndarray
    changes: np.ndarray
    has_collapsed: bool


def refine(encoder, rows, weight, labels, neighbors, recipe, *, share, tol):
    """Train a copy of an autoencoder's network, such that codes form clusters.

    Parameters
    ----------
    encoder : BaseAutoencoder
        Fitted; it is not touched.
    rows : ndarray or CSR matrix of shape (n, n_features)
    weight, labels : ndarray of shape (n,)
    neighbors : ndarray of shape (n, n_neighbors)
    recipe : Recipe
        Of the encoder, for such rows.
    share : float
        What the clusters count beside the encoder's own loss.
    tol : float

    Returns
    -------
    refined : Refined
    """
    settings = recipe.settings
    n_clusters = int(labels.max()) + 1
    loss = ClusterLoss(
        copy.deepcopy(encoder.net_.criterion_), n_clusters, encoder.n_components_, share
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
    run = Run(network, source, plan, weight, loss, settings)
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
    training = run_net(net, make_batches(run), settings, None, [targets])
    wide = wide_dtype(settings.device)
    network.to(wide).eval().copy_linear_path(encoder.net_.module_)
    return Refined(
        network,
        network.shown(net.criterion_.centers.detach().to(wide))[0].cpu().numpy(),
        float(net.criterion_.length),
        np.array([row["train_loss"] for row in training.history]),
        np.array(targets.changes),
        targets.has_collapsed,
    )


def refinement_recipe(owner, encoder, n_rows, seed):
    """Return the recipe of an encoder, with the epochs and the rate of its owner."""
    sizes = n_rows, encoder._scaling.mean.shape[0], n_rows
    recipe = encoder._recipe(*sizes, draw_seeds(seed), encoder._device_for(*sizes))
    epochs = owner.max_epochs
    if epochs == "auto":
        n_batches = -(-n_rows // recipe.settings.batch_size)
        epochs = max(-(-STEPS // n_batches), LEAST_EPOCHS)
    settings = replace(
        recipe.settings,
        max_epochs=epochs,
        learning_rate=owner.learning_rate,
        weight_decay=0.0,
        callbacks=(),
    )
    return replace(recipe, settings=settings)


def adopt(encoder, refined, recipe):
    """Give an encoder the network that was refined."""
    settings = recipe.settings
    wide = replace(settings, dtype=wide_dtype(settings.device))
    history = encoder.net_.history
    encoder.net_ = make_net(refined.network, encoder.net_.criterion_, wide)
    encoder.net_.history = history
    encoder._describe_anew(recipe)
