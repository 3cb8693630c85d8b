"""Pictures of fitted estimators; they need matplotlib, the ``plot`` extra."""

from ._code import CodeDisplay
from ._explanation import ExplanationDisplay
from ._explanation_map import ExplanationMapDisplay
from ._outlier_score import OutlierScoreDisplay
from ._rate_distortion import RateDistortionDisplay
from ._reconstruction import ReconstructionDisplay
from ._series_score import SeriesScoreDisplay
from ._training_curve import TrainingCurveDisplay

__all__ = [
    "CodeDisplay",
    "ExplanationDisplay",
    "ExplanationMapDisplay",
    "OutlierScoreDisplay",
    "RateDistortionDisplay",
    "ReconstructionDisplay",
    "SeriesScoreDisplay",
    "TrainingCurveDisplay",
]
