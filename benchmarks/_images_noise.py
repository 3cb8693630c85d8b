"""What networks for noisy digits learn by, beside other rates, on training images."""

from contextlib import ExitStack
from unittest.mock import patch

from _images_data import NO_MNIST, as_rows, load_judged
from _images_denoising import convolutional_denoiser
from _timing import seconds_of
from _variants import Part, fit, note, section
from _variants_denoising import add_noise, psnr

from sklearn_ae import _defaults

N_FITTED, N_JUDGES, NOISE_SEED = 20_000, 5000, 1

# Parameters by name of the setting, and constants.
SETTINGS = {
    "default": ({}, {}),
    "learning rate of 0.003": ({"learning_rate": 0.003}, {}),
    "the same without weight decay": ({"learning_rate": 0.003, "weight_decay": 0}, {}),
    "no weight decay": ({"weight_decay": 0}, {}),
    "weight decay of 0.2": ({"weight_decay": 0.2}, {}),
    "0.98 of Adam's squares kept": ({}, {"BETA2": 0.98}),
    "16, 32 channels": ({"network__channels": (16, 32)}, {}),
    "64 components": ({"n_components": 64}, {}),
}

HEADER = ("setting", "PSNR", "fit s")


def run(options):
    """Fit with each setting in turn."""
    images = load_judged(options, N_FITTED, N_JUDGES)
    if images is None:
        return Part([], [NO_MNIST])
    train, judges = map(as_rows, images)
    noisy, rows = add_noise(judges, NOISE_SEED), []
    for name, (parameters, constants) in SETTINGS.items():
        model = convolutional_denoiser(train).set_params(**parameters)
        with ExitStack() as stack:
            for constant, value in constants.items():
                stack.enter_context(patch.object(_defaults, constant, value))
            seconds, _ = seconds_of(lambda m=model: fit(m, train, options))
        quality = psnr(model.reconstruct(noisy), judges)
        rows.append((name, f"{quality:.2f}", f"{seconds:.0f}"))
        note(*rows[-1])
    text = (
        f"{len(train)} of MNIST's training images for the fit, {len(judges)} others to "
        "judge, with the noise of the table of noisy digits. One setting differs from "
        "the default in each line, or two where it says so. The default has a learning "
        "rate of 0.001 and a weight decay of 0.1, and Adam keeps 0.999 of the mean "
        "squared gradients at each step."
    )
    return Part([], [section("Noisy digits", text, HEADER, rows)])
