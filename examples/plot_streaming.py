"""
Learning from a stream
======================

Rows that do not fit into memory, or that come day by day, are learned block by block
with :meth:`~sklearn_ae.Autoencoder.partial_fit`.
"""

# %%
# A stream
# --------
#
# The rows are small patches of a photograph, cut at random places. A generator gives
# one block after the other; no more than one is ever in memory.

import numpy as np
from sklearn.datasets import load_sample_image

photograph = load_sample_image("china.jpg") / 255
size = 6


def blocks(n_blocks, n_rows=1000, seed=0):
    """Yield blocks of rows, each row a patch of 6 by 6 pixels in colour."""
    random = np.random.default_rng(seed)
    height, width, _ = photograph.shape
    for _ in range(n_blocks):
        tops = random.integers(height - size, size=n_rows)
        lefts = random.integers(width - size, size=n_rows)
        yield np.stack(
            [
                photograph[top : top + size, left : left + size].ravel()
                for top, left in zip(tops, lefts, strict=True)
            ]
        )


# %%
# Block by block
# --------------
#
# The first block settles what the network starts from: its PCA, the number of
# components and the scale of each column. It should be typical of the stream. Each
# block is then one step of learning, and can be forgotten. A few rows put aside show
# how far it has come.

from sklearn_ae import Autoencoder

(test,) = blocks(1, seed=1)
autoencoder = Autoencoder(n_components=8, random_state=0)
r2 = []
for block in blocks(60):
    autoencoder.partial_fit(block)
    r2.append(autoencoder.score(test))

# %%
# :class:`~sklearn.decomposition.IncrementalPCA` learns from streams as well. It is at
# its best after a few blocks; the network goes on learning. No row of a stream is held
# out, so that nothing guards the network's first steps: it may begin below PCA.

import matplotlib.pyplot as plt
from sklearn.decomposition import IncrementalPCA

from sklearn_ae.metrics import reconstruction_r2

pca = IncrementalPCA(n_components=8)
start_score = []
for block in blocks(60):
    pca.partial_fit(block)
    start_score.append(reconstruction_r2(pca, test))

figure, ax = plt.subplots(layout="constrained")
ax.plot(np.arange(1, 61), r2, color="C1", label="Autoencoder")
ax.plot(np.arange(1, 61), start_score, "--", color="0.4", label="IncrementalPCA")
ax.set(xlabel="Block", ylabel="R² on rows put aside")
ax.legend()
plt.show()

# %%
# A model at any time
# -------------------
#
# After every block the estimator is complete. It encodes, decodes, and knows outliers:
# scores and threshold follow a sample of the rows seen so far. Here it meets patches
# of another photograph, and patches of noise.

flower = load_sample_image("flower.jpg") / 255
other = np.stack(
    [
        flower[top : top + size, left : left + size].ravel()
        for top in range(0, 420, 21)
        for left in range(0, 630, 21)
    ]
)
noise = np.random.default_rng(0).random((500, test.shape[1]))

for name, rows in (("same photograph", test), ("another", other), ("noise", noise)):
    share = np.mean(autoencoder.predict(rows) == -1)
    print(f"{name:>15}: {share:4.0%} called outliers")

# %%
# And here are some of the patches, rebuilt from eight numbers each instead of 108.

from sklearn_ae.plotting import ReconstructionDisplay

detailed = test[np.argsort(test.std(axis=1))[::-1][:200:20]]
ReconstructionDisplay.from_estimators(
    {"IncrementalPCA": pca, "Autoencoder": autoencoder},
    detailed,
    image_shape=(size, size, 3),
    n_samples=10,
)
plt.show()
