"""From codes and residuals to outlier scores and thresholds."""

from ._explanation import Explanation, ExplanationMixin
from ._isotropic import IsotropicScorer
from ._likelihood import CodePrior, LikelihoodScorer, even_normals
from ._mixin import (
    OutlierDetectionMixin,
    fit_isotropic,
    fit_mahalanobis,
    fit_token_scorer,
)
from ._reconstruction import ReconstructionScorer
from ._scorer import MahalanobisScorer
from ._threshold import FALSE_ALARM_RATE, ThresholdMixin, threshold_of
from ._token import TokenScorer

__all__ = [
    "FALSE_ALARM_RATE",
    "CodePrior",
    "Explanation",
    "ExplanationMixin",
    "IsotropicScorer",
    "LikelihoodScorer",
    "MahalanobisScorer",
    "OutlierDetectionMixin",
    "ReconstructionScorer",
    "ThresholdMixin",
    "TokenScorer",
    "even_normals",
    "fit_isotropic",
    "fit_mahalanobis",
    "fit_token_scorer",
    "threshold_of",
]
