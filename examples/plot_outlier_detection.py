"""
OutlierAutoencoder in the place of IsolationForest
==================================================

:class:`~sklearn_ae.OutlierAutoencoder` has the methods of
:class:`~sklearn.ensemble.IsolationForest`: ``score_samples``, ``decision_function`` and
``predict``. This example compares the two where they are about as good, where one of
them sees nothing, and where the rows of the fit are not all normal.
"""

# %%
# The data
# --------
#
# The breast cancer data hold 30 measurements of cell nuclei. Here the benign samples
# are the normal ones. The detectors are fitted to 60 % of them and asked about the
# rest, and about the malignant samples, none of which they have seen. Neither needs
# the columns scaled.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import train_test_split

from sklearn_ae import OutlierAutoencoder

X, is_benign = load_breast_cancer(return_X_y=True)
benign, malignant = X[is_benign == 1], X[is_benign == 0]
X_train, X_new = train_test_split(benign, test_size=0.4, random_state=0)

forest = IsolationForest(random_state=0).fit(X_train)
autoencoder = OutlierAutoencoder(random_state=0).fit(X_train)
detectors = {"IsolationForest": forest, "OutlierAutoencoder": autoencoder}

# %%
# Rows that are far out
# ---------------------
#
# Both score rows such that the lower, the more abnormal. The area under the ROC curve
# asks only about the order of the scores: it is the probability that a malignant sample
# is scored lower than a benign one.

from sklearn.metrics import roc_auc_score


def compare(models, normal, odd):
    """Print how well models tell odd rows from normal ones."""
    rows, is_normal = (
        np.vstack([normal, odd]),
        np.repeat([1, 0], [len(normal), len(odd)]),
    )
    for name, model in models.items():
        auroc = roc_auc_score(is_normal, model.score_samples(rows))
        print(f"AUROC of {name}: {auroc:.3f}")


compare(detectors, X_new, malignant)

# %%
# They are about equally good, the forest a little better, for this is an easy task: in
# malignant samples many columns are far out, each for itself. No network is needed to
# see that.
#
# Rows that do not go together
# ----------------------------
#
# Now the odd rows are benign samples in which one column is that of another benign
# sample. Each value is an ordinary one; what is odd is only that a nucleus of this
# radius has that perimeter.

rng = np.random.default_rng(0)
mixed_up = np.repeat(X_new, 5, axis=0)
column = rng.integers(X.shape[1], size=len(mixed_up))
donor = rng.integers(len(X_new), size=len(mixed_up))
mixed_up[np.arange(len(mixed_up)), column] = X_new[donor, column]

by_bulk = OutlierAutoencoder(outlier_score="mahalanobis", random_state=0).fit(X_train)
compare({**detectors, 'outlier_score="mahalanobis"': by_bulk}, X_new, mixed_up)

# %%
# The forest cuts one column at a time, and is at chance. The autoencoder scores a row
# twice: by the distance from the nearest training rows, and by that of what the network
# makes of it, its code and what the code leaves over. In the second, rows stand out
# whose columns do not go together. Many of these exchanges change next to nothing, so
# that nobody could find them all.
#
# Where such rows are all one looks for, the distances of rows as they are have nothing
# to add but chance, and ``outlier_score="mahalanobis"``, which is about code and error
# alone, finds more. Which column it is says ``explain``: see
# :ref:`sphx_glr_auto_examples_plot_explanations.py`.
#
# The threshold
# -------------
#
# To call a row an outlier takes a threshold, ``offset_``. The autoencoder's default,
# ``contamination="auto"``, is set on scores of held-out rows, such that about 5 % of
# new normal rows fall below it, or fewer. The forest's is -0.5 on any data; how many
# false alarms that means, the data decide.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import OutlierScoreDisplay

X_test = np.vstack([X_new, malignant])
y_test = np.repeat([1, -1], [len(X_new), len(malignant)])  # as predict labels them

figure, axes = plt.subplots(ncols=2, figsize=(11, 4), layout="constrained")
for ax, (name, model) in zip(axes, detectors.items(), strict=True):
    OutlierScoreDisplay.from_estimator(model, X_test, y_test, ax=ax)
    ax.set_title(name)
plt.show()

for name, model in detectors.items():
    alarms, found = (np.mean(model.predict(rows) == -1) for rows in (X_new, malignant))
    print(f"{name}: {alarms:.0%} false alarms, {found:.0%} of the malignant found")

# %%
# More false alarms and more finds are two sides of one thing, where a threshold is. The
# areas above compare the scores; where to put the threshold is for you to say.
#
# Outliers among the training rows
# --------------------------------
#
# Now a tenth of the training rows are malignant, and nobody has said which.
# By default rows that lie far from most others make no row look usual. ``trim=0`` takes
# all rows for usual. ``trim=0.1`` fits a second time without the worst tenth, so that
# the network does not learn from them either.

n_outliers = len(X_train) // 9
X_mixed = np.vstack([X_train, malignant[:n_outliers]])
y_mixed = np.repeat([1, -1], [len(X_train), n_outliers])

trims = {f"{trim=}": OutlierAutoencoder(trim=trim, random_state=0) for trim in (0, 0.1)}
models = {
    "IsolationForest": IsolationForest(random_state=0),
    "OutlierAutoencoder": OutlierAutoencoder(random_state=0),
    **{f"the same with {name}": model for name, model in trims.items()},
}
compare(
    {name: model.fit(X_mixed) for name, model in models.items()},
    X_new,
    malignant[n_outliers:],
)

# %%
# All have lost by it, and most with ``trim=0``. ``trim=0.1`` brings back a part of what
# was lost, but known outliers are best kept out of ``fit``.
#
# With ``contamination=0.1`` a tenth of the training rows are called outliers, whatever
# they are:

detector = OutlierAutoencoder(contamination=0.1, random_state=0)
labels = detector.fit_predict(X_mixed)
print(f"Training rows below the threshold: {np.mean(labels == -1):.0%}")
print(f"Share of the malignant ones found: {np.mean(labels[y_mixed == -1] == -1):.0%}")

# %%
# The user guide says more on which score and which threshold to take:
# :ref:`detection`. Many tables and many detectors are in the benchmarks, in
# ``adbench``.
