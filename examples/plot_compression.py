"""
Images as bytes
===============

A code is shorter than its image, and rounded it is shorter still.
:class:`~sklearn_ae.ConvolutionalAutoencoder` turns images into bytes and back:
``compress`` and ``decompress``. This example looks at what a byte buys, beside PCA, and
at which images are dear. It needs ``pip install "sklearn-ae[compression]"``.
"""

# %%
# There and back
# --------------
#
# The pixels of the digits are whole numbers from 0 to 16. With ``round_pixels`` they
# come back as such, and as images, for that is how they were given. The bytes hold all
# images that were compressed together, and only this model, or a pickle of it, can read
# them. Training is cut to 30 epochs to be done soon.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_ae import ConvolutionalAutoencoder

digits = load_digits().images.astype(np.uint8)
X_train, X_test = train_test_split(digits, random_state=0)

settings = {"round_pixels": True, "max_epochs": 30, "random_state": 0}
autoencoders = {
    k: ConvolutionalAutoencoder(k, **settings).fit(X_train) for k in (8, 16, 32)
}
model = autoencoders[16]
data = model.compress(X_test, bits=5)
back = model.decompress(data)
print(f"{len(X_test)} images, {len(data)} bytes: {len(data) / len(X_test):.1f} each")
print(f"given: {X_test.shape}, {X_test.dtype}; back: {back.shape}, {back.dtype}")

# %%
# For comparison: a pixel of 17 values takes 33 bytes per image if each is stored in as
# few bits as it needs, and less if a general compressor finds something to save. Both
# lose nothing. The codes do: the pixels are not what they were.

import zlib

packed = len(zlib.compress(X_test.tobytes(), 9)) / len(X_test)
error = np.abs(back.astype(int) - X_test.astype(int))
print(f"pixels stored as they are:  {64 * np.log2(17) / 8:.1f} bytes per image")
print(f"the same through zlib:      {packed:.1f} bytes per image")
print(f"mean error of a pixel here: {error.mean():.2f} of 16")

# %%
# What a byte buys
# ----------------
#
# ``bits`` sets how finely codes are rounded: one more halves the step. Quality by size
# is a curve for each model, and the further up and to the left, the better. PCA goes
# through the same quantiser and the same coder here: with ``max_epochs=0`` the
# autoencoder *is* PCA.

import matplotlib.pyplot as plt
from sklearn.base import clone

from sklearn_ae.plotting import RateDistortionDisplay

models = {}
for k, autoencoder in autoencoders.items():
    models[f"autoencoder, {k} components"] = autoencoder
    pca = clone(autoencoder).set_params(max_epochs=0)
    models[f"PCA, {k} components"] = pca.fit(X_train)

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
display = RateDistortionDisplay.from_estimators(models, X_test, bits=range(2, 8), ax=ax)
for i, line in enumerate(display.lines_):
    line.set(color=f"C{i // 2}", linestyle=("-", "--")[i % 2])
ax.legend()
plt.show()

# %%
# Each curve flattens: from there on finer codes only describe more exactly what the
# components cannot say, and more components are the better use of a byte. The lines to
# compare are those that run along the top. There the autoencoder is above PCA, but for
# the very left. Where codes are rounded to a handful of values, its decoder sees codes
# unlike any that it was trained on, while the error of a linear one grows no faster
# than the codes'.
#
# What is dear
# ------------
#
# What was frequent among the codes of the training images takes few bits, what was rare
# takes many. Images of another kind are not refused, but cost more, and come back
# worse: the model has no code for them. Here it meets digits upside down, and digits
# whose pixels are in disorder.

rng = np.random.default_rng(0)
kinds = {
    "digits": X_test,
    "upside down": X_test[:, ::-1],
    "in disorder": rng.permuted(X_test.reshape(-1, 64), axis=1).reshape(-1, 8, 8),
}
figure, axes = plt.subplots(
    nrows=2,
    ncols=12,
    figsize=(11, 2.3),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
print("                bytes  error")
for place, (name, images) in enumerate(kinds.items()):
    data = model.compress(images, bits=5)
    back = model.decompress(data)
    error = np.abs(back.astype(int) - images.astype(int)).mean()
    print(f"{name:>14}: {len(data) / len(images):5.1f} {error:6.2f}")
    for i, (above, below) in enumerate(axes.T[4 * place : 4 * place + 4]):
        above.imshow(images[i], cmap="gray_r", vmin=0, vmax=16)
        below.imshow(back[i], cmap="gray_r", vmin=0, vmax=16)
    axes[0, 4 * place].set_title(name, loc="left")
axes[0, 0].set_ylabel("given")
axes[1, 0].set_ylabel("back")
plt.show()
