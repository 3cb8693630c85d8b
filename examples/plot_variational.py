"""
A density to draw rows from
===========================

:class:`~sklearn_ae.VariationalAutoencoder` is a model of how likely rows are. It gives
the log-likelihood of a row, as :class:`~sklearn.decomposition.PCA` does, and draws new
rows, which look as the training rows do if the model is right.
"""

# %%
# Pixels as real numbers
# ----------------------
#
# A pixel of the digits is one of the whole numbers from 0 to 16. Of such data a density
# means little: a narrow peak on each number makes it as large as one likes. Uniform
# noise of one step turns the counts into real numbers, whose mean log-likelihood cannot
# exceed that of the counts.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X = load_digits().data
X = X + np.random.default_rng(0).uniform(size=X.shape)
X_train, X_test = train_test_split(X, random_state=0)

# %%
# The log-likelihood
# ------------------
#
# ``PCA.score`` is the mean log-likelihood of rows under probabilistic PCA: a normal
# distribution along the components, and equal noise in all other directions. The
# variational autoencoder starts at this very model, and without training it is this
# model. Pixels share one unit, so ``standardize=False`` leaves it as it is, and both
# likelihoods are in nats per row of pixels.

from sklearn.decomposition import PCA

from sklearn_ae import VariationalAutoencoder

pca = PCA(n_components=16).fit(X_train)
settings = {"n_components": 16, "standardize": False, "random_state": 0}
untrained = VariationalAutoencoder(**settings, max_epochs=0).fit(X_train)
vae = VariationalAutoencoder(**settings).fit(X_train)

print("mean log-likelihood of rows set aside, in nats")
for name, model in (("PCA", pca), ("untrained", untrained), ("trained", vae)):
    print(f"{name:>10}: {model.score(X_test):7.1f}")

# %%
# Samples
# -------
#
# To draw a row, a code is drawn from the prior, and a row from the distribution that
# the decoder gives it. After training the prior is fitted to the codes: a few normal
# distributions instead of one, if codes of held-out rows are better described so. The
# samples of PCA are those of the untrained model: sixteen fixed pictures in random
# shares, and noise. Of the trained model's samples many can be read, and some cannot.

import matplotlib.pyplot as plt

pictures = {
    "real": X_test[:12],
    "VAE": vae.sample(12, random_state=0),
    "PCA": untrained.sample(12, random_state=0),
}
figure, axes = plt.subplots(
    nrows=3,
    ncols=12,
    figsize=(11, 3),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
for row, (name, rows) in zip(axes, pictures.items(), strict=True):
    row[0].set_ylabel(name)
    for ax, picture in zip(row, rows, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=17)
plt.show()

print(f"normal distributions in the prior: {vae.n_prior_normals_}")

# %%
# What the components hold
# ------------------------
#
# ``kl_`` is the information in each component of the codes, in nats. A component that
# the model has no use for falls towards zero; ``n_active_`` counts those above 0.01.
# With a larger ``beta`` information is dearer, and a few components hold nearly all.

frugal = VariationalAutoencoder(**settings, beta=4).fit(X_train)
for model in (vae, frugal):
    print(
        f"beta = {model.beta:g}: {model.n_active_} of 16 components in use, "
        f"{model.kl_.sum():.1f} nats, score {model.score(X_test):.1f}"
    )

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for model, shift in ((vae, -0.2), (frugal, 0.2)):
    ax.bar(np.arange(16) + shift, model.kl_, 0.4, label=f"beta = {model.beta:g}")
ax.set(xlabel="component", ylabel="information, in nats", xticks=range(16))
ax.legend()
plt.show()

# %%
# Rows that are unlikely
# ----------------------
#
# ``score_samples`` is the log-likelihood row by row, and ``predict`` calls rows
# outliers that are less likely than 95 % of the held-out ones. Here the model is fitted
# to benign samples of the breast cancer data and meets new ones, and malignant ones.
# The columns have many units: the default ``standardize=True`` counts densities per
# standard deviation.

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

X, is_benign = load_breast_cancer(return_X_y=True)
benign, new = train_test_split(X[is_benign == 1], test_size=0.4, random_state=0)
malignant = X[is_benign == 0]

detector = VariationalAutoencoder(random_state=0).fit(benign)
forest = IsolationForest(random_state=0).fit(benign)
is_outlier = np.repeat([0, 1], [len(new), len(malignant)])
for model in (forest, detector):
    scores = model.score_samples(np.vstack([new, malignant]))
    auroc = roc_auc_score(is_outlier, -scores)
    print(f"AUROC of {type(model).__name__:<22}: {auroc:.3f}")
for name, rows in (("new benign", new), ("malignant", malignant)):
    print(f"{name:>10}: {np.mean(detector.predict(rows) == -1):3.0%} called outliers")

# %%
# Reconstruction
# --------------
#
# The codes are noisy on purpose, and the model minds what is unlikely rather than what
# is large. To compress rows and to rebuild them, take
# :class:`~sklearn_ae.Autoencoder`, which is trained for that.

from sklearn_ae import Autoencoder
from sklearn_ae.metrics import reconstruction_r2

autoencoder = Autoencoder(n_components=16, random_state=0).fit(X_train)
for model in (pca, vae, autoencoder):
    print(f"R² of {type(model).__name__:<22}: {reconstruction_r2(model, X_test):.3f}")
