"""What a diagnosis says in words: one line for each finding, and what to do."""

from typing import NamedTuple

# How often the error of held-out rows may exceed that of the training rows.
OVERFITTING = 2.0

# Shares of hidden units and of atoms that may be without use, and of tied scores.
IDLE_SHARE, TIED_SHARE = 0.1, 0.1

# Calibration rows that a false-alarm rate of 5 % needs.
LEAST_CALIBRATION = 20

NOT_HELD_OUT = (
    "by partial_fit, with early_stopping=False, of fewer than 10 distinct rows, or in "
    "training for labels or clusters"
)


class Finding(NamedTuple):
    """One line of a diagnosis.

    Attributes
    ----------
    is_fine : bool
        Whether nothing needs to be done.
    text : str
    """

    is_fine: bool
    text: str


def findings_of(facts, questions=None):
    """Return what there is to say of the facts of a :class:`Diagnosis`.

    ``questions`` are functions of the facts; None asks all.
    """
    said = [about(facts) for about in questions or ABOUT]
    return [finding for finding in said if finding is not None]


def findings_of_members(members):
    """Return what there is to say of several fits: what is wrong of some, together."""
    n_members, found = len(members), []
    for about in ABOUT_FIT:
        said = [finding for finding in map(about, members) if finding is not None]
        wrong = [finding for finding in said if not finding.is_fine]
        if wrong:
            text = f"{len(wrong)} of {n_members} members: {wrong[0].text}"
            found.append(Finding(False, text))
        elif said:
            text = f"All {n_members} members, the first for example: {said[0].text}"
            found.append(Finding(True, text))
    return found


def about_gain(facts):
    """Say what training was good for."""
    start, held_out = facts["start_error"], facts["held_out_error"]
    name, improved = facts["start"], facts["improved"]
    if held_out is None:
        return Finding(
            False,
            f"No rows were held out ({NOT_HELD_OUT}): nothing tells whether training "
            "improved the model. Fit with early_stopping=True, or score rows of your "
            "own.",
        )
    if not improved:
        return Finding(
            True,
            f"Training did not improve on {name} on held-out rows, and the model is as "
            "it started. More rows may change that.",
        )
    if start is None:
        return Finding(True, f"Training improved on {name}, to {held_out:.3g}.")
    if facts["error_unit"] == "nats":
        gain = f"by {start - held_out:.3g} nats per held-out row"
    else:
        gain = f"by {facts['gain']:.0%} of its error on held-out rows"
    return Finding(
        True, f"Training improved on {name} {gain}, from {start:.3g} to {held_out:.3g}."
    )


def about_epochs(facts):
    """Say whether training had time enough."""
    n_epochs, most = facts["n_epochs"], facts["max_epochs"]
    if not n_epochs:
        why = "fewer than 10 distinct rows cannot judge it" if most else "max_epochs=0"
        return Finding(True, f"There was no training: {why}.")
    if facts["held_out_error"] is None:
        return Finding(True, f"{n_epochs} epochs were run.")
    kept = f"epoch {facts['best_epoch']} of {n_epochs} was kept"
    if not facts["best_epoch"]:
        kept = f"the start was kept after {n_epochs} epochs"
    if facts["is_cut_short"]:
        return Finding(
            False,
            f"Training was still improving when its epochs ran out: {kept}. Raise "
            f"max_epochs, which was {most}.",
        )
    return Finding(True, f"Training had time enough: {kept}.")


def about_overfitting(facts):
    """Compare held-out rows with training rows."""
    ratio = facts["overfitting"]
    if ratio is None:
        return None
    text = f"The error of held-out rows is {ratio:.2g} times that of training rows"
    if facts["error_unit"] == "nats":
        text = (
            "The likelihood of a number in held-out rows is as of noise of "
            f"{ratio:.2g} times the variance of that in training rows"
        )
    if not facts["is_overfitted"]:
        return Finding(True, f"{text}: no overfitting to speak of.")
    return Finding(
        False,
        f"{text}: the model knows its training rows better than others. Give more "
        "rows, or lower n_components.",
    )


