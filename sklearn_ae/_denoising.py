"""The denoising autoencoder: clean rows from corrupted ones."""

from numbers import Real

from ._compat import Interval, StrOptions
from ._denoiser import denoising_anchor
from ._denoising_mixin import DenoisingMixin
from ._dense import BaseDenseAutoencoder
from ._principal_codes import PrincipalCodesMixin
from .training import KINDS


class DenoisingAutoencoder(DenoisingMixin, PrincipalCodesMixin, BaseDenseAutoencoder):
    r"""Denoising autoencoder: clean rows from corrupted ones, and robust codes.

    In training the encoder reads corrupted rows :math:`\tilde x` and the decoder must
    answer the clean ones,

    .. math::
        L = \frac{\sum_i w_i\, \mathrm{E} \lVert x_i - \hat x(\tilde x_i) \rVert^2}
                 {\sum_i w_i \lVert x_i - \bar x \rVert^2},

    [1]_, with the expectation over the corruption, drawn afresh at every step. It
    starts at the best linear denoiser, which is known in closed form [2]_, and leaves
    it only for something better on held-out rows. ``reconstruct(X_noisy)`` denoises.

    Read more in the :ref:`User Guide <denoising>`.

    Parameters
    ----------
    n_components : "auto", int or float, default="auto"
        Number of components of the codes. The corruption keeps codes from copying
        rows: they need not be few, and may exceed the columns. "auto" is the number of
        columns, at most 128. A float in (0, 1) takes as many as PCA needs to explain
        this share of the variance of the clean rows.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows at most; 0 does not train. "auto"
        amounts to about 3000 steps, 1000 for fewer than 1000 distinct rows, and to
        between 40 and 1000 epochs. The learning rate falls to zero over them.
    corruption : str, default="swap"
        What is done to the rows that the encoder reads in training, and in
        :meth:`score`. "gaussian" adds normal noise; the others change cells drawn at
        random: "masking" to the column's mean, "salt_and_pepper" to its least or
        largest value, "swap" to its value in another row. "step_masking", of sequences,
        puts all channels of a step to their means together.
    corruption_rate : "auto", float or array-like of shape (n_features,), default="auto"
        Share of the cells that are changed in training; one for all columns or one for
        each. "auto" takes, of half, once and twice the ``evaluation_rate``, what
        denoises held-out rows best in a short fit. Not used by "gaussian".
    noise_scale : "auto", float or array-like of shape (n_features,), default="auto"
        Standard deviation of the noise of "gaussian" in training, in standard
        deviations of each column; "auto" as above.

    See Also
    --------
    Autoencoder : Reconstructs clean rows better.
    sklearn.decomposition.KernelPCA : Denoises too, with one kernel for all rows.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A.
       (2010). Stacked denoising autoencoders. Journal of Machine Learning Research,
       11, 3371-3408.
    .. [2] Chen, M., Xu, Z., Weinberger, K. and Sha, F. (2012). Marginalized denoising
       autoencoders for domain adaptation. International Conference on Machine Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import DenoisingAutoencoder
    >>> X = load_digits().data
    >>> denoiser = DenoisingAutoencoder(random_state=0).fit(X[:1500])
    >>> X_noisy = denoiser.corrupt(X[1500:])
    >>> error = ((denoiser.reconstruct(X_noisy) - X[1500:]) ** 2).mean()
    >>> bool(error < 0.7 * ((X_noisy - X[1500:]) ** 2).mean())
    True
    """

    n_components = "auto"
    corruption = "swap"
    corruption_rate = "auto"
    noise_scale = "auto"

    _parameter_constraints = {
        **BaseDenseAutoencoder._parameter_constraints,
        **DenoisingMixin._parameter_constraints,
        "corruption": [StrOptions(set(KINDS))],
        "corruption_rate": [
            Interval(Real, 0, 1, closed="both"),
            "array-like",
            StrOptions({"auto"}),
        ],
        "noise_scale": [
            Interval(Real, 0, None, closed="left"),
            "array-like",
            StrOptions({"auto"}),
        ],
    }

    _make_anchor = staticmethod(denoising_anchor)
    _trains_in_stacks = True
