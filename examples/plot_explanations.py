"""
Why a sample is an outlier
==========================

A score says that a row is odd, and not why. ``explain`` gives each column its share of
the score, with the value seen and the value that rows like it would have had in its
place. This example takes a sample of the breast cancer data apart, column by column,
and then a group of them.
"""

# %%
# The data
# --------
#
# The breast cancer data hold 30 measurements of cell nuclei: of ten features the mean
# over the nuclei of a sample, its standard error, and its worst value. Here the benign
# samples are the normal ones, and two thirds of them are all that the detector sees.
# As a data frame, columns have names, and explanations have them too.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_ae import Autoencoder

X, is_benign = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_new = train_test_split(X[is_benign == 1], test_size=1 / 3, random_state=0)

detector = Autoencoder(standardize=True, random_state=0).fit(X_train)

# %%
# A value that is wrong
# ---------------------
#
# First an error whose place is known: in a sample that is none of the training ones the
# decimal point of one value has slipped.

row = X_new.iloc[[0]].copy()
print(f"Label of the sample: {detector.predict(row)[0]}")
row["mean smoothness"] *= 10
print(f"Label with a decimal point moved: {detector.predict(row)[0]}")

explanation = detector.explain(row)
explanation.top(3)

# %%
# The column has the largest share, and ``expected`` is what one would put in its place:
# the mean of the training samples that are most like this one in all other columns. As
# everywhere in the explanation it is in the units of the table. The truth was:

print(f"Value before: {X_new['mean smoothness'].iloc[0]:.4f}")
print(f"Value expected: {explanation.expected['mean smoothness'].iloc[0]:.4f}")

# %%
# Shares sum to minus the score, which is what makes them shares: no part of the score
# is left without a column.

print(f"Sum of the shares: {explanation.shares.to_numpy().sum():.6f}")
print(f"Score: {detector.score_samples(row)[0]:.6f}")

# %%
# A sample that is malignant
# --------------------------
#
# Nobody knows the columns that make a malignant sample odd, but the detector can be
# asked. :class:`~sklearn_ae.plotting.ExplanationDisplay` draws the largest shares. Each
# label has the value seen and, in brackets, the value expected of a benign sample like
# it. A share below zero speaks for the sample: next to an odd column another, that goes
# together with it, may be just as it should be.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import ExplanationDisplay

malignant = X[is_benign == 0]
ExplanationDisplay.from_estimator(detector, malignant.iloc[[1]], n_columns=8)
plt.show()

# %%
# Many of them
# ------------
#
# Of many samples at once one asks which columns come up again and again.
# :class:`~sklearn_ae.plotting.ExplanationMapDisplay` shows the columns with the largest
# mean shares, each row in parts of its own score.

from sklearn_ae.plotting import ExplanationMapDisplay

samples = malignant.iloc[:40]
explanation = detector.explain(samples)
ExplanationMapDisplay.from_explanation(explanation, n_columns=12)
plt.show()

# %%
# A table says the same in numbers: how often a column is the first.

explanation.top(1)["column"].value_counts().head(5)

# %%
# What shares are not
# -------------------
#
# They are parts of the *score*. The detector has not been told what malignant means: it
# knows what is usual among benign samples and how columns go together. Samples that are
# unlike all training rows have no row that is like them in all but a few columns, and
# what is expected then is only what comes nearest: how far the expected row is from the
# row itself, in standard deviations, tells such cases.

apart = (explanation.seen - explanation.expected) / X_train.std()
print("Columns farther off than three standard deviations, of each sample:")
print(np.sort((apart.abs() > 3).sum(axis=1).to_numpy()))