def about_hidden_units(facts):
    """Say how many hidden units do nothing."""
    n_units, n_dead = facts["n_hidden_units"], facts["n_dead_units"]
    if not n_units:
        return None
    text = f"{n_dead} of {n_units} hidden units never vary"
    if n_dead <= IDLE_SHARE * n_units:
        return Finding(True, f"{text}.")
    return Finding(
        False,
        f"{text}: they are dead. Lower learning_rate, take activation='silu', or take "
        "narrower layers.",
    )


def about_codes(facts):
    """Say how many components of the codes do nothing."""
    n_components, n_idle = facts["n_components"], facts["n_idle_components"]
    if facts["n_dead_atoms"] is not None:
        return _about_atoms(facts)
    if facts["n_active"] is not None:
        return _about_active(facts)
    text = f"{n_idle} of {n_components} components of the codes never vary"
    if not n_idle:
        return Finding(True, f"All {n_components} components of the codes vary.")
    left = n_components - n_idle
    if not left:
        return Finding(
            False, f"{text}: codes tell nothing. Give rows that differ from each other."
        )
    return Finding(False, f"{text}. Lower n_components to {left}.")


def _about_atoms(facts):
    n_components, n_dead = facts["n_components"], facts["n_dead_atoms"]
    text = (
        f"{n_dead} of {n_components} atoms are never used, and "
        f"{facts['mean_active']:.3g} in a row"
    )
    if n_dead <= IDLE_SHARE * n_components:
        return Finding(True, f"{text}.")
    return Finding(False, f"{text}. Lower n_components, or raise max_epochs.")


def _about_active(facts):
    n_components, n_active = facts["n_components"], facts["n_active"]
    text = (
        f"{n_active} of {n_components} components of the codes are active, and carry "
        f"{sum(facts['kl']):.3g} nats"
    )
    if n_active:
        return Finding(True, f"{text}.")
    return Finding(
        False, f"{text}: codes tell nothing. Lower beta, or raise free_bits."
    )


def about_ties(facts):
    """Say whether scores tell rows apart."""
    share, n_distinct = facts["share_tied"], facts["n_distinct_scores"]
    if share is None:
        return None
    text = f"{share:.0%} of the {facts['n_scores']} training scores are tied"
    if share <= TIED_SHARE:
        return Finding(True, f"{text}.")
    return Finding(
        False,
        f"{text}, and {n_distinct} are distinct: no threshold can part tied rows, and "
        "shares are kept only nearly. Look for rows that repeat each other.",
    )


def about_trimming(facts):
    """Say what part of the rows was left out, or lies far from most."""
    share = facts["share_trimmed"]
    if not share:
        return None
    return Finding(
        True, f"{share:.1%} of the training rows are far from most, or left out."
    )


def about_calibration(facts):
    """Say what false-alarm rates can be told."""
    n_rows = facts["n_calibration"]
    if n_rows is None:
        return None
    if not n_rows:
        return Finding(
            False,
            f"No scores of held-out rows ({NOT_HELD_OUT}): the threshold is one of "
            "rows that the model has seen, and new rows will fall below it more often. "
            "Give p_values rows of your own as X_calibration.",
        )
    text = f"{n_rows} held-out rows tell false-alarm rates from {1 / (n_rows + 1):.2g}"
    if n_rows >= LEAST_CALIBRATION:
        return Finding(True, f"{text} on.")
    return Finding(False, f"{text} on, which is above 0.05. Fit to more rows.")


def about_threshold(facts):
    """Say what the threshold does."""
    share = facts["share_flagged"]
    if share is None:
        return None
    return Finding(
        True,
        f"{share:.1%} of the training scores are below the threshold, "
        f"offset_={facts['offset']:.4g}.",
    )


ABOUT_FIT = (
    about_gain,
    about_epochs,
    about_overfitting,
    about_hidden_units,
    about_codes,
)
ABOUT_SCORES = (about_ties, about_trimming, about_calibration, about_threshold)
ABOUT = ABOUT_FIT + ABOUT_SCORES
