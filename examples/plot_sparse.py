"""
Rows as sums of few atoms
=========================

:class:`~sklearn_ae.SparseAutoencoder` has many units, of which few are active in any
row. What a unit stands for can be looked at: each has an atom, and a row is rebuilt as
the sum of the atoms of its active units. This example looks at the atoms of digits, and
selects columns of a table by what the units know of them.
"""

# %%
# A dictionary
# ------------
#
# Each row is a picture of 8 by 8 pixels. There are 128 units, twice as many as pixels,
# and 8 of them at most describe each digit. The decoder is linear: a reconstruction is
# the mean digit plus ``codes @ components_``. Training is cut to 100 epochs to be done
# soon; the default gains a little more.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_ae import SparseAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)

sparse = SparseAutoencoder(n_active=8, max_epochs=100, random_state=0).fit(X_train)
codes = sparse.transform(X_test)

print(f"units:             {sparse.n_components_}")
print(f"active in a row:   {np.count_nonzero(codes, axis=1).mean():.1f}")
print(f"never active:      {sparse.n_dead_}")

# %%
# PCA describes each digit by the same eight components, and these must serve all
# digits; the sparse code chooses eight for each digit anew. The comparison is not quite
# even: which eight were chosen is information, too.

from sklearn.decomposition import PCA

from sklearn_ae.metrics import reconstruction_r2

pca = PCA(n_components=8).fit(X_train)
print(f"R² of PCA, 8 components:      {reconstruction_r2(pca, X_test):.3f}")
print(f"R² of 8 active units per row: {sparse.score(X_test):.3f}")

# %%
# A digit in its parts
# --------------------
#
# Below are three digits from the rows set aside: the picture, its reconstruction, and
# the atoms that it is the sum of, from the most active on. Each is multiplied by its
# code: red adds to the mean picture, blue takes from it.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    nrows=3,
    ncols=10,
    figsize=(11, 3.6),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
for row, (picture, code) in enumerate(zip(X_test[:3], codes[:3], strict=True)):
    rebuilt = sparse.inverse_transform(code[np.newaxis])[0]
    for ax, image in zip(axes[row], (picture, rebuilt), strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    for ax, unit in zip(axes[row, 2:], np.argsort(-code)[:8], strict=True):
        part = code[unit] * sparse.components_[unit]
        ax.imshow(part.reshape(8, 8), cmap="RdBu_r", vmin=-6, vmax=6)
        ax.set_title(f"unit {unit}", fontsize="small")
axes[0, 0].set_title("digit", fontsize="small")
axes[0, 1].set_title("rebuilt", fontsize="small")
plt.show()

# %%
# An atom is a difference from the mean picture and seldom a stroke. What a unit stands
# for is easier to see in the rows that activate it most. Here are the eight units that
# are active in the most rows, and for each the four digits, of those set aside, with
# its largest codes.

figure, axes = plt.subplots(
    nrows=5,
    ncols=8,
    figsize=(9, 5.6),
    subplot_kw={"xticks": [], "yticks": []},
    layout="constrained",
)
often = np.argsort(-sparse.activation_frequency_)[:8]
for column, unit in zip(axes.T, often, strict=True):
    share = sparse.activation_frequency_[unit]
    column[0].set_title(f"unit {unit}: {share:.0%}", fontsize="small")
    atom = sparse.components_[unit]
    most = np.abs(atom).max()
    column[0].imshow(atom.reshape(8, 8), cmap="RdBu_r", vmin=-most, vmax=most)
    for ax, row in zip(column[1:], np.argsort(-codes[:, unit]), strict=False):
        ax.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
axes[0, 0].set_ylabel("atom")
axes[1, 0].set_ylabel("most active")
plt.show()

# %%
# Columns worth keeping
# ---------------------
#
# ``feature_importances_`` says how much the units know of each column from the others.
# Here the wine data get company: beside each of the 13 measurements stands a copy of
# it whose rows have been shuffled. It has the same values, and nothing to do with any
# other column.

from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

wine = load_wine()
shuffled = np.random.default_rng(0).permuted(wine.data, axis=0)
X = np.hstack([wine.data, shuffled])
X_train, X_test, y_train, y_test = train_test_split(
    X, wine.target, test_size=0.4, stratify=wine.target, random_state=0
)

# %%
# As with other estimators that have importances,
# :class:`~sklearn.feature_selection.SelectFromModel` keeps the columns above a
# threshold, by default the mean. No labels are used for that; the classifier at the end
# of the pipeline uses them.

from sklearn.feature_selection import SelectFromModel
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

selection = SelectFromModel(SparseAutoencoder(random_state=0))
model = make_pipeline(StandardScaler(), selection, KNeighborsClassifier())
model.fit(X_train, y_train)

kept = selection.get_support()
print(f"kept: {kept[:13].sum()} of 13 measurements, {kept[13:].sum()} of 13 copies")

plain = make_pipeline(StandardScaler(), KNeighborsClassifier())
print(f"accuracy, selected columns: {model.score(X_test, y_test):.3f}")
for name, n_columns in (("all 26 columns", 26), ("13 measurements", 13)):
    plain.fit(X_train[:, :n_columns], y_train)
    print(f"accuracy, {name}: {plain.score(X_test[:, :n_columns], y_test):.3f}")

# %%
# The copies are told from the measurements. Whether that helps a classifier is another
# question: it depends on the classifier, and a column may be independent of all others
# and yet say much about the labels. Such a column is dropped here. Select by
# importances of this kind where there are no labels; where there are, use them.

importances = selection.estimator_.feature_importances_
figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
position = np.arange(13)
ax.barh(position - 0.2, importances[:13], 0.4, label="measured")
ax.barh(position + 0.2, importances[13:], 0.4, label="shuffled copy")
ax.axvline(selection.threshold_, color="0.4", linestyle="--", label="threshold")
ax.set(yticks=position, yticklabels=wine.feature_names, xlabel="importance")
ax.invert_yaxis()
ax.legend()
plt.show()
