"""What a network is to learn of rows of which some have a label."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from ._fine_tuning import Lesson, code_units, standardized
from ._labels import Labels
from ._propagation import certainty_of, neighbor_graph, spread_labels
from .training import FEW_ROWS, content_ranks, row_keys, rows_at

# Folds of the labelled rows by which ways to label the others are compared.
N_FOLDS = 5

# Distinct rows of a graph, at most, but that all with a label are in it: finding
# neighbours takes time by their square.
MOST_NODES = 100_000


class Marks(NamedTuple):
    """How labels are learned without a network, and how answers are marked.

    Attributes
    ----------
    make_start : callable
        Returns a ``LinearMap`` of codes, targets and weights.
    score : callable
        ``score(answers, targets, weight)``; higher is better.
    settle : callable
        Returns targets and their certainty, of means over labels and their score.
    """

    make_start: Callable
    score: Callable
    settle: Callable


def accuracy(answers, targets, weight):
    """Return the share of rows whose largest answer is that of their class."""
    return np.average(answers.argmax(1) == targets.argmax(1), weights=weight)


def r2(answers, targets, weight):
    """Return R² over all targets, which are standardised."""
    error, whole = (
        np.average(np.square(values).mean(axis=1), weights=weight)
        for values in (answers - targets, targets)
    )
    return 1 - error / (whole or 1.0)


def settle_shares(means, score):
    """Return shares of classes, and how sure each row's are."""
    shares = np.maximum(means, 0.0)
    total = shares.sum(axis=1, keepdims=True)
    shares = shares / np.where(total > 0, total, 1.0)
    likeliest = np.eye(shares.shape[1])[shares.argmax(axis=1)]
    return likeliest, certainty_of(shares) * (total[:, 0] > 0)


def settle_values(means, score):
    """Return values as they are, as certain as they were right of other labels."""
    return means, np.full(len(means), max(score, 0.0))


class Case(NamedTuple):
    """Rows, and the labels of some.

    Attributes
    ----------
    rows : ndarray or CSR matrix of shape (n, n_features)
    labels : Labels
        Of a regressor in standard deviations.
    weight : ndarray of shape (n,)
        Above zero.
    class_weight : ndarray of shape (t,) or None
        What the label of a class counts beside the weight.
    seed : int
        Decides folds, with the contents of rows.
    """

    rows: object
    labels: Labels
    weight: np.ndarray
    class_weight: np.ndarray | None
    seed: int

    def stake(self, targets):
        """Return what rows of such targets count beside their weight."""
        if self.class_weight is None:
            return np.ones(len(targets))
        return targets @ self.class_weight


def make_lesson(autoencoder, case, marks, propagate):
    """Return what is to be learned, and whether rows without a label have targets.

    Where neighbours say more of labels that were held back than the best linear
    answers to codes do, all rows learn from their neighbours; else those without a
    label are left out.

    Parameters
    ----------
    autoencoder : BaseAutoencoder
        Fitted.
    case : Case
    marks : Marks
    propagate : bool
        Whether neighbours are asked at all.

    Returns
    -------
    lesson : Lesson
    propagated : bool
    """
    labels, weight = case.labels, case.weight
    codes, told = codes_of(autoencoder, case.rows), None
    if propagate and not labels.known.all():
        with threadpool_limits(1):  # sums would be split by threads, and differ
            told = tell(autoencoder, case, codes, marks)
    if told is None:
        index = np.flatnonzero(labels.known)
        targets, sure = labels.targets[index], np.ones(len(index))
    else:
        index, (targets, sure) = np.arange(len(weight)), told
        targets = np.where(labels.known[:, None], labels.targets, targets)
        sure = np.where(labels.known, 1.0, sure)
    sure = sure * case.stake(targets)
    weight = weight[index]
    rows = rows_at(case.rows, index)
    return Lesson(
        rows=rows,
        codes=codes[index],
        targets=targets,
        certainty=sure / np.average(sure, weights=weight),
        weight=weight,
        group=groups_of(rows, labels.at(index), case.seed),
    ), told is not None


def codes_of(autoencoder, rows, shown=False):
    """Return codes of checked rows: raw ones, or as users see them."""
    network = autoencoder.net_.module_
    encode = network.encode if shown else network.encode_raw
    out = np.empty((rows.shape[0], network.n_components))
    return autoencoder._map_rows(rows, lambda x: encode(x)[0].cpu().numpy(), out)


# -- neighbours


