"""What the defaults for patches are worth, on training photographs."""

from unittest.mock import patch

import numpy as np
from _images_data import NO_PHOTOGRAPHS, load_photographs
from _images_photographs import judge_denoiser, patch_denoiser, split_judges
from _timing import seconds_of
from _variants import Part, fit, note, section

from sklearn_ae import _patches

PATCH_SIZE = 16

# Parameters of the network and of the estimator, by name of the setting.
SETTINGS = {
    "default": ({}, {}),
    "20,000 patches for 28 epochs": ({"n_patches": 20_000}, {}),
    "16, 32 channels": ({"channels": (16, 32)}, {}),
    "dense layer of 1024": ({"hidden_layer_sizes": (1024,)}, {}),
    "256 components": ({}, {"n_components": 256}),
}

# Tiles that overlap, of the default.
TILES = (2, 4, 5, 8)

HEADER = ("setting", "tiles", "PSNR", "fit s", "reconstruct s")


def run(options):
    """Fit with each setting in turn."""
    train, _ = load_photographs(options)
    if not train:
        return Part([], [NO_PHOTOGRAPHS])
    others, judges = split_judges(train)
    rows = []
    for name, (of_network, parameters) in SETTINGS.items():
        model = patch_denoiser(others, PATCH_SIZE, of_network, **parameters)
        took, _ = seconds_of(lambda m=model: fit(m, others, options))
        for n_tiles in TILES if name == "default" else (_patches.TILES_ACROSS,):
            with patch.object(_patches, "TILES_ACROSS", n_tiles):
                seconds, values = seconds_of(lambda m=model: judge_denoiser(m, judges))
            figure = f"{np.mean(values):.2f}"
            rows.append((name, n_tiles, figure, f"{took:.0f}", f"{seconds:.0f}"))
            note(*rows[-1])
    text = (
        f"Denoising as in `images_photographs.md`, in patches of {PATCH_SIZE} pixels: "
        f"trained on {len(others)} of the training photographs, judged by the mean "
        f"PSNR in dB of the others ({', '.join(judges)}). One setting differs from the "
        "default in each line. Tiles are those that overlap in a pixel, in one "
        "direction."
    )
    return Part([], [section("Patches", text, HEADER, rows)])
