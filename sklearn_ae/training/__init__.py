"""From rows to a trained network; knows of skorch, and nothing of the estimators."""

from ._batches import Batches, TrainingBatches, lengths_in
from ._clusters import ClusterLoss, ClusterTargets
from ._core import (
    first,
    losses_of,
    make_batches,
    make_net,
    run_net,
    share_kept,
    train,
    train_on,
)
from ._corruption import CLEAN, KINDS, Corruption, Corruptions, make_corruption
from ._freeze import FreezeFirst
from ._head_loss import HeadLoss
from ._judge import Judge, gate_of
from ._loss import (
    Batch,
    LikelihoodLoss,
    ReconstructionLoss,
    TokenLoss,
    loss_from_state,
    loss_to_state,
)
from ._memory import with_enough_memory
from ._noise import Chance, keyed_uniform
from ._plan import (
    FEW_ROWS,
    MAX_FOLDS,
    Plan,
    content_ranks,
    make_plan,
    row_keys,
    rows_by_weight,
)
from ._progress import EpochBar, ScikitLearnCallbacks
from ._revival import ReviveUnits
from ._rows import (
    LazyRows,
    blocks_of,
    dense_block,
    is_memory_mapped,
    make_source,
    map_blocks,
    parts_of,
    rows_at,
    small_blocks,
    small_size,
    weighted_sum,
)
from ._runs import Run, Settings, Training
from ._runtime import (
    CPU,
    WIDE_BATCH,
    Seeds,
    choose_device,
    cpu_threads,
    draw_seeds,
    in_threads,
    keep_freed_memory,
    matrix_products,
    precision_of,
    resolve_device,
    threads_for,
    wide_dtype,
)
from ._scaling import (
    Scaling,
    check_range,
    column_moments,
    fit_scaling,
    shared_by_channel,
)
from ._stacked import can_be_stacked, stack_key, train_stacked
from ._target_rows import TargetRows
from ._warm_up import PenaltyWarmUp

__all__ = [
    "CLEAN",
    "CPU",
    "FEW_ROWS",
    "KINDS",
    "MAX_FOLDS",
    "WIDE_BATCH",
    "Batch",
    "Batches",
    "Chance",
    "ClusterLoss",
    "ClusterTargets",
    "Corruption",
    "Corruptions",
    "EpochBar",
    "FreezeFirst",
    "HeadLoss",
    "Judge",
    "LazyRows",
    "LikelihoodLoss",
    "PenaltyWarmUp",
    "Plan",
    "ReconstructionLoss",
    "ReviveUnits",
    "Run",
    "Scaling",
    "ScikitLearnCallbacks",
    "Seeds",
    "Settings",
    "TargetRows",
    "TokenLoss",
    "Training",
    "TrainingBatches",
    "blocks_of",
    "can_be_stacked",
    "check_range",
    "choose_device",
    "column_moments",
    "content_ranks",
    "cpu_threads",
    "dense_block",
    "draw_seeds",
    "first",
    "fit_scaling",
    "gate_of",
    "in_threads",
    "is_memory_mapped",
    "keep_freed_memory",
    "keyed_uniform",
    "lengths_in",
    "loss_from_state",
    "loss_to_state",
    "losses_of",
    "make_batches",
    "make_corruption",
    "make_net",
    "make_plan",
    "make_source",
    "map_blocks",
    "matrix_products",
    "parts_of",
    "precision_of",
    "resolve_device",
    "row_keys",
    "rows_at",
    "rows_by_weight",
    "run_net",
    "share_kept",
    "shared_by_channel",
    "small_blocks",
    "small_size",
    "stack_key",
    "threads_for",
    "train",
    "train_on",
    "train_stacked",
    "weighted_sum",
    "wide_dtype",
    "with_enough_memory",
]
