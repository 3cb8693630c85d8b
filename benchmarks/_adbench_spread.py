"""Ours with one parameter moved: to half of what it is by default, and to twice."""

from functools import partial

from _adbench_methods import OURS, scores_of

from sklearn_ae import OutlierAutoencoder, _defaults

FACTORS = {"halved": 0.5, "doubled": 2.0}


def moved(parameter, factor, train, seed):
    """Return a parameter's default, or what "auto" comes to, times a factor.

    Of the share of the variance that components keep, the rest is moved. A width or a
    number of epochs or rows is at least one.
    """
    default = getattr(OutlierAutoencoder(), parameter)
    match parameter:
        case "n_components":
            return 1 - factor * (1 - default)
        case "hidden_layer_sizes":
            return tuple(int(factor * size) for size in default)
        case "batch_size":
            return int(factor * _defaults.BATCH_SIZE)
        case "max_epochs":
            # Only a fit knows how many batches its held-out rows leave.
            epochs = OutlierAutoencoder(random_state=seed).fit(train).max_epochs_
            return max(1, int(factor * epochs))
        case _:
            return factor * default


def _scores_when_moved(parameter, factor, seed, train, test):
    value = moved(parameter, factor, train, seed)
    return scores_of(
        OutlierAutoencoder(random_state=seed, **{parameter: value}), train, test
    )


def _variant(parameter, factor):
    return lambda seed: partial(_scores_when_moved, parameter, factor, seed)


PARAMETERS = (
    "n_components",
    "hidden_layer_sizes",
    "batch_size",
    "learning_rate",
    "max_epochs",
    "validation_fraction",
)

# Methods by name, as those of ``_adbench_methods``.
VARIANTS = {
    f"{OURS}, {parameter} {how}": _variant(parameter, factor)
    for parameter in PARAMETERS
    for how, factor in FACTORS.items()
}
