"""
Clusters of digits
==================

How many kinds of images are there, and which image is of which kind? Nobody says what
they are: :class:`~sklearn_ae.AutoencoderClustering` looks for groups among the codes of
an autoencoder, and then trains the codes until they form them.
"""

# %%
# Ten clusters
# ------------
#
# The labels of the digits are set aside. In the end they say how far each cluster is
# one digit.

import numpy as np
from sklearn.datasets import load_digits

from sklearn_ae import AutoencoderClustering

X, y = load_digits(return_X_y=True)
model = AutoencoderClustering(n_clusters=10, random_state=0).fit(X)
print(f"images in each cluster: {np.bincount(model.labels_)}")
print(f"epochs together:        {model.n_epochs_}")

# %%
# What a cluster looks like
# -------------------------
#
# In the first row is the mean of the images of each cluster, in the second what the
# decoder makes of its centre, and below them are the three images nearest to it.

import matplotlib.pyplot as plt

distances = model.transform(X)
means = [X[model.labels_ == cluster].mean(axis=0) for cluster in range(10)]
centers = model.autoencoder_.inverse_transform(model.cluster_centers_)
nearest = np.argsort(distances, axis=0)[:3]

figure, axes = plt.subplots(
    nrows=5,
    ncols=10,
    figsize=(8.5, 4.6),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
for row, images in zip(axes, [means, centers, *X[nearest]], strict=True):
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
axes[0, 0].set_ylabel("mean")
axes[1, 0].set_ylabel("centre")
axes[3, 0].set_ylabel("nearest")
plt.show()

# %%
# Against the labels
# ------------------
#
# Clusters have no names. Each is matched with one digit, such that as many images as
# possible are right. Beside ours is k-means, of the pixels and of PCA's codes.

from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline


def report(name, labels):
    """Print how far clusters are digits, and return the digit of each cluster."""
    counts = confusion_matrix(y, labels)
    digits, clusters = linear_sum_assignment(-counts)
    accuracy = counts[digits, clusters].sum() / len(y)
    nmi = normalized_mutual_info_score(y, labels)
    print(f"{name:<16} accuracy {accuracy:.3f}   NMI {nmi:.3f}")
    return digits[np.argsort(clusters)]


k_means = KMeans(10, n_init=10, random_state=0)
report("k-means", k_means.fit_predict(X))
report("k-means of PCA", make_pipeline(PCA(10), k_means).fit_predict(X))
digit_of = report("ours", model.labels_)

# %%
# Which are torn between two
# --------------------------
#
# ``predict_membership`` has each image's shares in all clusters. Here are those whose
# largest share is smallest, with the digits of the two clusters in question, and their
# label in brackets.

shares = model.predict_membership(X)
torn = np.argsort(shares.max(axis=1))[:10]
figure, axes = plt.subplots(
    ncols=10,
    figsize=(8.5, 1.4),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
for ax, index in zip(axes, torn, strict=True):
    second, first = digit_of[np.argsort(shares[index])[-2:]]
    ax.imshow(X[index].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    ax.set_title(f"{first} or {second} ({y[index]})", fontsize="small")
plt.show()
