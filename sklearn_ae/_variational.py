"""The variational autoencoder: codes with a distribution, and rows to sample."""

from numbers import Integral, Real

from ._compat import Interval, StrOptions
from ._dense import BaseDenseAutoencoder
from ._density import DensityMixin


class VariationalAutoencoder(DensityMixin, BaseDenseAutoencoder):
    r"""Variational autoencoder: log-likelihoods, samples, and codes near a normal law.

    The encoder gives each row :math:`x` a normal distribution
    :math:`q(z \mid x) = N(\mu(x), \operatorname{diag} \sigma^2(x))` of codes, the
    decoder gives each code a distribution of rows, and the codes' prior is
    :math:`N(0, I)`. Fitting maximises the evidence lower bound,

    .. math::
        \sum_i w_i \left( \mathrm{E}_{q(z \mid x_i)} \log p(x_i \mid z)
        - \beta\, \mathrm{KL}(q(z \mid x_i) \,\Vert\, N(0, I)) \right),

    [1]_, with :math:`\beta` of [2]_. It starts at probabilistic PCA [3]_, for which
    the bound is exact: untrained, :meth:`score` is PCA's (with normal noise). Training
    can only raise the bound on held-out rows; if it does not, the model stays what it
    was. Columns of few distinct values have densities without limit: add uniform noise
    of one measuring step before comparing likelihoods.

    Read more in the :ref:`User Guide <variational>`.

    Parameters
    ----------
    standardize : bool, default=True
        Whether columns are standardised for the start and for the unit of densities.
        With False both are in the units of ``X``, as PCA's are.
    hidden_layer_sizes : "auto", int or tuple of int, default="auto"
        Widths of the hidden layers of the encoder; the decoder's are the same,
        reversed. An int is one layer, an empty tuple none. "auto" is (64,) for fewer
        than 1000 distinct rows, else (128,).
    beta : float, default=1.0
        Weight of the divergence from the prior. Above 1, codes are simpler and
        reconstructions coarser.
    likelihood : {"gaussian", "bernoulli"}, default="gaussian"
        Distribution of a cell given the code: normal of a learned variance, or, for
        data between 0 and 1, that of a coin.
    noise : {"heteroscedastic", "per_feature", "shared"}, default="heteroscedastic"
        The variance of the normal noise: one for each column, which the code raises or
        lowers; one for each column; or that of PCA times one factor.
    prior : {"mixture", "normal"}, default="mixture"
        Where codes lie in samples and likelihoods, once the model is trained: "mixture"
        fits up to eight normal distributions to the training rows' codes, where these
        describe held-out rows' codes better than the standard normal one does [4]_.
    kl_warmup : int, default=0
        Epochs over which the divergence rises to its full weight. From PCA the codes
        are in use from the start, so that none are needed.
    free_bits : float, default=0.0
        Nats that each component of a row's code may hold without a penalty.
    n_importance_samples : int, default=64
        Codes drawn for each row in :meth:`score_samples`.

    See Also
    --------
    Autoencoder : Reconstructs better; has no density and no samples.
    sklearn.decomposition.PCA : Its ``score`` is this class's, untrained.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes.
       International Conference on Learning Representations.
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a
       constrained variational framework. International Conference on Learning
       Representations.
    .. [3] Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component
       analysis. Journal of the Royal Statistical Society B, 61, 611-622.
    .. [4] Ghosh, P., Sajjadi, M. S. M., Vergari, A., Black, M. and Schölkopf, B.
       (2020). From variational to deterministic autoencoders. International Conference
       on Learning Representations.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import VariationalAutoencoder
    >>> X = load_iris().data
    >>> vae = VariationalAutoencoder(2, random_state=0).fit(X)
    >>> vae.sample(3).shape
    (3, 4)
    >>> vae.score_samples(X).shape
    (150,)
    """

    standardize = True
    beta: float = 1.0
    likelihood: str = "gaussian"
    noise: str = "heteroscedastic"
    prior: str = "mixture"
    kl_warmup: int = 0
    free_bits: float = 0.0
    n_importance_samples: int = 64

    _parameter_constraints = {
        **BaseDenseAutoencoder._parameter_constraints,
        "beta": [Interval(Real, 0, None, closed="neither")],
        "likelihood": [StrOptions({"gaussian", "bernoulli"})],
        "noise": [StrOptions({"heteroscedastic", "per_feature", "shared"})],
        "prior": [StrOptions({"mixture", "normal"})],
        "kl_warmup": [Interval(Integral, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
    }

    _structural = (*BaseDenseAutoencoder._structural, "likelihood", "noise")
