"""
What fitting did
================

Training starts at PCA and keeps what improves on it. How far it came, and whether it
came anywhere, is in a few attributes and one picture.
"""

# %%
# A table with something to find
# ------------------------------
#
# Pictures of digits do not lie near a plane. Part of the rows is held out of the
# training, and after each epoch the network is judged on them. The orange curve is that
# judgement; the dashed line is PCA with as many components, on the same rows; the mark
# is the epoch whose weights were kept.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_ae import Autoencoder
from sklearn_ae.plotting import TrainingCurveDisplay

digits = load_digits().data
autoencoder = Autoencoder(n_components=8, random_state=0).fit(digits)
TrainingCurveDisplay.from_estimator(autoencoder)
plt.show()

# %%
# The same in numbers. Training stopped because no epoch was better for
# ``n_iter_no_change`` epochs. That the blue curve goes on rising is no reason to go on:
# from there on the network learns its training rows by heart.

print(f"epochs run:         {autoencoder.n_epochs_} of {autoencoder.max_epochs_}")
print(f"epoch kept:         {autoencoder.best_epoch_}")
print(f"R² of PCA:          {autoencoder.pca_validation_r2_:.3f}")
print(f"R² of the result:   {autoencoder.validation_r2_:.3f}")
print(f"better than PCA:    {autoencoder.improved_on_pca_}")

# %%
# A table with nothing to find
# ----------------------------
#
# Here every eighth row of the diabetes data is a study with few patients, and the other
# rows are the patients to come. Few rows seldom show a curve that new rows also follow.
# Where no epoch is better than PCA beyond doubt, the result *is* PCA: the mark stands
# at epoch zero.

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

X = StandardScaler().fit_transform(load_diabetes().data)
study, to_come = X[::8], np.delete(X, np.s_[::8], axis=0)

small = Autoencoder(n_components=4, random_state=0).fit(study)
TrainingCurveDisplay.from_estimator(small)
plt.show()

print(f"rows:            {len(study)}")
print(f"better than PCA: {small.improved_on_pca_}")

# %%
# And it is PCA to the last digits, not only nearly.

from sklearn.decomposition import PCA

pca = PCA(n_components=4).fit(study)
rebuilt = pca.inverse_transform(pca.transform(to_come))
difference = np.abs(small.reconstruct(to_come) - rebuilt).max()
print(f"largest difference between the reconstructions: {difference:.0e}")

# %%
# Without held-out rows
# ---------------------
#
# With ``early_stopping=False`` the network is trained on all rows for ``max_epochs``.
# There is then only one curve, and it looks like success. The patients to come tell
# another story.

unguarded = Autoencoder(
    n_components=4, early_stopping=False, max_epochs=200, random_state=0
)
TrainingCurveDisplay.from_estimator(unguarded.fit(study))
plt.show()

print(f"R² on its own rows:     {unguarded.score(study):.3f}")
print(f"R² on the rows to come: {unguarded.score(to_come):.3f}")
print(f"R² of PCA on them:      {small.score(to_come):.3f}")
