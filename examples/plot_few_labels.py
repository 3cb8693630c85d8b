"""
Few labels, many rows
=====================

Anybody can collect pictures of digits; somebody has to say which digit each is.
:class:`~sklearn_ae.AutoencoderClassifier` learns from all pictures, and from the few
labels there are.
"""

# %%
# The rows
# --------
#
# Of each digit a handful has a label. As in scikit-learn, -1 marks a row without.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0, stratify=y)


def with_labels(n_each, seed=0):
    rng = np.random.default_rng(seed)
    marked = np.full(len(y), -1)
    for digit in range(10):
        own = rng.choice(np.flatnonzero(y == digit), n_each, replace=False)
        marked[own] = digit
    return marked


# %%
# Three labels of each digit
# --------------------------
#
# The autoencoder that the classifier starts from sees all 1347 pictures. Their codes
# have neighbours, along which the thirty labels spread; then encoder and head are
# trained on what has become of them.

from sklearn_ae import AutoencoderClassifier

marked = with_labels(3)
model = AutoencoderClassifier(random_state=0).fit(X, marked)
print(f"accuracy on test rows: {model.score(X_test, y_test):.3f}")

# %%
# How many labels are enough?
# ---------------------------
#
# Beside it, what learns from the rows with a label alone, and scikit-learn's
# LabelSpreading, which sees all of them too.

from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

numbers = [1, 2, 3, 5, 10]
accuracies = {name: [] for name in ("ours", "LabelSpreading", "SVC", "logistic")}
for n_each in numbers:
    marked = with_labels(n_each)
    known = marked >= 0
    models = {
        "ours": AutoencoderClassifier(random_state=0).fit(X, marked),
        "LabelSpreading": LabelSpreading(kernel="knn", max_iter=100),
        "SVC": SVC().fit(X[known], y[known]),
        "logistic": LogisticRegression(max_iter=1000).fit(X[known], y[known]),
    }
    with np.errstate(invalid="ignore"):  # of rows that no label reaches
        models["LabelSpreading"].fit(X, marked)
        for name, fitted in models.items():
            accuracies[name].append(fitted.score(X_test, y_test))

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, values in accuracies.items():
    ax.plot(numbers, values, marker="o", label=name)
ax.set(xlabel="labels of each digit", ylabel="accuracy on test rows")
ax.legend()
plt.show()

# %%
# What became of the code
# -----------------------
#
# Fine-tuning moves rows of one class together. The first two components of the codes
# before and after, of test rows that neither has seen:

from sklearn_ae import Autoencoder

before = Autoencoder(32, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, codes, title in zip(
    axes,
    (before.transform(X_test), model.transform(X_test)),
    ("before", "after"),
    strict=True,
):
    points = ax.scatter(codes[:, 0], codes[:, 1], c=y_test, cmap="tab10", s=8)
    ax.set(title=title, xlabel="component 1", ylabel="component 2")
figure.colorbar(points, ticks=range(10), label="digit")
plt.show()

# %%
# The decoder has been trained along: the fine-tuned autoencoder still reconstructs, and
# knows an odd picture when it sees one.

print(f"R² of the code before: {before.score(X_test):.3f}")
print(f"R² of the code after: {model.autoencoder_.score(X_test):.3f}")

noise = np.random.default_rng(0).uniform(size=(3, 64))
print(model.autoencoder_.predict(noise))
