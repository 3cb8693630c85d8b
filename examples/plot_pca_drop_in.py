"""
Autoencoder in the place of PCA
===============================

:class:`~sklearn_ae.Autoencoder` is used as :class:`~sklearn.decomposition.PCA` is: in
a pipeline, in a grid search, to compress and to rebuild. Here both compress pictures of
digits.
"""

# %%
# The data
# --------
#
# Each row is a picture of 8 by 8 pixels. A quarter of the rows is set aside; everything
# below is measured on those.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# The same number of components
# -----------------------------
#
# Training starts at PCA, and only what improves the reconstruction of rows held out
# from ``X_train`` is kept. :func:`~sklearn_ae.metrics.reconstruction_r2` is the share
# of the variance that a reconstruction keeps, for PCA and the autoencoder alike.

from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder
from sklearn_ae.metrics import reconstruction_r2

pca = PCA(n_components=8).fit(X_train)
autoencoder = Autoencoder(n_components=8, random_state=0).fit(X_train)

print(f"R² of PCA:         {reconstruction_r2(pca, X_test):.3f}")
print(f"R² of Autoencoder: {reconstruction_r2(autoencoder, X_test):.3f}")

# %%
# The difference can be seen. From eight numbers PCA rebuilds a blur of several digits,
# as a sum of eight fixed pictures must be; the autoencoder's pictures are sharper.

import matplotlib.pyplot as plt

from sklearn_ae.plotting import ReconstructionDisplay

ReconstructionDisplay.from_estimators(
    {"PCA": pca, "Autoencoder": autoencoder}, X_test, image_shape=(8, 8)
)
plt.show()

# %%
# A map of the digits
# -------------------
#
# With two components the codes can be drawn. Neither of the two has seen the labels.

from sklearn_ae.plotting import CodeDisplay

figure, axes = plt.subplots(ncols=2, figsize=(11, 4.5), layout="constrained")
for ax, model in zip(axes, [PCA(2), Autoencoder(2, random_state=0)], strict=True):
    CodeDisplay.from_estimator(model.fit(X_train), X_test, y_test, ax=ax)
    ax.set_title(f"{type(model).__name__}: R² {reconstruction_r2(model, X_test):.2f}")
axes[0].get_legend().remove()  # the other one serves both
plt.show()

# %%
# In a pipeline, in a grid search
# -------------------------------
#
# The codes are features for a classifier. How many there should be is a question for
# :class:`~sklearn.model_selection.GridSearchCV`, which can also ask whether PCA would
# have done: a step of a pipeline is a parameter like any other.

from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

model = Pipeline([("reduce", PCA()), ("classify", KNeighborsClassifier())])
search = GridSearchCV(
    model,
    {
        "reduce": [PCA(), Autoencoder(random_state=0)],
        "reduce__n_components": [2, 4, 8],
    },
).fit(X_train, y_train)

for params, accuracy in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    name = type(params["reduce"]).__name__
    print(f"{name:>11}, k = {params['reduce__n_components']}: {accuracy:.3f}")

# %%
# The fewer the components, the more the autoencoder has the advantage. With many of
# them PCA keeps nearly everything that there is to keep, and is fitted in no time.

print(f"Accuracy on the rows set aside: {search.score(X_test, y_test):.3f}")