def tell(autoencoder, case, codes, marks):
    """Return targets of all rows by their neighbours, and how sure each is, or None.

    None where nobody has a neighbour, no label can be held back beside another, or
    neighbours have nothing to say of the rows without a label.
    """
    node = content_ranks(case.rows, case.seed)
    first = np.unique(node, return_index=True)[1]
    labels, weight, fold = case.labels, case.weight, folds_of(case)
    if len(first) < 2 or not fold.max():
        return None
    kept = kept_nodes(node, labels.known, len(first))
    points = codes_of(autoencoder, case.rows, shown=True)[first[kept]]
    mass = np.bincount(node, weight)[kept]
    graph = neighbor_graph(points, mass)
    place = np.full(len(first), -1)
    place[kept] = np.arange(len(kept))
    place = place[node]
    means = means_by_fold(graph, place, fold, case)
    held = np.flatnonzero(labels.known)
    own = means[fold[held], place[held]]
    stake = weight[held] * case.stake(labels.targets[held])
    score = marks.score(own, labels.targets[held], stake)
    if score < score_of_start(codes, fold, case, marks):
        return None
    answers, sure = marks.settle(means[-1], score)
    sure = np.where(place >= 0, sure[place], 0.0)
    return (answers[place], sure) if sure[~labels.known].any() else None


def kept_nodes(node, known, n_nodes):
    """Return the nodes of a graph: all, or so many and those with a label."""
    if n_nodes <= MOST_NODES:
        return np.arange(n_nodes)
    # In the order of their contents, which is a random one.
    is_kept = np.arange(n_nodes) < MOST_NODES
    is_kept[node[known]] = True
    return np.flatnonzero(is_kept)


def folds_of(case):
    """Return the fold of each row that has a label, -1 of others."""
    held = np.flatnonzero(case.labels.known)
    group = groups_of(
        rows_at(case.rows, held), case.labels.at(held), case.seed, in_folds=True
    )
    fold = np.full(len(case.weight), -1)
    fold[held] = group % min(N_FOLDS, group.max() + 1)
    return fold


def means_by_fold(graph, place, fold, case):
    """Return the mean label that reaches each node, (F + 1, n_nodes, t).

    Without the labels of each fold, and last of all.
    """
    n_folds, known = fold.max() + 1, case.labels.known
    targets, columns = case.labels.targets, []
    stake = case.weight * known * case.stake(targets)
    for left_out in [*range(n_folds), None]:
        own = stake if left_out is None else np.where(fold == left_out, 0.0, stake)
        for values in [*targets.T, np.ones(len(own))]:
            columns.append(
                np.bincount(place[known], (own * values)[known], graph.shape[0])
            )
    spread = spread_labels(graph, np.column_stack(columns))
    spread = spread.reshape(len(spread), n_folds + 1, -1).transpose(1, 0, 2)
    total = spread[..., -1:]
    return spread[..., :-1] / np.where(total > 0, total, 1.0)


def score_of_start(codes, fold, case, marks):
    """Return the score of linear answers to codes, of labels that were held back."""
    held = np.flatnonzero(case.labels.known)
    codes, fold, labels = codes[held], fold[held], case.labels.targets[held]
    stake = case.weight[held] * case.stake(labels)
    codes = standardized(codes, *code_units(codes, case.weight[held]))
    answers = np.empty_like(labels)
    for own in range(fold.max() + 1):
        out = fold == own
        start = marks.make_start(codes, labels, np.where(out, 0.0, stake))
        answers[out] = start.answers(codes[out])
    return marks.score(answers, labels, stake)


# -- folds


def groups_of(rows, labels, seed, in_folds=None):
    """Return ranks of the contents of rows and labels, by which folds are made.

    The order is random, but that each fold, or the first share of all, has labels of
    all classes alike.
    """
    behind = np.column_stack([labels.targets, labels.known])
    keys = row_keys(rows, seed) + row_keys(behind, seed + 1)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    if labels.classes is None:
        return group
    stratum = labels.codes[first]
    if in_folds is None:
        in_folds = len(first) < FEW_ROWS
    return stratified(stratum, in_folds)[group]


def stratified(stratum, in_folds):
    """Return new ranks of contents that are in a random order.

    Parameters
    ----------
    stratum : ndarray of shape (n,)
    in_folds : bool
        Whether every so-manieth rank is to have its share of each stratum, or the first
        so many ranks.

    Returns
    -------
    ranks : ndarray of shape (n,)
    """
    order = np.argsort(stratum, kind="stable")
    if not in_folds:
        counts = np.bincount(stratum[order] - stratum.min())
        place = np.concatenate([(np.arange(c) + 0.5) / c for c in counts if c])
        order = order[np.argsort(place, kind="stable")]
    ranks = np.empty(len(order), dtype=np.intp)
    ranks[order] = np.arange(len(order))
    return ranks
