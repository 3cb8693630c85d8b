"""What scorers read of training rows, which the final model reads once."""

from functools import partial

import numpy as np
import torch

from ..training import blocks_of, map_blocks, rows_by_weight

# Rows whose own scores stand for those of all, at most: the share of them below a
# twentieth is off by 0.005, and scores of many more take as long as the training.
MOST_OWN = 2048


def own_sample(weight, group):
    """Return the rows whose own scores stand for all, where none was held out.

    Parameters
    ----------
    weight : ndarray of shape (n,)
    group : ndarray of shape (n,)
        Ranks of the rows' contents.

    Returns
    -------
    index : ndarray of int
        Positions of all rows, or of some in order, each as often as its weight asks.
    sample_weight : ndarray of the shape of ``index``
    """
    if len(weight) <= MOST_OWN:
        return np.arange(len(weight)), weight
    index = np.sort(rows_by_weight(weight, group, MOST_OWN))
    return index, np.ones(len(index))


def read_rows(fitted, network, index, read):
    """Return what a scorer reads of the training rows at ``index``.

    What the final model reads of all of them is kept for their own scores, and read in
    the very blocks in which their scores would be asked for.

    Parameters
    ----------
    fitted : Fitted
    network : torch module
        The final model, or that of a fold.
    index : ndarray of int
    read : callable
        ``read(network, rows)`` returns arrays with an item for each row; of a dense
        network it may be given the raw codes as well.

    Returns
    -------
    parts : tuple of ndarrays
        Of all rows.
    """
    if network is fitted.network and _are_all(index, len(fitted.weight)):
        readings = fitted.readings[read] = list(_read_all(fitted, read))
    else:
        readings = _read_some(fitted, network, index, read)
    blocks = ([part[:n_rows] for part in parts] for n_rows, parts in readings)
    return tuple(map(np.concatenate, zip(*blocks, strict=True)))


def _are_all(index, n_rows):
    return len(index) == n_rows and np.array_equal(index, np.arange(n_rows))


def _read_all(fitted, read):
    start = 0
    for n_rows, rows in fitted.small_blocks():
        known = ()
        if fitted.codes is not None:
            known = (fitted.codes[start : start + n_rows],)
        start += n_rows
        yield n_rows, read(fitted.network, rows, *known)


def _read_some(fitted, network, index, read):
    for block in blocks_of(len(index), network.n_features):
        for rows in fitted.rows.take(torch.from_numpy(index[block])).split(
            fitted.kind.block_size
        ):
            yield len(rows), read(network, rows)


def own_scores_at(fitted, scorer, index):
    """Return the scores of the training rows at ``index``, which are in order.

    By the final model, as rows are scored later.
    """
    if _are_all(index, len(fitted.weight)):
        return own_scores(fitted, scorer)
    score = partial(scorer.score_rows, fitted.network, fitted.loss)
    scores = np.empty(len(index))
    for block in blocks_of(len(index), fitted.network.n_features):
        rows = fitted.rows.take(torch.from_numpy(index[block]))
        map_blocks(score, rows, fitted.kind, scores[block])
    return scores


def own_scores(fitted, scorer):
    """Return the training rows' scores by the final model, as rows are scored later."""
    scores = np.empty(len(fitted.weight))
    readings = fitted.readings.pop(getattr(scorer, "read", None), None)
    if readings is None:
        for block, rows in fitted.blocks():
            map_blocks(
                lambda x: scorer.score_rows(fitted.network, fitted.loss, x),
                rows,
                fitted.kind,
                scores[block],
            )
        return scores
    start = 0
    for n_rows, parts in readings:
        scores[start : start + n_rows] = scorer.score(*parts)[:n_rows]
        start += n_rows
    return scores
