"""Clusters of rows, found among their codes and then made by them."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from ._autoencoder import Autoencoder
from ._code_graph import start_clusters
from ._compat import Interval, StrOptions, fit_context
from ._distinct import check_differ, distinct_rows, rows_as_read
from ._inputs import as_indexable
from ._pretrained import codes_of, pretrained, with_network
from ._refinement import refine, refinement_recipe
from ._transaction import all_or_nothing
from .training import cpu_threads

# Components of the usual autoencoder's codes, at most.
COMPONENTS = 10


class AutoencoderClustering(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    r"""Clusters among the codes of an autoencoder, which then learns to form them.

    An autoencoder is fitted, or a fitted one taken. Walks of five steps along the graph
    of nearest neighbours among its codes say which rows start as one cluster: those
    from which they lead to the same rows [1]_ [2]_. From there codes and centres are
    trained together [3]_, and the reconstruction is kept, so that codes do not collapse
    [4]_:

    .. math::
        L = R + \gamma \frac1n \sum_i w_i \sum_j p_{ij} \log \frac{p_{ij}}{q_{ij}},
        \qquad
        q_{ij} \propto \Bigl(1 + \frac{\lVert z_i - \mu_j \rVert^2}{s^2}\Bigr)^{-1},
        \qquad
        p_{ij} \propto \frac{\bar q_{ij}^2}{\sum_l w_l \bar q_{lj}}

    with the loss :math:`R` of the autoencoder, codes :math:`z`, centres :math:`\mu`,
    their root mean square distance :math:`s` at the start, and the mean
    :math:`\bar q_i` of :math:`q` over row :math:`i` and its neighbours. The targets
    :math:`p` are set anew at the end of an epoch, once 140 steps have been taken: each
    row aims at what it and its neighbours are, more decidedly, and at small clusters
    before large ones.

    Read more in the :ref:`User Guide <clustering>`.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. "auto" takes the number, from 2 to 20, for which k-means of
        the codes has the largest mean silhouette.
    encoder : autoencoder of this package or None, default=None
        The autoencoder: of any class, for tables, images or sequences. An unfitted one
        is cloned and fitted to the rows; a fitted one is copied, and keeps what it
        knows: wrap it in :class:`~sklearn.frozen.FrozenEstimator` where clones have to
        keep it, too. None is ``Autoencoder(10)``, of fewer components where there are
        fewer columns. Where and how exactly to train is said by its parameters.
    n_neighbors : int, default=10
        Number of neighbours of each row. 0 starts from k-means of the codes, and
        each row is alone, as in [4]_.
    clustering_weight : float, default=1.0
        The weight :math:`\gamma`: what the clusters count beside the reconstruction.
    max_epochs : int or "auto", default="auto"
        Number of passes over the rows that train codes and centres together, at most;
        0 keeps the start. "auto" amounts to 2800 steps, and to at least 10 epochs.
    learning_rate : float, default=0.001
        Learning rate of the first step of these.
    tol : float, default=0.001
        Training ends when a smaller share of the rows changes its cluster between two
        settings of the targets.
    random_state : int, RandomState instance or None, default=None
        Seeds the fit, and the encoder's where that has no ``random_state`` of its own.
        An int makes fits reproducible.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row.
    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        Codes of the centres; ``autoencoder_.inverse_transform`` makes rows of them.
    n_clusters_ : int
        Number of clusters; less than ``n_clusters`` where fewer rows differ.
    autoencoder_ : autoencoder
        The autoencoder, with the network as it was trained in the end. Its ``history_``
        is of the fit before. No row was held out from training it together with the
        centres, so that what it has to say of such, as ``validation_r2_``, is None.
    n_epochs_ : int
        Number of epochs that codes and centres were trained together; 0 where the
        start was kept.
    history_ : dict of ndarray
        "train_loss", the mean over the steps of each epoch, and "changed", the share of
        the rows that changed their cluster, each time that the targets were set.
    n_features_in_ : int
        Number of columns seen in :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they were all strings.

    See Also
    --------
    sklearn.cluster.KMeans : Clusters of the rows as they are.
    sklearn.cluster.SpectralClustering : The start alone, of the rows; knows no new
        rows.

    References
    ----------
    .. [1] McConville, R., Santos-Rodríguez, R., Piechocki, R. J. and Craddock, I.
       (2021). N2D: (not too) deep clustering via clustering the local manifold of an
       autoencoded embedding. International Conference on Pattern Recognition,
       5145-5152.
    .. [2] Coifman, R. R. and Lafon, S. (2006). Diffusion maps. Applied and
       Computational Harmonic Analysis, 21, 5-30.
    .. [3] Xie, J., Girshick, R. and Farhadi, A. (2016). Unsupervised deep embedding for
       clustering analysis. International Conference on Machine Learning, 478-487.
    .. [4] Guo, X., Gao, L., Liu, X. and Yin, J. (2017). Improved deep embedded
       clustering with local structure preservation. International Joint Conference on
       Artificial Intelligence, 1753-1759.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from sklearn_ae import AutoencoderClustering
    >>> X, y = make_blobs(300, n_features=20, centers=4, random_state=0)
    >>> model = AutoencoderClustering(4, random_state=0).fit(X)
    >>> float(adjusted_rand_score(y, model.labels_))
    1.0
    >>> model.transform(X).shape
    (300, 4)
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
        learning_rate=0.001,
        tol=0.001,
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
        """Find clusters of rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The training rows, as the encoder takes them: images or sequences as well.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: a weight of two is a row given twice, a weight of
            zero a row left out. None weighs all rows alike.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If ``encoder`` is no autoencoder of this package.
        ValueError
            If a parameter or ``X`` is out of order, ``encoder`` was fitted to other
            columns or is to be fitted to patches of images, there are fewer rows than
            clusters, or no two rows differ, before any training; or if training
            diverges.
        """
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=3)
        split, fitting, refining = (int(seed) for seed in seeds)
        X = as_indexable(X)
        rows = rows_as_read(self, X)
        distinct = distinct_rows(X, rows, sample_weight, split)
        self._check_count(rows.shape[0])
        check_differ(distinct, type(self).__name__)
        encoder = pretrained(
            self,
            *distinct,
            usual=lambda: Autoencoder(min(COMPONENTS, rows.shape[1])),
            random_state=fitting,
        )
        self._find_clusters(encoder, *distinct, refining)
        self.labels_ = self.predict(X)
        return self

    def _check_count(self, n_rows):
        """Refuse more clusters than there are rows."""
        if self.n_clusters != "auto" and self.n_clusters > n_rows:
            raise ValueError(
                f"n_clusters={self.n_clusters!r} must be at most the number of rows of "
                f"X, n_samples={n_rows}. Lower n_clusters, or give more rows."
            )

    def _count_for(self, codes):
        """Return the number of clusters, or "auto", for codes of distinct rows."""
        if self.n_clusters == "auto":
            return "auto"
        n_distinct = len(np.unique(codes, axis=0))
        if n_distinct >= self.n_clusters:
            return self.n_clusters
        warnings.warn(
            f"n_clusters={self.n_clusters} is more than there are different rows, or "
            f"different codes of them, which are {n_distinct}: each is a cluster. "
            "Lower n_clusters, or give more rows that differ.",
            ConvergenceWarning,
            stacklevel=2,
        )
        return n_distinct

    def _find_clusters(self, encoder, X, weight, seed):
        """Set the fitted attributes, for distinct rows and a fitted encoder."""
        codes = codes_of(encoder, X).astype(np.float64)
        with threadpool_limits(1):  # sums would be split by threads, and differ
            start = start_clusters(
                codes, weight, self._count_for(codes), self.n_neighbors, seed
            )
        self.n_clusters_ = len(start.centers)
        self._length = start.length
        self.n_features_in_ = encoder.n_features_in_
        vars(self).pop("feature_names_in_", None)  # of a fit before
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        if self.max_epochs == 0 or not self._refine(encoder, X, weight, start, seed):
            self._keep(encoder, start.centers, [], [])

    def _refine(self, encoder, X, weight, start, seed):
        """Train codes and centres together; return whether no cluster was lost."""
        recipe = refinement_recipe(
            encoder,
            len(weight),
            max_epochs=self.max_epochs,
            learning_rate=self.learning_rate,
            seed=seed,
        )
        with cpu_threads(encoder._n_threads(recipe)):
            refined = refine(
                encoder,
                encoder._read(X),
                weight,
                start.labels,
                start.neighbors,
                recipe,
                share=self.clustering_weight,
                tol=self.tol,
            )
            trained = with_network(encoder, refined.network, recipe.settings)
        self._keep(trained, refined.centers, refined.losses, refined.changes)
        if not refined.has_collapsed and not self._has_empty(X):
            return True
        warnings.warn(
            "Training codes and centres together left a cluster without rows, and is "
            "undone: the clusters are those of the codes as they were. Lower "
            f"n_clusters={self.n_clusters_}, or clustering_weight="
            f"{self.clustering_weight}.",
            ConvergenceWarning,
            stacklevel=2,
        )
        return False

    def _keep(self, encoder, centers, losses, changes):
        """Set what was trained."""
        self.autoencoder_ = encoder
        self.cluster_centers_ = centers
        self.n_epochs_ = len(losses)
        self.history_ = {
            "train_loss": np.array(losses, dtype=float),
            "changed": np.array(changes, dtype=float),
        }

    def _has_empty(self, X):
        """Whether no row is nearest to some centre."""
        return len(np.unique(self.predict(X))) < self.n_clusters_

    # -- rows

    def encode(self, X):
        """Return the codes of rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            The codes among which the centres lie.
        """
        check_is_fitted(self)
        return codes_of(self.autoencoder_, X)

    def transform(self, X):
        """Return the distances of rows to the centres, as KMeans does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Between codes; float32 if ``X`` is, else float64.
        """
        return self._distances(X)

    def _distances(self, X):
        codes = self.encode(X)
        return cdist(codes, self.cluster_centers_).astype(codes.dtype, copy=False)

    def predict(self, X):
        """Return the cluster of each row: that of the nearest centre.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            From 0.
        """
        return self._distances(X).argmin(axis=1)

    def predict_membership(self, X):
        r"""Return the share of each row in each cluster, :math:`q` of the loss.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_clusters)
            Of sum 1; largest for the cluster of :meth:`predict`.
        """
        kernel = 1 / (1 + np.square(self._distances(X) / self._length))
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
