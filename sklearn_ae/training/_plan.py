"""Who trains on what: which rows each model of a stack sees, and by which it is judged.

The split is keyed by the content of the rows. Equal rows land on one side together, in
whatever order they come, so that a row given twice is the same as a row of weight two.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._rows import blocks_of, dense_block

# Fewer distinct rows than this are cross-fitted: a single held-out tenth of them is
# too few to tell whether training improved on PCA.
FEW_ROWS = 1000

# Folds at most: each is a model of its own. Of wide rows there are fewer, such that the
# folds together hold at most this many cells, but three.
MAX_FOLDS, FOLD_CELLS = 20, 2**21

# Fewer distinct rows than this cannot tell at all; the model is then PCA.
MIN_ROWS = 10


@dataclass(frozen=True)
class Plan:
    """Rows by model. ``M`` is the number of models, ``n`` of rows.

    Attributes
    ----------
    train_weight : ndarray of shape (M, n)
        Weight of each row in each model's loss; zero for rows it must not see.
    anchor_weight : ndarray of shape (M, n)
        Weight of each row in the PCA that each model starts from.
    held_out : list of M ndarrays
        Positions of the rows that judge each model.
    final : int
        The model that becomes the fitted one.
    group : ndarray of shape (n,)
        Equal for rows of equal content.
    team : ndarray of shape (M,)
        Equal for models that are kept and stopped together.
    """

    train_weight: np.ndarray
    anchor_weight: np.ndarray
    held_out: list
    final: int
    group: np.ndarray
    team: np.ndarray

    @property
    def n_models(self):
        """Number of models side by side."""
        return len(self.train_weight)

    @property
    def held_out_rows(self):
        """Positions of all held-out rows, in the order of the models."""
        return np.concatenate(self.held_out)

    @property
    def team_of_rows(self):
        """The team that each of the held-out rows judges."""
        return np.repeat(self.team, [len(rows) for rows in self.held_out])

    @property
    def is_cross_fitted(self):
        """Whether every row is held out once, by another model than the final one."""
        return self.n_models > 1

    def seen_by(self, model):
        """Return the positions of the rows that a model trains on."""
        return np.flatnonzero(self.train_weight[model])


def join_plans(plans):
    """Return one plan of the models of several for the same rows."""
    return replace(
        plans[0],
        train_weight=np.concatenate([plan.train_weight for plan in plans]),
        anchor_weight=np.concatenate([plan.anchor_weight for plan in plans]),
        held_out=[rows for plan in plans for rows in plan.held_out],
        team=np.repeat(np.arange(len(plans)), [plan.n_models for plan in plans]),
    )


def make_plan(
    group,
    weight,
    *,
    hold_out,
    validation_fraction,
    cross_fit,
    n_features=1,
    max_folds=MAX_FOLDS,
):
    """Return the plan of a fit.

    With ``hold_out``, few rows are cross-fitted: ``round(1 / validation_fraction)``
    models each leave out one fold, and one more model, the final one, sees all rows and
    stops where the others did best on theirs. Many rows give one model and one
    held-out share.

    Parameters
    ----------
    group : ndarray of shape (n,)
        Ranks of the rows' contents, as :func:`content_ranks` returns them.
    weight : ndarray of shape (n,)
    hold_out : bool
        Whether any row is held out.
    validation_fraction : float
    cross_fit : bool
        Whether the plan may hold more than one model.
    n_features : int
        Wide rows get fewer folds.
    max_folds : int
        Folds at most.
    """
    n_distinct = int(group.max()) + 1
    if not hold_out or n_distinct < MIN_ROWS:
        return _single(weight, np.zeros(len(group), dtype=bool), group)
    if cross_fit and n_distinct < FEW_ROWS:
        affordable = max(3, FOLD_CELLS // (n_distinct * n_features))
        n_folds = max(2, round(1 / validation_fraction))
        n_folds = min(n_folds, max_folds, affordable, n_distinct)
        return _cross_fitted(weight, group % n_folds, n_folds, group)
    n_held_out = min(max(1, round(validation_fraction * n_distinct)), n_distinct - 1)
    return _single(weight, group < n_held_out, group)


def _single(weight, is_held_out, group):
    return Plan(
        train_weight=np.where(is_held_out, 0.0, weight)[None],
        anchor_weight=weight[None],
        held_out=[np.flatnonzero(is_held_out)],
        final=0,
        group=group,
        team=np.zeros(1, dtype=int),
    )


def _cross_fitted(weight, fold, n_folds, group):
    own = fold == np.arange(n_folds)[:, None]
    train_weight = np.vstack([np.where(own, 0.0, weight), weight])
    held_out = [np.flatnonzero(row) for row in own]
    return Plan(
        train_weight=train_weight,
        anchor_weight=train_weight,
        held_out=[*held_out, np.empty(0, dtype=np.intp)],
        final=n_folds,
        group=group,
        team=np.zeros(n_folds + 1, dtype=int),
    )


def content_ranks(X, seed):
    """Rank rows in a random order that their content decides; equal rows share one."""
    return np.unique(row_keys(X, seed), return_inverse=True)[1]


def rows_by_weight(weight, group, n_picks):
    """Return the positions of rows at equal steps of the weight, ordered by content.

    A row given twice counts as a row of weight two. The steps start at a share that no
    number of rows hits, or rounding would decide between two rows.
    """
    order = np.argsort(group, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    steps = (np.arange(n_picks) + np.euler_gamma) / n_picks
    return order[np.minimum(np.searchsorted(share, steps), len(order) - 1)]


def row_keys(X, seed):
    """Return a 64-bit hash of each row, from the bits of its float64 values."""
    # PCG64 is stable across NumPy versions; the factors must be odd to lose no bits.
    rng = np.random.Generator(np.random.PCG64(seed))
    offset, *factors = rng.integers(0, 2**63, size=X.shape[1] + 1, dtype=np.uint64)
    factors = np.array(factors) * np.uint64(2) + np.uint64(1)
    keys = np.empty(X.shape[0], dtype=np.uint64)
    for block in blocks_of(*X.shape):
        # Adding zero turns -0.0 into 0.0, which are equal and must hash alike.
        bits = (dense_block(X, block) + 0.0).view(np.uint64)
        # Products carry the bits upwards only, and the low bits of most floats are
        # zero: fold the high half down, before and after.
        cells = (bits ^ (bits >> np.uint64(32))) * factors
        cells ^= cells >> np.uint64(29)
        keys[block] = cells.sum(axis=1, dtype=np.uint64)
    # Without a seeded constant a row of zeros would have the same key for every seed.
    return mix_bits(keys + offset)


def mix_bits(keys):
    """Spread the keys over all 64 bits (the finaliser of splitmix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(factor)
    return keys ^ (keys >> np.uint64(31))
