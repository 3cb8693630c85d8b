"""``partial_fit``: a network that goes on learning from blocks of rows."""

from dataclasses import replace

import numpy as np
import torch

from ._anchor import code_variances
from ._fitting import Fitted, make_metric, moments_of
from ._persistence import copy_net
from .training import (
    Batches,
    LazyRows,
    TrainingBatches,
    column_moments,
    content_ranks,
    dense_block,
    make_plan,
    make_source,
    row_keys,
)

# Rows of a stream that are kept to refit scores and thresholds after every block.
REFERENCE_ROWS = 2048


class Reference:
    """A uniform sample of a stream, bounded: the rows with the smallest hash keys.

    No random draws, and the same sample in whatever blocks the rows come.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
    weight : ndarray of shape (n,)
    n_seen : int
        Rows of the stream so far.
    mean : ndarray of shape (n_features,)
        Weighted mean of all rows so far.
    """

    def __init__(self, n_features, seed):
        self.seed = seed
        self.rows = np.empty((0, n_features))
        self.weight = np.empty(0)
        self.keys = np.empty(0, dtype=np.uint64)
        self.n_seen, self.mass = 0, 0.0
        self.mean = np.zeros(n_features)

    def extended(self, X, weight):
        """Return the sample after another block; this one stays as it is."""
        after = Reference(X.shape[1], self.seed)
        keys = row_keys(X, self.seed)
        near = np.sort(np.argsort(keys, kind="stable")[:REFERENCE_ROWS])
        all_keys = np.concatenate([self.keys, keys[near]])
        best = np.argsort(all_keys, kind="stable")[:REFERENCE_ROWS]
        after.keys = all_keys[best]
        after.rows = np.concatenate([self.rows, dense_block(X, near)])[best]
        after.weight = np.concatenate([self.weight, weight[near]])[best]
        after.n_seen = self.n_seen + len(weight)
        after.mass = self.mass + weight.sum()
        block_mean, _ = column_moments(X, weight)
        after.mean = self.mean + (block_mean - self.mean) * (weight.sum() / after.mass)
        return after


def train_on_block(net, X, weight, scaling, *, seed, callbacks):
    """Return a copy of ``net`` trained for one pass over a block of rows."""
    net = copy_net(net, callbacks)
    device, dtype = torch.device(net.device), net.criterion_.column_weight.dtype
    batches = TrainingBatches(
        make_source(X, scaling, dtype, device),
        weight[None],
        batch_size=net.batch_size,
        seed=seed,
        dtype=dtype,
        device=device,
    )
    net.train(Batches(batches, None), epochs=1)
    net.module_.eval()
    return net


def as_fitted(net, reference, scaling, recipe):
    """Return the reference rows and a net in the form that detectors learn from."""
    X, weight = reference.rows, reference.weight
    _, metric = make_metric(X, weight, recipe.standardize)
    plan = make_plan(
        content_ranks(X, reference.seed),
        weight,
        hold_out=False,
        validation_fraction=recipe.validation_fraction,
        cross_fit=False,
    )
    device, dtype = torch.device(net.device), net.criterion_.column_weight.dtype
    rows = LazyRows(X, scaling, dtype, device)
    _, covariance = moments_of(net.module_, rows, weight)
    return Fitted(
        network=net.module_,
        stack=net.module_,
        scaling=scaling,
        mean=reference.mean,
        metric=metric,
        plan=plan,
        training=None,
        rows=rows,
        weight=weight,
        code_variances=code_variances(net.module_, covariance),
    )


def first_block_recipe(recipe):
    """Return the recipe of a fit that sets up PCA and does not train."""
    settings = replace(recipe.settings, max_epochs=0)
    return replace(recipe, hold_out=False, cross_fit=False, settings=settings)
