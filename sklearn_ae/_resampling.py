"""Sequences of several lengths, resampled to one: where their networks start."""

from ._anchor import Metric
from ._principal import Covariance, Rows
from .networks import resampled


def on_grid(problem, n_channels):
    """Return a problem whose rows are resampled to the longest sequence's length."""
    source = ResampledRows(problem.source, n_channels)
    unit = problem.metric.unit[: source.n_features]
    varies = problem.metric.varies[:n_channels].repeat(source.n_steps)
    metric = Metric(unit, varies.to(unit), problem.metric.code_unit)
    return problem._replace(
        source=source, metric=metric, grid_shape=(source.n_steps, 1, n_channels)
    )


class ResampledRows:
    """The rows of a source, resampled to one length.

    Parameters
    ----------
    source : RowSource
    n_channels : int
    """

    def __init__(self, source, n_channels):
        self.source, self.n_channels = source, n_channels
        self.n_rows, self.n_features = source.n_rows, source.n_features - 1
        self.n_steps = self.n_features // n_channels

    def take(self, index):
        """Return the rows at ``index``."""
        rows = self.source.take(index)
        steps = rows[..., :-1].unflatten(-1, (-1, self.n_channels))
        lengths = rows[..., -1].round().long()
        return resampled(steps, lengths, self.n_steps).flatten(-2)


def variance_on_grid(source, weight, unit, n_channels):
    """Return the total variance of resampled rows, in their metric.

    Parameters
    ----------
    source : RowSource
    weight : tensor of shape (n,)
    unit : tensor of shape (n_features,)
    n_channels : int
    """
    source = ResampledRows(source, n_channels)
    rows = Rows(source, weight, unit[: source.n_features])
    return Covariance(rows, rows.mean()).total
