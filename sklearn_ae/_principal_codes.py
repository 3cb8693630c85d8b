"""Codes shown as PCA shows its own: uncorrelated, ordered, with their variances."""

from ._anchor import code_variances
from ._fitting import arrange_as_principal
from ._principal import count_rows, unbiased
from .training import first, share_kept


class PrincipalCodesMixin:
    """What PCA says of its codes, of the codes of an autoencoder.

    Attributes
    ----------
    explained_variance_ : ndarray of shape (n_components,)
        Variance of each component of the training rows' codes, divided by n - 1 as
        PCA's. Components are uncorrelated and ordered by it.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        The same as shares of the total variance of the rows. Codes of a model better
        than PCA carry more than these shares of the rows' variance, or less: see
        ``score`` for what is kept.
    """

    _arrange_codes = staticmethod(arrange_as_principal)

    def _describe_codes(self, fitted):
        _, covariance = fitted.code_moments
        total = self._layout.total_variance(self, fitted)
        variances = code_variances(fitted.network, covariance)
        if total is None:
            total = variances.sum()
        self.explained_variance_ratio_ = variances / (total or 1.0)
        self.explained_variance_ = variances * unbiased(count_rows(fitted.weight))


class ComparedWithPCAMixin:
    """What held-out rows say of a model and of PCA.

    Attributes
    ----------
    improved_on_pca_ : bool or None
        Whether training improved on PCA. If False, the model is PCA, unless it went on
        from an earlier fit. None if no rows were held out.
    validation_r2_ : float or None
        R² of the model on held-out rows; None if there were none.
    pca_validation_r2_ : float or None
        R² of PCA on the same rows. PCA has seen them unless the fit was cross-fitted.
    """

    def _describe_training(self, training):
        self.improved_on_pca_ = first(training.improved)
        self.validation_r2_ = share_kept(training.kept_loss)
        self.pca_validation_r2_ = share_kept(training.start_loss)
