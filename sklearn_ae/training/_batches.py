"""Batches of a plan: the rows that models learn from, and the rows that judge them."""

from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch

from ._loss import Batch
from ._noise import NO_CHANCE, Noise, keyed_normal, keyed_uniform
from ._prefetch import reads_ahead, rows_ahead
from ._rows import ResidentRows, blocks_of

# Cells of held-out rows, at most, that are kept as they were first corrupted.
KEPT_CELLS = 2**24

# Cells of training rows, at most, beside which is kept what a network makes of them.
PREPARED_CELLS = 2**26

# Cells of rows, at most, that are put in the order of an epoch at once: smaller batches
# are then slices, which cost nothing, while the whole stays in the cache.
EPOCH_CELLS = 2**22

# The same on a GPU, where it saves three kernels at every step: 1 GB of float32.
GPU_EPOCH_CELLS = 2**28

# Held-out rows that are read together, at most. Between what the layers make of more,
# the C library would leave gaps wherever the errors of a batch are kept.
HELD_OUT_ROWS = 1024

# Batches whose rows are put in the order of their lengths together, at most: in fewer,
# lengths would differ more within a batch.
POOL = 32

# Apart from the numbers that corrupt the same rows.
NOISE_SALT = np.uint64(0x5851F42D4C957F2D)

# Pairs of opposite draws for each held-out row; of many rows one pair will do.
MANY_PAIRS, MANY_ROWS = 4, 1000


