"""From codes and residuals to outlier scores and thresholds."""

from ._likelihood import CodePrior, LikelihoodScorer, even_normals
from ._mixin import OutlierDetectionMixin
from ._scorer import MahalanobisScorer
from ._threshold import FALSE_ALARM_RATE, threshold_at_most, threshold_nearest

__all__ = [
    "FALSE_ALARM_RATE",
    "CodePrior",
    "LikelihoodScorer",
    "MahalanobisScorer",
    "OutlierDetectionMixin",
    "even_normals",
    "threshold_at_most",
    "threshold_nearest",
]
