"""Clusters of rows, found among their codes."""

import warnings
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    clone,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._autoencoder import Autoencoder
from ._code_graph import code_graph, count_clusters, graph_labels, k_means
from ._compat import Interval, StrOptions, fit_context
from ._distinct import distinct_rows
from ._pretrained import pretrained, unwrapped
from ._refinement import adopt, refine, refinement_recipe
from ._transaction import all_or_nothing

# Components of the usual autoencoder's codes, at most.
COMPONENTS = 10


class AutoencoderClustering(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    r"""Clusters among the codes of an autoencoder, which then learns to form them.

    Read more in the :ref:`User Guide <clustering>`.
    """

    _parameter_constraints = {
        "n_clusters": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "encoder": "no_validation",  # it would name a class that nobody knows
        "n_neighbors": [Interval(Integral, 0, None, closed="left")],
        "clustering_weight": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        encoder=None,
        n_neighbors=10,
        clustering_weight=1.0,
        max_epochs="auto",
        learning_rate=1e-3,
        tol=1e-3,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.encoder = encoder
        self.n_neighbors = n_neighbors
        self.clustering_weight = clustering_weight
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.tol = tol
        self.random_state = random_state

    # -- fit

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Find clusters of rows."""
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=3)
        split, fitting, refining = (int(seed) for seed in seeds)
        rows = self._read(X)
        distinct = distinct_rows(X, rows, sample_weight, split)
        self._check_counts(len(distinct.weight))
        encoder = pretrained(
            self,
            *distinct,
            usual=lambda: self._usual(rows.shape[1]),
            random_state=fitting,
        )
        del rows
        self._find_clusters(encoder, *distinct, refining)
        self.labels_ = self.predict(X)
        return self

    def _usual(self, n_features):
        """Return the autoencoder that None stands for."""
        return Autoencoder(min(COMPONENTS, n_features))

    def _read(self, X):
        """Return ``X`` as checked rows, as the encoder reads them."""
        encoder = unwrapped(self)
        if encoder is not None and encoder.__sklearn_is_fitted__():
            return encoder._read(X)
        reader = Autoencoder() if encoder is None else clone(encoder)
        return reader._layout.read(reader, X, reset=True, min_rows=2)

    def _check_counts(self, n_distinct):
        """Refuse more clusters than there are distinct rows."""
        if self.n_clusters != "auto" and self.n_clusters > n_distinct:
            raise ValueError(
                f"n_clusters={self.n_clusters!r} must be at most the number of distinct "
                f"rows of X, which is {n_distinct}. Lower n_clusters, or give more rows."
            )

    def _find_clusters(self, encoder, X, weight, seed):
        """Set the fitted attributes, for distinct rows and a fitted encoder."""
        codes = encoder.transform(X).astype(np.float64)
        neighbors = np.empty((len(codes), 0), dtype=np.intp)
        graph = None
        if self.n_neighbors:
            graph = code_graph(codes, weight, self.n_neighbors)
            neighbors = graph.neighbors
        n_clusters = self.n_clusters
        if n_clusters == "auto":
            n_clusters = count_clusters(codes, weight, seed)
        if graph is None:
            labels = k_means(codes, weight, n_clusters, seed).labels_
        else:
            labels = graph_labels(graph, weight, n_clusters, seed)
        self.n_clusters_ = n_clusters
        self.start_labels_ = labels
        recipe = refinement_recipe(self, encoder, len(weight), seed)
        refined = refine(
            encoder,
            encoder._read(X),
            weight,
            labels,
            neighbors,
            recipe,
            share=self.clustering_weight,
            tol=self.tol,
        )
        adopt(encoder, refined, recipe)
        self.autoencoder_ = encoder
        self.cluster_centers_ = refined.centers
        self._length = refined.length
        self.n_features_in_ = encoder.n_features_in_
        self.n_epochs_ = len(refined.losses)
        self.history_ = {"train_loss": refined.losses, "changed": refined.changes}

    # -- rows

    def encode(self, X):
        """Return codes."""
        check_is_fitted(self)
        return self.autoencoder_.transform(X)

    def transform(self, X):
        codes = self.encode(X)
        return cdist(codes, self.cluster_centers_).astype(codes.dtype, copy=False)

    def predict(self, X):
        return self.transform(X).argmin(axis=1)

    def predict_proba(self, X):
        kernel = 1 / (1 + np.square(self.transform(X) / self._length))
        return kernel / kernel.sum(axis=1, keepdims=True)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "cluster_centers_")

    @property
    def _n_features_out(self):
        return self.n_clusters_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
