"""
Codes of texts
==============

Strings in, strings out: an autoencoder of characters.
"""

# %%
# Short messages from a few patterns, with numbers and names that vary.
import numpy as np

rng = np.random.default_rng(0)
names = ["anna", "ben", "carla", "dan", "eva", "finn"]
patterns = [
    "hi {name}, see you at {hour}",
    "call {name} back before {hour}",
    "{name} is late, wait till {hour}",
    "win {hour}00 pounds now, {name}",
]


def messages(n):
    """Return messages, and the pattern of each."""
    kinds = rng.integers(len(patterns), size=n)
    texts = [
        patterns[kind].format(name=rng.choice(names), hour=rng.integers(1, 12))
        for kind in kinds
    ]
    return texts, kinds


X, kinds = messages(2000)
X_test, kinds_test = messages(300)

# %%
# Fitting takes some seconds. ``score`` is the share of characters that come back.
from sklearn_ae import SequenceAutoencoder

autoencoder = SequenceAutoencoder(
    16, tokens="char", cell_size=32, max_epochs=20, random_state=0
).fit(X)
print(f"{autoencoder.score(X_test):.1%} of the characters come back")
for text, rebuilt in zip(X_test[:4], autoencoder.reconstruct(X_test[:4]), strict=True):
    print(f"{text!r} -> {rebuilt!r}")

# %%
# Codes are numbers that any classifier takes: here, of which pattern a message is.
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

classifier = make_pipeline(StandardScaler(), LogisticRegression())
classifier.fit(autoencoder.transform(X), kinds)
print(f"accuracy {classifier.score(autoencoder.transform(X_test), kinds_test):.3f}")

# %%
# Half-way between two codes lies a text that has something of both.
first, second = autoencoder.transform(X_test[:2])
path = first + np.linspace(0, 1, 5)[:, np.newaxis] * (second - first)
lengths = np.linspace(len(X_test[0]), len(X_test[1]), 5).round().astype(int)
print("\n".join(autoencoder.inverse_transform(path, lengths=lengths)))

# %%
# What is unlike all messages has a low score.
odd = ["see see see see see see", "anna, anna, anna and anna"]
for text in [*X_test[:2], *odd]:
    label = autoencoder.predict([text])[0]
    print(f"{label:2d}  {text}")
