"""
Noise in photographs
====================

Photographs are large, few, and of different sizes. With ``patch_size`` a network learns
from small squares of them, and repairs a whole photograph square by square. This
example removes noise from colour photographs, and shows what it costs and where it
fails.
"""

# %%
# Two photographs
# ---------------
#
# scikit-learn comes with two photographs, a palace and a flower. The model is fitted to
# what lies left and right in each, and is to repair a piece from the middle, of which
# it has seen nothing. It has seen what is around the palace and the flower, though: on
# photographs of something else expect less.

import numpy as np
from sklearn.datasets import load_sample_images

palace, flower = (image / 255 for image in load_sample_images().images)
known = [palace[:, :220], palace[:, 420:], flower[:, :220], flower[:, 420:]]
clean = [palace[140:300, 230:410], flower[140:300, 230:410]]

rng = np.random.default_rng(0)
NOISE = 0.1
noisy = [image + NOISE * rng.standard_normal(image.shape) for image in clean]

# %%
# A denoiser of patches
# ---------------------
#
# Any estimator takes :class:`~sklearn_ae.ConvolutionalNetwork` as its network; here it
# is :class:`~sklearn_ae.DenoisingAutoencoder`. ``fit`` draws 5000 patches of 8 by 8
# pixels from random places. It is told how strong the noise is, in standard deviations
# of the pixels. Both this and the number of epochs save time: by default it would find
# a good strength by itself, and train longer.

from sklearn_ae import ConvolutionalNetwork, DenoisingAutoencoder

strength = NOISE / np.std(np.concatenate([image.ravel() for image in known]))
denoiser = DenoisingAutoencoder(
    network=ConvolutionalNetwork(patch_size=8, n_patches=5000),
    corruption="gaussian",
    noise_scale=strength,
    evaluation_rate=strength,
    max_epochs=20,
    random_state=0,
).fit(known)

# %%
# ``reconstruct`` takes whole photographs of any size. Each is covered by squares that
# overlap; all of them are denoised, and blended with weights that fall towards their
# rims. No seams are left.

denoised = denoiser.reconstruct(noisy)

# %%
# What it is worth
# ----------------
#
# The measure is the peak signal-to-noise ratio, in decibels: 3 dB more is half the
# squared error. There are two things to compare with. One is a blur, which may have the
# width that is best for each photograph, which no one could know. The other is the
# network untrained: it is the best linear denoiser of patches.

from scipy.ndimage import gaussian_filter
from sklearn.base import clone


def decibels(image, truth):
    return -10 * np.log10(np.square(np.clip(image, 0, 1) - truth).mean())


def best_blur(image, truth):
    blurred = [gaussian_filter(image, (s, s, 0)) for s in np.arange(0.3, 3, 0.1)]
    return max(blurred, key=lambda one: decibels(one, truth))


linear = clone(denoiser).set_params(max_epochs=0).fit(known)
results = {
    "noisy": noisy,
    "best blur": list(map(best_blur, noisy, clean)),
    "linear": linear.reconstruct(noisy),
    "trained": denoised,
}
print("             palace  flower")
for name, images in results.items():
    values = [decibels(*pair) for pair in zip(images, clean, strict=True)]
    print(f"{name:>10}: {values[0]:8.1f}{values[1]:8.1f}")

# %%
# A blur takes detail with the noise. The denoiser smooths what is smooth, such as the
# sky, and leaves edges where they are. It gains less on the flower than on the palace:
# the parts that it was fitted to show little of the flower, and no orange as bright.

import matplotlib.pyplot as plt


def show(rows, titles, **kwargs):
    """Draw lists of images, one row of the figure each."""
    _, axes = plt.subplots(
        nrows=len(rows),
        ncols=len(titles),
        figsize=(11, 2.6 * len(rows)),
        squeeze=False,
        subplot_kw={"xticks": [], "yticks": []},
        layout="constrained",
    )
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    for row, images in zip(axes, rows, strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(np.clip(image, 0, 1), **kwargs)


titles = ["clean", *results]
show(list(zip(clean, *results.values(), strict=True)), titles)
plt.show()

# %%
# Where it fails
# --------------
#
# The next picture shows what is left of the error, as the mean of the three colours:
# the darker, the larger. It lies along edges and in the finest detail, where the noise
# hides what was there. The denoiser answers the mean of all that may have been, which
# is smoother than any of it. So does every model that is fitted by its squared error.

errors = [
    [np.abs(image - truth).mean(axis=2) / (3 * NOISE) for image in (before, after)]
    for before, after, truth in zip(noisy, denoised, clean, strict=True)
]
rows = [[truth, *row] for truth, row in zip(clean, errors, strict=True)]
show(rows, ["clean", "error before", "error after"], cmap="gray_r", vmin=0, vmax=1)
plt.show()
