"""The plain autoencoder: a drop-in for PCA and for IsolationForest."""

from numbers import Integral, Real

from . import _defaults
from ._base import BaseAutoencoder
from ._compat import Interval, StrOptions
from .detection import OutlierDetectionMixin
from .networks import ACTIVATIONS, DenseAutoencoder


class Autoencoder(OutlierDetectionMixin, BaseAutoencoder):
    r"""Autoencoder: dimensionality reduction, reconstruction and outlier detection.

    An encoder turns each row :math:`x` into a code :math:`z` of ``n_components``
    numbers, a decoder turns the code into a reconstruction :math:`\hat x`. Both are a
    linear path, which is PCA, plus a multilayer perceptron that starts at zero and
    learns what PCA leaves. Fitting minimises the squared error as a share of the
    variance of the training rows,

    .. math::
        L = \frac{\sum_i w_i \lVert x_i - \hat x_i \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2},

    [1]_, which for linear networks is PCA [2]_. If training does not improve on PCA on
    rows held out from it, the fitted model is PCA, and ``improved_on_pca_`` says so.

    Read more in the :ref:`User Guide <autoencoder>`.

    Parameters
    ----------
    n_components : int or float, default=0.9
        Number of components of the codes. A float in (0, 1) takes as many as PCA
        needs to explain this share of the variance.
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        Widths of the hidden layers of the encoder; the decoder's are the same,
        reversed. An int is one layer, an empty tuple none. "auto" is (64, 32) for fewer
        than 1000 distinct rows, (512, 256) for at least 10,000 distinct rows of more
        than 256 columns, else (256, 128).
    activation : {"elu", "gelu", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation function of the hidden layers.
    standardize : bool, default=False
        Whether errors and codes are measured in standard deviations of each column,
        so that all columns count alike. False measures them in the units of ``X``, as
        PCA does. Training copes with columns of any scale either way.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows at most; 0 gives PCA. "auto" amounts
        to about 1500 steps, 600 for fewer than 1000 distinct rows, and to between 40
        and 600 epochs. The learning rate falls to zero over them.
    batch_size : int or "auto", default="auto"
        Number of rows per step. "auto" is 256, or all rows if there are fewer.
    learning_rate : float or "auto", default="auto"
        Learning rate of the first step of AdamW. "auto" is 0.003, or 0.001 for fewer
        than 1000 distinct rows.
    weight_decay : float, default=0.0
        Decoupled weight decay of AdamW. It decays the network towards PCA.
    early_stopping : bool, default=True
        Whether to hold rows out, to keep the epoch that is best on them, and to stop
        when none has been for long. Fewer than 1000 distinct rows are cross-fitted:
        every row is held out once, and the final model is trained on all rows for as
        many epochs as were best on held-out rows. False trains on all rows for
        ``max_epochs``, better than PCA or not.
    validation_fraction : float, default=0.1
        Share of the distinct rows held out; with cross-fitting, of each fold, of which
        there are 2 to 20.
    n_iter_no_change : int, default=20
        Number of epochs without improvement on held-out rows after which training
        stops.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the network of the fit before, instead of from
        PCA.
    contamination : "auto" or float, default="auto"
        Sets the threshold of :meth:`predict`. "auto" calls at most 5 % of the held-out
        rows outliers, a false-alarm rate of about 5 % on new rows like them; with
        fewer than 20 rows, or where all scores tie, none. A float in (0, 0.5] calls
        that share of the training rows outliers, exactly unless scores tie.
    device : str, default="auto"
        Where to train: "auto" is "cuda" where torch finds a GPU, else "cpu". Also
        "cuda:1" and the like, and "mps".
    callbacks : list of skorch callbacks or None, default=None
        Called during training; copied before use.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the order of the rows, and which rows are held out.
        An int makes fits bit-identical. No global random state is touched.
    verbose : int, default=0
        Above 0, a progress bar over the epochs is drawn.

    Attributes
    ----------
    n_components_ : int
        Number of components of the codes.
    explained_variance_ : ndarray of shape (n_components,)
        Variance of each component of the training rows' codes, divided by n - 1 as
        PCA's. Components are uncorrelated and ordered by it.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        The same as shares of the total variance of the rows. Codes of a model better
        than PCA carry more than these shares of the rows' variance, or less: see
        ``score`` for what is kept.
    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.
    scale_ : ndarray of shape (n_features,) or None
        Standard deviation of each column; None with ``standardize=False``.
    improved_on_pca_ : bool or None
        Whether training improved on PCA. If False, the model is PCA, unless it went on
        from an earlier fit. None if no rows were held out.
    validation_r2_ : float or None
        R² of the model on held-out rows; None if there were none.
    pca_validation_r2_ : float or None
        R² of PCA on the same rows. PCA has seen them unless the fit was cross-fitted.
    history_ : dict of ndarray of shape (n_epochs,)
        "train_loss", the mean over the steps of each epoch, and, if rows were held
        out, "valid_loss" after it. Both are shares of the rows' variance: 1 minus the
        loss is R². Where models are cross-fitted, means over them.
    n_epochs_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights were kept; 0 stands for the start, which is PCA unless the
        fit went on from an earlier one.
    max_epochs_, batch_size_ : int
        What "auto" came to.
    offset_ : float
        Threshold: ``decision_function`` is ``score_samples`` minus ``offset_``.
    training_scores_ : ndarray of shape (n_held_out,)
        Outlier scores of the held-out rows by models that have not seen them, so that
        they compare with scores of new rows. All training rows, in their order, if
        the fit was cross-fitted; their own scores by the final model, if nothing was
        held out; those of the sample of the rows seen, after :meth:`partial_fit`.
    device_ : str
        The device used.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    n_features_in_ : int
        Number of columns seen in :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they were all strings.

    See Also
    --------
    sklearn.decomposition.PCA : The linear special case.
    sklearn.ensemble.IsolationForest : Outlier detection without codes.
    sklearn_ae.metrics.reconstruction_r2 : R² of this class and of PCA.

    Notes
    -----
    A model of fewer than 10 distinct rows is PCA: none can be held out to tell whether
    training improves on it.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality
       of data with neural networks. Science, 313, 504-507.
    .. [2] Baldi, P. and Hornik, K. (1989). Neural networks and principal component
       analysis: learning from examples without local minima. Neural Networks, 2,
       53-58.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_ae import Autoencoder
    >>> from sklearn_ae.metrics import reconstruction_r2
    >>> X, X_test = train_test_split(load_digits().data, random_state=0)
    >>> ae = Autoencoder(8, random_state=0).fit(X)
    >>> ae.transform(X_test).shape
    (450, 8)
    >>> bool(ae.score(X_test) > reconstruction_r2(PCA(8).fit(X), X_test))
    True
    >>> ae.predict(X_test[:3] * 10)
    array([-1, -1, -1])
    """

    def __init__(
        self,
        n_components=0.9,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        standardize=False,
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        weight_decay=0.0,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=20,
        warm_start=False,
        contamination="auto",
        device="auto",
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.standardize = standardize
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.contamination = contamination
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "contamination": [
            Interval(Real, 0, 0.5, closed="right"),
            StrOptions({"auto"}),
        ],
    }

    _structural = (
        *BaseAutoencoder._structural,
        "hidden_layer_sizes",
        "activation",
    )

    def _check_params(self):
        super()._check_params()
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, (str, Integral)):
            return
        if any(not isinstance(size, Integral) or size < 1 for size in sizes):
            raise ValueError(
                f"hidden_layer_sizes={sizes!r} must be 'auto' or hold positive "
                "integers, one per hidden layer of the encoder, such as (256, 128)."
            )

    def _make_network(self, *, n_models, n_features, n_components, n_distinct):
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, Integral):
            sizes = (sizes,)
        elif isinstance(sizes, str):
            sizes = _defaults.hidden_layer_sizes_for(n_distinct, n_features)
        return DenseAutoencoder(
            n_models=n_models,
            n_features=n_features,
            n_components=n_components,
            hidden_layer_sizes=tuple(int(size) for size in sizes),
            activation=self.activation,
        )
