"""
Images in, images out
=====================

:class:`~sklearn_ae.ConvolutionalAutoencoder` is an autoencoder for images. It takes
them as arrays, and it knows which pixels are neighbours. This example looks at images
for which that is of no use, at images for which it is, and at what lies between two
codes.
"""

# %%
# Arrays of images
# ----------------
#
# The digits of scikit-learn come as rows and as images. Here they stay images: codes
# are a table, as always, and reconstructions are images again. Nothing is to be
# flattened, scaled or told. (The number of epochs is there to be done soon.)

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_ae import ConvolutionalAutoencoder

digits, digits_test = train_test_split(load_digits().images, random_state=0)

small = ConvolutionalAutoencoder(8, max_epochs=30, random_state=0).fit(digits)
print(f"images:          {digits_test.shape}")
print(f"codes:           {small.transform(digits_test).shape}")
print(f"reconstructions: {small.reconstruct(digits_test).shape}")

# %%
# :class:`~sklearn_ae.Autoencoder` takes the same digits as rows of 64 pixels. It does
# not know that these are images, and is as good: 8 by 8 pixels are so few that a dense
# network sees all there is to see. It also is fitted in much less time. For images as
# small as this, there is no reason to take convolutions.

from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder
from sklearn_ae.metrics import reconstruction_r2


def flat(images):
    return images.reshape(len(images), -1)


pca = PCA(n_components=8).fit(flat(digits))
dense = Autoencoder(n_components=8, random_state=0).fit(flat(digits))
print("R² of digits set aside, 8 by 8 pixels, 8 components")
print(f"  PCA:           {reconstruction_r2(pca, flat(digits_test)):.3f}")
print(f"  dense:         {dense.score(flat(digits_test)):.3f}")
print(f"  convolutional: {small.score(digits_test):.3f}")

# %%
# Larger images, seen askew
# -------------------------
#
# These digits are cut out, centred and upright. Seen by a camera they would be larger,
# a little turned, and never at quite the same place. Each is looked at twice, and
# the digits set aside once.

import numpy as np
from scipy.ndimage import affine_transform

rng = np.random.default_rng(0)
SIDE = 16


def photograph(digit):
    """Return a digit turned, enlarged and shifted by chance."""
    angle, zoom = np.deg2rad(rng.uniform(-20, 20)), rng.uniform(1.4, 1.8)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = (SIDE - 1) / 2 + rng.uniform(-1.5, 1.5, size=2)
    offset = 3.5 - turn @ centre / zoom
    return affine_transform(digit, turn / zoom, offset, (SIDE, SIDE), order=1)


seen = np.stack([photograph(digit) for digit in digits for _ in range(2)])
seen_test = np.stack([photograph(digit) for digit in digits_test])

# %%
# Now a stroke may be anywhere, and a network that learns once for all places what a
# stroke is has an advantage. The convolutional one is stopped after 10 epochs here,
# again to be done soon.

pca = PCA(n_components=16).fit(flat(seen))
dense = Autoencoder(n_components=16, random_state=0).fit(flat(seen))
convolutional = ConvolutionalAutoencoder(16, max_epochs=10, random_state=0).fit(seen)

print("R² of digits set aside, 16 by 16 pixels, 16 components")
print(f"  PCA:           {reconstruction_r2(pca, flat(seen_test)):.3f}")
print(f"  dense:         {dense.score(flat(seen_test)):.3f}")
print(f"  convolutional: {convolutional.score(seen_test):.3f}")

# %%
# The gain over the dense network is small, though. Both must say in sixteen numbers
# where the digit stands and how it is turned, besides which digit it is, and no network
# makes that less. Where images can be centred and turned upright, do so first.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import ReconstructionDisplay

ReconstructionDisplay(
    originals=flat(seen_test)[:10],
    reconstructions={
        "PCA": pca.inverse_transform(pca.transform(flat(seen_test[:10]))),
        "Dense": dense.reconstruct(flat(seen_test[:10])),
        "Convolutional": flat(convolutional.reconstruct(seen_test[:10])),
    },
    image_shape=(SIDE, SIDE),
).plot()
plt.show()

# %%
# From one code to another
# ------------------------
#
# ``inverse_transform`` makes an image of any code, also of one that no image has. Below
# are the codes on the straight line between those of two digits. PCA fades one digit
# out and the other in, for it is linear: each of its pictures is a mixture of the two
# at the ends. Those of the autoencoder are not; its strokes move. Half way they make no
# digit either: nothing keeps codes of digits from having gaps between them. For new
# images that look like the old ones, see :class:`~sklearn_ae.VariationalAutoencoder`.

ends = seen_test[[0, 4]]
steps = np.linspace(0, 1, 9)[:, np.newaxis]


def between(codes):
    return (1 - steps) * codes[0] + steps * codes[1]


lines = {
    "PCA": pca.inverse_transform(between(pca.transform(flat(ends)))),
    "Convolutional": convolutional.inverse_transform(
        between(convolutional.transform(ends))
    ),
}
figure, axes = plt.subplots(
    nrows=2,
    ncols=len(steps),
    figsize=(10, 2.6),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
for row, (name, images) in zip(axes, lines.items(), strict=True):
    row[0].set_ylabel(name)
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(SIDE, SIDE), cmap="gray_r", vmin=0, vmax=16)
plt.show()
