"""From codes and residuals to outlier scores and thresholds."""

from ._mixin import OutlierDetectionMixin
from ._scorer import MahalanobisScorer
from ._threshold import FALSE_ALARM_RATE, threshold_at_most, threshold_nearest

__all__ = [
    "FALSE_ALARM_RATE",
    "MahalanobisScorer",
    "OutlierDetectionMixin",
    "threshold_at_most",
    "threshold_nearest",
]
