"""
Autoencoder in the place of IsolationForest
===========================================

A row that a model of the others cannot describe is an outlier.
:class:`~sklearn_ae.Autoencoder` has the methods of
:class:`~sklearn.ensemble.IsolationForest`: ``score_samples``, ``decision_function``
and ``predict``. This example compares the two, and shows what ``contamination`` does.
"""

# %%
# The data
# --------
#
# The breast cancer data hold 30 measurements of cell nuclei. Here the benign samples
# are the normal ones. The detectors are fitted to 60 % of them and asked about the
# rest, and about the malignant samples, none of which they have seen.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

X, is_benign = load_breast_cancer(return_X_y=True)
benign, malignant = X[is_benign == 1], X[is_benign == 0]
X_train, X_new = train_test_split(benign, test_size=0.4, random_state=0)

X_test = np.vstack([X_new, malignant])
y_test = np.repeat([1, -1], [len(X_new), len(malignant)])  # as predict labels them

# %%
# Scores
# ------
#
# Both detectors score rows such that the lower, the more abnormal. The area under the
# ROC curve asks only about the order of the scores: it is the probability that a
# malignant sample is scored lower than a benign one.

from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder

forest = IsolationForest(random_state=0).fit(X_train)
autoencoder = make_pipeline(StandardScaler(), Autoencoder(random_state=0))
autoencoder.fit(X_train)

for name, model in (("IsolationForest", forest), ("Autoencoder", autoencoder)):
    auroc = roc_auc_score(y_test, model.score_samples(X_test))
    print(f"AUROC of {name}: {auroc:.3f}")

# %%
# The threshold
# -------------
#
# To call a row an outlier takes a threshold, ``offset_``. The autoencoder's default,
# ``contamination="auto"``, is set on scores of held-out rows, such that about 5 % of
# new normal rows fall below it. The forest's is -0.5 on any data; how many false
# alarms that means, the data decide.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import OutlierScoreDisplay

figure, axes = plt.subplots(ncols=2, figsize=(11, 4), layout="constrained")
OutlierScoreDisplay.from_estimator(forest, X_test, y_test, ax=axes[0])
axes[0].set_title("IsolationForest")
OutlierScoreDisplay.from_estimator(autoencoder, X_test, y_test, ax=axes[1])
axes[1].set_title("Autoencoder")
plt.show()

# %%
# Outliers among the training rows
# --------------------------------
#
# If one knows that a tenth of the training rows are outliers, but not which ones, then
# ``contamination=0.1`` puts the threshold such that a tenth of them fall below it.

n_outliers = len(X_train) // 9
X_mixed = np.vstack([X_train, malignant[:n_outliers]])
y_mixed = np.repeat([1, -1], [len(X_train), n_outliers])

detector = make_pipeline(
    StandardScaler(), Autoencoder(contamination=0.1, random_state=0)
)
labels = detector.fit(X_mixed).predict(X_mixed)
found = np.mean(labels[y_mixed == -1] == -1)
print(f"Training rows below the threshold: {np.mean(labels == -1):.0%}")
print(f"Share of the malignant ones found: {found:.0%}")

# %%
# Outliers among the training rows cost more than a shifted threshold: the model learns
# to describe them, too, and the order of the scores suffers. Known outliers are best
# kept out of ``fit``.

rest = np.vstack([X_new, malignant[n_outliers:]])
y_rest = np.repeat([1, -1], [len(X_new), len(malignant) - n_outliers])
for name, model in (("benign rows only", autoencoder), ("mixed rows", detector)):
    auroc = roc_auc_score(y_rest, model.score_samples(rest))
    print(f"AUROC on new rows, fitted to {name}: {auroc:.3f}")
