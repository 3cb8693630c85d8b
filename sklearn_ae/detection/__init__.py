"""From codes and residuals to outlier scores and thresholds."""

from ._conformal import TIE, calibration_weight
from ._covariance import FullCovariance, LowRankCovariance
from ._distances import References
from ._explanation import Explanation, ExplanationMixin
from ._fits import fit_isotropic, fit_mahalanobis, fit_neighbors, fit_token_scorer
from ._isotropic import IsotropicScorer
from ._likelihood import CodePrior, LikelihoodScorer, even_normals
from ._mixin import OutlierDetectionMixin
from ._neighbors import NeighborScorer
from ._readings import own_sample
from ._reconstruction import ReconstructionScorer
from ._scorer import MahalanobisScorer, weighted_quantile
from ._threshold import FALSE_ALARM_RATE, ThresholdMixin, threshold_of
from ._token import TokenScorer

__all__ = [
    "FALSE_ALARM_RATE",
    "TIE",
    "CodePrior",
    "Explanation",
    "ExplanationMixin",
    "FullCovariance",
    "IsotropicScorer",
    "LikelihoodScorer",
    "LowRankCovariance",
    "MahalanobisScorer",
    "NeighborScorer",
    "OutlierDetectionMixin",
    "ReconstructionScorer",
    "References",
    "ThresholdMixin",
    "TokenScorer",
    "calibration_weight",
    "even_normals",
    "fit_isotropic",
    "fit_mahalanobis",
    "fit_neighbors",
    "fit_token_scorer",
    "own_sample",
    "threshold_of",
    "weighted_quantile",
]
