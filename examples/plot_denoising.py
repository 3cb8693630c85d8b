"""
Clean rows from corrupted ones
==============================

:class:`~sklearn_ae.DenoisingAutoencoder` reads rows in which some cells are wrong and
answers the rows as they should be. It is fitted to clean rows only, and corrupts them
itself. This example repairs pictures and a table of measurements, and shows what a
denoiser is not good at.
"""

# %%
# Dead pixels
# -----------
#
# Here a fifth of the pixels of each digit are set to the least or to the largest value
# that the pixel has anywhere: ``corruption="salt_and_pepper"``. In training this
# happens afresh at every step. ``corrupt`` does the same to rows of one's own, to the
# same row always in the same way; ``score`` measures on such rows. To state the
# ``corruption_rate`` saves the short fits by which "auto" chooses one.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_ae import DenoisingAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)

denoiser = DenoisingAutoencoder(
    corruption="salt_and_pepper", corruption_rate=0.2, random_state=0
).fit(X_train)
noisy = denoiser.corrupt(X_test)
denoised = denoiser.reconstruct(noisy)

# %%
# PCA denoises, too: what does not lie on its plane is dropped. With few components it
# drops much of the digit, with many it keeps much of the noise. Here it may have
# the number of components that is best on the very rows that it is measured on, which
# no one could know.

import numpy as np
from sklearn.decomposition import PCA


def error(rows, clean):
    return np.square(rows - clean).mean()


def best_pca(X_train, noisy, clean):
    """Return the rows that the best PCA makes of noisy ones."""
    candidates = []
    for k in range(1, X_train.shape[1]):
        pca = PCA(n_components=k).fit(X_train)
        candidates.append(pca.inverse_transform(pca.transform(noisy)))
    return min(candidates, key=lambda rows: error(rows, clean))


from_pca = best_pca(X_train, noisy, X_test)
print("mean squared error of a pixel")
for name, rows in (("noisy", noisy), ("PCA", from_pca), ("denoised", denoised)):
    print(f"{name:>9}: {error(rows, X_test):5.2f}")

# %%
# All digits below are from the rows set aside.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import ReconstructionDisplay

ReconstructionDisplay(
    originals=X_test[:10],
    reconstructions={
        "Corrupted": noisy[:10],
        "PCA": from_pca[:10],
        "Denoised": denoised[:10],
    },
    image_shape=(8, 8),
).plot(image_kwargs={"vmin": 0, "vmax": 16})
plt.show()

# %%
# How far training came beyond the best linear denoiser, from which it starts, is in
# two attributes: R² to the clean rows, from corrupted ones that were held out.

print(f"best linear denoiser: {denoiser.linear_validation_r2_:.3f}")
print(f"after training:       {denoiser.validation_r2_:.3f}")

# %%
# A table with wrong entries
# --------------------------
#
# A wrong entry in a table is seldom an extreme. It rather is a value that would be
# right in another row. The default, ``corruption="swap"``, trains for this: it takes
# cells from other rows of the same column. No single column shows that such a cell is
# wrong; only the others can. Here are the breast cancer data with a fifth of their
# cells taken from elsewhere.

from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

known, table = train_test_split(load_breast_cancer().data, random_state=0)
scaler = StandardScaler().fit(known)
known, table = scaler.transform(known), scaler.transform(table)

table_denoiser = DenoisingAutoencoder(random_state=0).fit(known)
corrupted = table_denoiser.corrupt(table)
is_wrong = ~np.isclose(corrupted, table)

repaired = {
    "corrupted": corrupted,
    "PCA": best_pca(known, corrupted, table),
    "denoised": table_denoiser.reconstruct(corrupted),
}
print(f"{is_wrong.mean():.0%} of the cells are wrong")
print("mean squared error    wrong cells  right cells")
for name, rows in repaired.items():
    wrong = error(rows[is_wrong], table[is_wrong])
    right = error(rows[~is_wrong], table[~is_wrong])
    print(f"{name:>18} {wrong:14.2f} {right:12.2f}")

# %%
# The figure has one point for each wrong cell: on the left what the table says, on the
# right what the denoiser makes of it; on the line either would be right. The denoiser
# is not told which cells are wrong. It pays for their repair with a small error in the
# right ones, as the last column above shows.

figure, axes = plt.subplots(
    ncols=2, figsize=(9, 4.5), sharex=True, sharey=True, layout="constrained"
)
for ax, name in zip(axes, ("corrupted", "denoised"), strict=True):
    ax.plot(table[is_wrong], repaired[name][is_wrong], ".", markersize=3, alpha=0.5)
    ax.axline((0, 0), slope=1, color="0.4", linewidth=1)
    ax.set(xlabel="true value, in standard deviations", title=name, aspect="equal")
    ax.set(xlim=(-3, 5), ylim=(-3, 5))
axes[0].set_ylabel("value in the table, or answered")
plt.show()

# %%
# Clean rows
# ----------
#
# A denoiser must take each row for one that may be wrong, and draws all of them towards
# what is usual. Clean digits come back blurred: an :class:`~sklearn_ae.Autoencoder`
# rebuilds them better, and from fewer components. It is the one to take where nothing
# is wrong with the rows.

from sklearn_ae import Autoencoder
from sklearn_ae.metrics import reconstruction_r2

autoencoder = Autoencoder(random_state=0).fit(X_train)
for model in (denoiser, autoencoder):
    name, r2 = type(model).__name__, reconstruction_r2(model, X_test)
    print(f"{name:>20}, k = {model.n_components_:2}: R² of clean rows {r2:.3f}")
