"""Facts about a fitted estimator, by name: what a diagnosis is made of."""

import numpy as np
import torch

from ._findings import OVERFITTING
from .detection import TIE
from .networks import Output, activation_ranges
from .training import Batch, keyed_uniform, row_keys, weighted_sum

# A fit counts as cut short if its loss fell by more than this share in the last tenth
# of its epochs.
STILL_IMPROVING = 0.01

# Activations, and codes in units of the largest spread, that differ by less are equal.
NEVER_VARIES = 1e-6

# Variance of a component's mean over the rows from which on it is active.
ACTIVE_VARIANCE = 0.01

SCORE_FACTS = (
    "n_scores",
    "n_distinct_scores",
    "share_tied",
    "share_trimmed",
    "n_calibration",
    "offset",
    "share_flagged",
)

# Draws of the code of each row, of networks whose codes are random; in pairs.
N_DRAWS, SEED = 8, 0


def held_out_facts(estimator):
    """Return what held-out rows said of the start and of the model."""
    facts = vars(estimator)
    held_out = start = None
    is_relative = estimator.net_.criterion_.is_relative
    if facts.get("validation_r2_") is not None:
        held_out = 1 - estimator.validation_r2_
    elif facts.get("validation_elbo_") is not None:
        held_out, start = -estimator.validation_elbo_, -estimator.pca_validation_elbo_
    elif facts.get("validation_loss_") is not None:
        held_out = estimator.validation_loss_
    for name in ("pca_validation_r2_", "linear_validation_r2_"):
        if facts.get(name) is not None:
            start = 1 - facts[name]
    name, improved = "its start", None
    if "improved_on_linear_" in facts:
        name, improved = "the best linear denoiser", estimator.improved_on_linear_
    elif facts.get("improved_on_pca_") is not None:
        name = "PCA" if is_relative else "probabilistic PCA"
        improved = estimator.improved_on_pca_
    elif held_out is not None:
        improved = bool(estimator.best_epoch_)
    return {
        "start": name,
        "improved": improved,
        "start_error": start,
        "held_out_error": held_out,
        "error_unit": "share of the variance" if is_relative else "nats",
        "gain": 1 - held_out / start if is_relative and start else None,
    }


def epoch_facts(estimator):
    """Return how long training took."""
    return {
        "n_epochs": estimator.n_epochs_,
        "best_epoch": estimator.best_epoch_,
        "max_epochs": estimator.max_epochs_,
        "is_cut_short": is_cut_short(estimator),
    }


