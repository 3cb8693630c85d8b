"""
A search whose fits train together
==================================

Which learning rate, and how long a code? A grid search answers by fitting every
combination to every fold, and those fits are much alike.
:class:`~sklearn_ae.model_selection.BatchedGridSearchCV` trains them as one stack of
networks, and is otherwise :class:`~sklearn.model_selection.GridSearchCV`.
"""

# %%
# The pipeline
# ------------
#
# Pictures of digits, scaled to [0, 1], and an autoencoder behind the scaler. Its
# network is small and so are its batches: that is where most of a step is overhead,
# which a stack pays once. The number of epochs is given, and nothing is held out inside
# a fit, since the search holds out folds of its own.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import Autoencoder

X_train, X_test = train_test_split(load_digits().data, random_state=0)
model = make_pipeline(
    MinMaxScaler(),
    Autoencoder(
        hidden_layer_sizes=(64,),
        batch_size=64,
        max_epochs=20,
        early_stopping=False,
        random_state=0,
    ),
)

# %%
# The search
# ----------
#
# Five learning rates, four sizes of the code and three folds are sixty fits. Fits of
# one shape form a stack, so that each size of the code has its own. The scaler is
# fitted once for each fold. The score is that of the pipeline: R² on rows left out.

from sklearn_ae.model_selection import BatchedGridSearchCV

rates = [0.001, 0.003, 0.01, 0.03, 0.1]
sizes = [2, 4, 8, 16]
search = BatchedGridSearchCV(
    model,
    {"autoencoder__n_components": sizes, "autoencoder__learning_rate": rates},
    cv=3,
).fit(X_train)

# %%
# What it found
# -------------
#
# ``cv_results_`` has one score for each combination, the last parameter by name
# changing fastest.

import matplotlib.pyplot as plt

scores = search.cv_results_["mean_test_score"].reshape(len(rates), len(sizes))

figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
image = ax.imshow(scores, vmin=0, vmax=1)
for i, row in enumerate(scores):
    for j, score in enumerate(row):
        colour = "black" if score > 0.6 else "white"
        ax.text(j, i, f"{score:.2f}", ha="center", va="center", color=colour)
ax.set(xlabel="size of the code", ylabel="learning rate")
ax.set_xticks(range(len(sizes)), sizes)
ax.set_yticks(range(len(rates)), rates)
figure.colorbar(image, label="R² on rows left out")
plt.show()

# %%
# Read down a column: too small a rate has not arrived after twenty epochs, and too
# large a one does harm, the more so the longer the code.

for size, column in zip(sizes, scores.T, strict=True):
    print(f"code of {size:>2}: learning rate {rates[column.argmax()]}")

# %%
# Along a row R² rises with the size of the code wherever training went well, as it does
# with the components of PCA. A search for R² alone therefore tends to the longest code
# that it is offered, and how long a code should be is a question for what it is used
# for: see :ref:`sphx_glr_auto_examples_plot_pca_drop_in.py`.
#
# The best pipeline has been fitted to all training rows, as usual.

print(search.best_params_)
print(f"R² on the rows set aside: {search.score(X_test):.3f}")
