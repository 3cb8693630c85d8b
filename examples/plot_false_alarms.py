"""
False-alarm control: p-values of outliers
=========================================

A score tells which of two rows is the odder one. It does not tell how odd a row has to
be before somebody should be called. A p-value does: of normal rows, at most one in
twenty has a p-value of 0.05 or less. This example turns scores of
:class:`~sklearn_ae.Autoencoder` into p-values, checks what they promise, and looks for
outliers among many rows without drowning in false alarms.
"""

# %%
# The data
# --------
#
# The breast cancer data hold 30 measurements of cell nuclei. Benign samples are the
# normal ones. The detector is fitted to 200 of them; the others, and the malignant
# samples, are new to it.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder

X, is_benign = load_breast_cancer(return_X_y=True)
benign, malignant = X[is_benign == 1], X[is_benign == 0]
fitting, new = train_test_split(benign, train_size=200, random_state=0)

scaler = StandardScaler().fit(fitting)
detector = Autoencoder(random_state=0).fit(scaler.transform(fitting))
print(detector.diagnose())

# %%
# P-values
# --------
#
# The p-value of a row is the share of calibration rows that are at least as odd, with
# the row itself among them. The calibration rows are those that ``fit`` held out:
# with 200 rows, each was held out once, from a model that was fitted to the others.

p_normal = detector.p_values(scaler.transform(new))
p_outlier = detector.p_values(scaler.transform(malignant))
print(f"Least p-value there can be: {1 / (len(detector.training_scores_) + 1):.4f}")
for rate in (0.02, 0.05, 0.1):
    alarms, found = np.mean(p_normal <= rate), np.mean(p_outlier <= rate)
    print(f"p <= {rate}: {alarms:.1%} of the benign, {found:.1%} of the malignant ones")

# %%
# P-values of normal rows are spread evenly between 0 and 1: the curve of their ranks
# lies near the diagonal. Those of outliers are crowded at the left.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for p, name in ((p_normal, "benign, new"), (p_outlier, "malignant")):
    ax.step(np.sort(p), np.arange(1, len(p) + 1) / len(p), where="post", label=name)
ax.plot([0, 1], [0, 1], ":", color="grey", label="even")
ax.set(xlabel="p-value", ylabel="share of rows with no larger one")
ax.legend()
plt.show()

# %%
# In a pipeline
# -------------
#
# ``predict`` takes the false-alarm rate directly, and a Pipeline passes it on.

from sklearn.pipeline import make_pipeline

pipeline = make_pipeline(StandardScaler(), Autoencoder(random_state=0)).fit(fitting)
labels = pipeline.predict(new, false_alarm_rate=0.02)
print(f"Benign rows called outliers: {np.mean(labels == -1):.1%}")

# %%
# Exactly
# -------
#
# The rows that ``fit`` held out also chose the epoch, and were scored by models of
# fewer rows than the final one. Where a false-alarm rate has to be kept to the letter,
# keep normal rows out of ``fit`` and give them as ``X_calibration``. Then a new normal
# row has a p-value of at most 0.05 with a chance of at most 0.05, whatever the model
# and the data. This holds on average over which rows are kept out: drawing them again
# shows both the mean and the spread.

alarms = []
for seed in range(200):
    calibration, asked = train_test_split(new, train_size=79, random_state=seed)
    p = detector.p_values(
        scaler.transform(asked), X_calibration=scaler.transform(calibration)
    )
    alarms.append(np.mean(p <= 0.05))
print(f"False alarms: {np.mean(alarms):.1%}, between {min(alarms):.1%} and ", end="")
print(f"{max(alarms):.1%} in single draws")

# %%
# Many rows at once
# -----------------
#
# At a rate of 5 % a thousand normal rows raise fifty alarms, and if outliers are few,
# most alarms are false. The procedure of Benjamini and Hochberg bounds the share of
# false ones among the alarms instead, and conformal p-values are fit for it (Bates et
# al., 2023).

from scipy.stats import false_discovery_control

rows = scaler.transform(np.vstack([new, malignant[:40]]))
is_outlier = np.repeat([False, True], [len(new), 40])
p = detector.p_values(rows)
for name, is_alarm in (
    ("p <= 0.05", p <= 0.05),
    ("Benjamini-Hochberg at 0.2", false_discovery_control(p) <= 0.2),
):
    false, found = np.sum(is_alarm & ~is_outlier), np.sum(is_alarm & is_outlier)
    print(f"{name}: {found} of 40 outliers found, {false} false alarms")