def is_cut_short(estimator):
    """Whether held-out rows were still gaining when the epochs ran out."""
    losses = estimator.history_.get("valid_loss", ())
    facts = held_out_facts(estimator)
    in_vain = facts["start_error"] is not None and not facts["improved"]
    # Of another network than that of the history nothing was held out.
    is_judged = facts["held_out_error"] is not None
    if len(losses) < max(2, estimator.max_epochs_) or in_vain or not is_judged:
        return False
    last = max(1, len(losses) // 10)
    before, after = losses[:-last].min(), losses[-last:].min()
    # Shares of the variance end at zero; other losses at no known value.
    is_relative = estimator.net_.criterion_.is_relative
    whole = before if is_relative else facts["start_error"] - after
    return bool(before - after > STILL_IMPROVING * whole)


def row_facts(estimator):
    """Return what the network does with a sample of the training rows."""
    network, reference = estimator.net_.module_, estimator._reference
    parameter = next(network.parameters())
    rows = estimator._scaling.standardize(
        reference.rows, parameter.dtype, parameter.device
    )
    with estimator._inference():
        code = network.encode(rows)[0].cpu().numpy().astype(np.float64)
        ranges = activation_ranges(network, rows).cpu().numpy()
        error = training_error(estimator, rows)
        n_active = None
        if hasattr(estimator, "kl_"):
            mean = network.posterior(rows)[0][0].cpu().numpy()
            n_active = int((mean.var(axis=0) > ACTIVE_VARIANCE).sum())
    spread = np.ptp(code, axis=0)
    return {
        "training_error": error,
        "n_hidden_units": len(ranges),
        "n_dead_units": int((ranges <= NEVER_VARIES).sum()),
        "n_components": code.shape[1],
        "n_idle_components": int((spread <= NEVER_VARIES * spread.max()).sum()),
        "n_dead_atoms": getattr(estimator, "n_dead_", None),
        "mean_active": getattr(estimator, "mean_active_", None),
        "kl": getattr(estimator, "kl_", None),
        "n_active": n_active,
    }


def training_error(estimator, rows):
    """Return the loss on training rows, measured as that of held-out rows is.

    That is, corrupted where these are, and in units of the mean row's error. None where
    a penalty is one of means over rows, which is larger of fewer rows.
    """
    network, loss = estimator.net_.module_, estimator.net_.criterion_
    weight = estimator._reference.weight
    if getattr(network, "penalty", None) == "kl":
        return None
    batch = Batch(corrupted(estimator, rows), rows)
    errors = mean_errors(network, loss, batch)
    total = weighted_sum(weight, errors)
    if not loss.is_relative:
        return float(total / weight.sum())
    scaling = estimator._scaling
    center = (estimator._reference.mean - scaling.mean) / scaling.std
    center = torch.as_tensor(center).to(rows).expand_as(rows)
    unit = loss.row_errors(Output(center.unsqueeze(0), None), batch).reshape(-1)
    return float(total / (weighted_sum(weight, unit.cpu().numpy()) or 1.0))


def corrupted(estimator, rows):
    """Return standardised rows as those are that judge a model."""
    if estimator._evaluation is None:
        return rows
    keys = row_keys(estimator._reference.rows, SEED)
    uniform = torch.from_numpy(keyed_uniform(keys, rows.shape[1]))
    corrupt = estimator._evaluation.bind(rows.dtype, rows.device)
    return corrupt(rows, uniform.to(rows))


def mean_errors(network, loss, batch):
    """Return the errors of rows, the mean over draws where codes are random."""
    draws = [None]
    if network.noise_width:
        generator = torch.Generator().manual_seed(SEED)
        shape = N_DRAWS // 2, len(batch.inputs), network.noise_width
        draws = torch.randn(shape, generator=generator, dtype=torch.float64)
        draws = torch.cat([draws, -draws]).to(batch.inputs)
    known = ({} if noise is None else {"noise": noise} for noise in draws)
    outputs = (network(batch.inputs, **each) for each in known)
    errors = [loss.row_errors(output, batch)[0].cpu().numpy() for output in outputs]
    return np.mean(errors, axis=0, dtype=np.float64)


def overfitting_facts(facts, n_features):
    """Return how much worse the model describes held-out rows than training rows."""
    held_out, training = facts["held_out_error"], facts["training_error"]
    ratio = None
    if held_out is None or training is None:
        pass
    elif facts["error_unit"] == "nats":
        # Half the logarithm of a variance is what it counts in a normal density.
        ratio = float(np.exp(2 * (held_out - training) / n_features))
    elif training > np.finfo(float).eps:
        ratio = float(held_out / training)
    is_overfitted = None if ratio is None else ratio > OVERFITTING
    return {"overfitting": ratio, "is_overfitted": is_overfitted}


def score_facts(estimator):
    """Return what there is to say of scores and threshold; None of what is missing."""
    if not hasattr(estimator, "training_scores_"):
        return dict.fromkeys(SCORE_FACTS)
    scores = np.sort(estimator.training_scores_)
    finite = np.nan_to_num(scores)
    is_new = np.diff(finite) > TIE * np.maximum(np.abs(finite[1:]), np.abs(finite[:-1]))
    starts = np.flatnonzero(np.concatenate([[True], is_new]))
    sizes = np.diff(np.append(starts, len(scores)))
    return {
        "n_scores": len(scores),
        "n_distinct_scores": len(sizes),
        "share_tied": float(sizes[sizes > 1].sum() / len(scores)),
        "share_trimmed": float(getattr(estimator, "trimmed_share_", 0) or 0),
        "n_calibration": len(scores) if estimator._is_calibrated else 0,
        "offset": estimator.offset_,
        "share_flagged": float((scores < estimator.offset_).mean()),
    }