class TrainingBatches:
    """Batches of the training rows, in a new order every epoch.

    The order comes from a private generator. If one batch covers all rows it is the
    same every epoch, so that the sum over it does not depend on any order; equal rows
    in it are corrupted alike, so that a row given twice is a row of weight two.

    Rows of several lengths meet others of about theirs: a batch takes as long as its
    longest row.

    Parameters
    ----------
    source : RowSource
    weight : ndarray of shape (M, n)
        Row weights by model; rows that weigh nothing everywhere are left out.
    batch_size : int
    seed : int
    chance : Chance
    group : ndarray of shape (n,) or None
        Ranks of the rows' contents; needed where something is random.
    lengths : tensor of shape (n,) or None
        Of the rows, where they have several.
    """

    def __init__(
        self,
        source,
        weight,
        *,
        batch_size,
        seed,
        dtype,
        device,
        chance=NO_CHANCE,
        group=None,
        lengths=None,
    ):
        seen = np.flatnonzero(weight.any(axis=0))
        weight = weight[:, seen]
        weight /= weight.mean(axis=1, keepdims=True)
        self.source = source
        self.batch_size = batch_size
        self.index = torch.from_numpy(seen).to(device)
        # Small steps are dispatch: a product with ones would be felt.
        self.weighted = not np.all(weight == 1)
        if self.weighted:
            self.weight = torch.tensor(weight, dtype=dtype, device=device)
        else:  # of many rows even ones take memory
            one = torch.ones((), dtype=dtype, device=device)
            self.weight = one.expand(weight.shape)
        self.generator = torch.Generator().manual_seed(seed)
        self.chance = chance
        self.noise = Noise(chance.seed, device)
        self.group = None
        if chance and group is not None:  # else nobody asks at every step
            self.group = torch.tensor(group[seen], device=device)
        self._groups, self._seen = group, seen
        self.lengths = None if lengths is None else lengths.cpu()[seen]
        self.n_distinct = 0 if group is None else int(group[seen].max()) + 1
        self._whole = None
        self._prepared = None

    def __len__(self):
        return -(-len(self.index) // self.batch_size)

    def prepare_with(self, step):
        """Compute once what a :class:`DenseStep` makes of rows that stay as they are.

        Batches come as they are where each of many models would have its own of all
        rows, and where rows are many: they would be in memory twice.
        """
        if self.chance or not isinstance(self.source, ResidentRows):
            return
        if len(self) == 1:
            batch = self._whole_batch()
            self._whole = batch._replace(prepared=step.prepare(batch.inputs))
        elif len(self.weight) == 1 and self.source.rows.numel() <= PREPARED_CELLS:
            self._prepared = prepared_rows(step, self.source)

    def distinct(self, most):
        """Return positions of up to ``most`` distinct rows, and their weights."""
        groups = self._groups[self._seen]
        first = np.unique(groups, return_index=True)[1][:most]
        first = torch.from_numpy(first).to(self.index.device)
        return self.index[first], self.weight[:, first]

    def __iter__(self):
        if len(self) == 1:
            yield self._whole_batch()
            return
        parts = self._parts()
        sizes = [len(part) for part in parts]
        order = torch.cat(parts).to(self.index.device)
        del parts
        weight = [None] * len(sizes)
        if self.weighted:
            weight = self.weight[:, order].split(sizes, dim=1)
        index = self.index[order]
        del order
        read = self._read_epoch if self._is_small else self._read_batches
        places = index.split(sizes)
        for (rows, prepared), own_weight, own in zip(
            read(index, sizes), weight, places, strict=True
        ):
            batch = Batch(rows, rows, own_weight, prepared=prepared, index=own)
            yield self._disturbed(batch, len(rows)) if self.chance else batch

    @property
    def _is_small(self):
        cells = self.source.n_rows * self.source.n_features
        on_cpu = self.index.device.type == "cpu"
        most = EPOCH_CELLS if on_cpu else GPU_EPOCH_CELLS
        return isinstance(self.source, ResidentRows) and cells <= most

    def _read_epoch(self, index, sizes):
        """Return rows by batch, all put in their order at once."""
        rows = self.source.take(index).split(sizes)
        if self._prepared is None:
            return zip(rows, repeat(None), strict=False)
        return zip(rows, self._prepared.at(index).split(sizes), strict=True)

    def _read_batches(self, index, sizes):
        """Yield rows by batch, read when their turn comes, or just before."""
        if reads_ahead(self.source):
            parts = index.cpu().split(sizes)
            yield from zip(rows_ahead(self.source, parts), repeat(None))
            return
        for own in index.split(sizes):
            yield self.source.take(own), self._prepared and self._prepared.at(own)

    def _parts(self):
        """Return the rows' places, by batch."""
        order = torch.randperm(len(self.index), generator=self.generator)
        if self.lengths is None:
            return order.split(self.batch_size)
        return by_length(order, self.lengths, self.batch_size, self.generator)

    def _whole_batch(self):
        if self._whole is None:
            rows = self.source.take(self.index)
            weight = self.weight if self.weighted else None
            self._whole = Batch(rows, rows, weight, index=self.index)
        if not self.chance:
            return self._whole
        return self._disturbed(self._whole, self.n_distinct, self.group)

    def _disturbed(self, batch, n_draws, index=slice(None)):
        """Return a batch with what is random; row i takes draw ``index[i]``."""
        return self.chance.applied(
            batch,
            uniform=lambda width: self.noise.uniform(n_draws, width)[index],
            normal=lambda width: self.noise.normal(n_draws, width)[index],
        )


class ReadBatches:
    """Batches of what a function makes of the rows of others.

    Parameters
    ----------
    batches : TrainingBatches
    read : callable
        Takes rows and returns a tensor of shape ``(M, n, n_features)``.
    """

    def __init__(self, batches, read):
        self.batches, self.read = batches, read

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for batch in self.batches:
            target = self.read(batch.target)
            inputs = target
            if batch.inputs is not batch.target:  # corrupted
                inputs = self.read(batch.inputs)
            yield Batch(inputs, target, batch.row_weight)


def prepared_rows(step, source):
    """Return what a step of one model makes of all rows of a source."""
    blocks = blocks_of(source.n_rows, source.n_features)
    parts = [step.prepare(source.rows[block]) for block in blocks]
    return type(parts[0])(
        *(torch.cat(each, dim=1) for each in zip(*parts, strict=True))
    )


def lengths_in(network, source):
    """Return the lengths of a source's rows as a network reads them, or None.

    Lazy rows are read once more for it.
    """
    index = torch.arange(source.n_rows)
    if network.lengths_of(source.take(index[:1])) is None:
        return None
    blocks = blocks_of(source.n_rows, source.n_features)
    return torch.cat(
        [network.lengths_of(source.take(index[block])).cpu() for block in blocks]
    )


def by_length(order, lengths, batch_size, generator):
    """Cut an order of rows into batches of rows of about one length.

    Parameters
    ----------
    order : tensor of shape (n,)
        Places of rows.
    lengths : tensor of shape (n,)
        Of the rows.
    batch_size : int
    generator : torch Generator

    Returns
    -------
    parts : list of tensors
    """
    n_batches, parts = -(-len(order) // batch_size), []
    # Two pools at least, or the same rows would meet in every epoch.
    for pool in order.split(min(POOL, -(-n_batches // 2)) * batch_size):
        pool = pool[lengths[pool].argsort(stable=True)]
        parts.extend(pool.split(sizes_of(len(pool), batch_size, generator)))
    # Not the short before the long, while the learning rate falls.
    return [parts[turn] for turn in torch.randperm(len(parts), generator=generator)]


def sizes_of(n_rows, batch_size, generator):
    """Return the sizes of batches, with what is left over at any place among them.

    It has a step of its own: its rows count more, and must not be the longest always.
    """
    n_whole, rest = divmod(n_rows, batch_size)
    sizes = [batch_size] * n_whole
    if rest:
        place = torch.randint(n_whole + 1, (1,), generator=generator)
        sizes.insert(int(place), rest)
    return sizes


class HeldOutBatches:
    """Batches of the held-out rows, each row for the model that has not seen it.

    Models that are judged by fewer rows than others get other rows, which ``counts``
    leaves out. What is random about the rows is the same every epoch.

    Parameters
    ----------
    source : RowSource
    plan : Plan
    weight : ndarray of shape (n,) or None
        Row weights, for networks that take means over rows; None weighs all alike.
    chance : Chance
    keys : ndarray of shape (n,) or None
        Keys of the rows' contents; needed where something is random.
    width : int or None
        Rows for each model; None is as many as judge the one with most.
    n_abreast : int or None
        Models by which blocks are sized; None is those of the plan.
    """

    def __init__(
        self,
        source,
        plan,
        *,
        device,
        weight=None,
        chance=NO_CHANCE,
        keys=None,
        width=None,
        n_abreast=None,
    ):
        width = width or max(len(rows) for rows in plan.held_out)
        index = np.zeros((plan.n_models, width), dtype=np.int64)
        counts = np.zeros((plan.n_models, width), dtype=bool)
        for model, rows in enumerate(plan.held_out):
            index[model, : len(rows)] = rows
            counts[model, : len(rows)] = True
        self.source = source
        self.index = torch.tensor(index, device=device)
        self.counts = torch.tensor(counts, device=device)
        mass = counts if weight is None else counts * weight[index]
        self.weight = torch.tensor(mass, dtype=torch.float32, device=device)
        cells = source.n_features * (n_abreast or plan.n_models)
        self.step = min(next(blocks_of(width, cells)).stop, HELD_OUT_ROWS)
        self.chance, self.keys = chance, keys
        self.n_pairs = MANY_PAIRS if width < MANY_ROWS else 1
        self._kept = None

    def __len__(self):
        return -(-self.index.shape[1] // self.step)

    def __iter__(self):
        if self._kept is not None:
            yield from self._kept
            return
        keep = self.chance and self.index.numel() * self.source.n_features <= KEPT_CELLS
        kept = []
        parts = (part.split(self.step, dim=1) for part in (self.index, self.weight))
        for index, weight in zip(*parts, strict=True):
            rows = self.source.take(index)
            batch = Batch(rows, rows, weight.to(rows.dtype))
            if self.chance:
                batch = self._disturbed(batch, self.keys[index.cpu().numpy()])
            if keep:
                kept.append(batch)
            yield batch
        if keep:
            self._kept = kept

    def _disturbed(self, batch, keys):
        """Return a batch with what is random about it, decided by the rows' keys."""

        def uniform(width):
            draws = torch.from_numpy(keyed_uniform(keys, width))
            return draws.to(batch.inputs.dtype).to(self.index.device)

        def normal(width):
            # Pairs of opposite draws, along an axis before all others.
            draws = keyed_normal(keys ^ NOISE_SALT, self.n_pairs * width)
            pairs = torch.from_numpy(draws).to(batch.inputs.dtype)
            pairs = pairs.to(self.index.device)
            pairs = torch.stack(pairs.tensor_split(self.n_pairs, dim=-1))
            return torch.cat([pairs, -pairs])

        return self.chance.applied(batch, uniform, normal)


class Batches(NamedTuple):
    """The two sides of a plan, as the skorch net receives them."""

    train: TrainingBatches
    held_out: HeldOutBatches | None
