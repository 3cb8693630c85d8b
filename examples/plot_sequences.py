"""
Sequences of several lengths
============================

Codes of sequences as long as they are: nothing is padded, nothing is cut.
"""

# %%
# Strokes of two hands: each is drawn at its own speed, so that some are done after 20
# readings of the pen and some after 60. The pen has two coordinates.
import numpy as np

rng = np.random.default_rng(0)


def strokes(n):
    """Return strokes of shape (n_steps, 2), and which of three letters each is."""
    letters = rng.integers(3, size=n)
    result = []
    for letter in letters:
        way = np.linspace(0, 1, rng.integers(20, 61))[:, np.newaxis] ** [1.0, 1.1]
        turns, height = [(1.0, 1.0), (1.5, 0.7), (2.0, 1.2)][letter]
        turns, height = turns * rng.uniform(0.9, 1.1), height * rng.uniform(0.8, 1.2)
        x = np.cos(2 * np.pi * turns * way[:, 0]) + 2 * way[:, 0]
        y = height * np.sin(2 * np.pi * turns * way[:, 1])
        noise = 0.03 * rng.normal(size=(len(way), 2))
        result.append(np.column_stack([x, y]) + noise)
    return result, letters


X, letters = strokes(600)
X_test, letters_test = strokes(200)
print(sorted({len(stroke) for stroke in X})[:3], "...", max(map(len, X)))

# %%
# Eight numbers for each stroke.
from sklearn_ae import SequenceAutoencoder

autoencoder = SequenceAutoencoder(8, cell_size=16, max_epochs=30, random_state=0).fit(X)
print(f"R² on new strokes: {autoencoder.score(X_test):.3f}")

# %%
# The strokes, and what comes back from their codes; each channel is a line.
from sklearn_ae.plotting import ReconstructionDisplay

display = ReconstructionDisplay.from_estimator(autoencoder, X_test, n_samples=5)

# %%
# Codes tell the letters apart, whatever the speed.
from sklearn.neighbors import KNeighborsClassifier

neighbours = KNeighborsClassifier(1).fit(autoencoder.transform(X), letters)
print(f"accuracy {neighbours.score(autoencoder.transform(X_test), letters_test):.3f}")

# %%
# A code does not carry the length. ``inverse_transform`` takes it, or tells it from the
# code as well as can be.
codes = autoencoder.transform(X_test[:5])
print("true", [len(stroke) for stroke in X_test[:5]])
print("told", [len(stroke) for stroke in autoencoder.inverse_transform(codes)])
print("asked", [len(s) for s in autoencoder.inverse_transform(codes, lengths=[30] * 5)])
