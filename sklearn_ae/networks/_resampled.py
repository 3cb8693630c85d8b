"""Sequences of several lengths: a linear path of one length, and masks."""

import torch

from ._anchored import AnchoredAutoencoder
from ._steps import inside, steps_at


class ResampledAutoencoder(AnchoredAutoencoder):
    r"""An anchored autoencoder of sequences of any lengths.

    A row is a sequence's numbers, step by step and channel by channel, then anything
    where there are no steps left, and in the last column the number of steps. The
    linear path reads sequences resampled to ``n_steps``, by linear interpolation from
    the first step to the last, and resamples what it decodes to their own length. The
    branches read the steps themselves. Beyond a sequence's end all answers are zero,
    and so are the rows' errors if the targets are.

    Parameters
    ----------
    n_channels : int
    **arguments
        As of :class:`AnchoredAutoencoder`, with a plain bottleneck and no likelihood;
        ``n_features`` is ``n_steps`` times the number of channels.
    """

    def __init__(self, *, n_channels, **arguments):
        super().__init__(**arguments)
        self.arguments["n_channels"] = n_channels
        self.n_channels = n_channels
        self.n_steps = self.n_features // n_channels

    def lengths_of(self, x):
        """Return the numbers of steps of rows, of shape ``(M, n)`` or ``(n,)``."""
        # Blocks may be filled up with rows of zeros.
        return x[..., -1].round().long().clamp(min=1)

    def steps_of(self, x):
        """Return the steps, of shape ``(..., n, n_steps, n_channels)``, and lengths."""
        lengths = self.lengths_of(x)
        steps = x[..., :-1].unflatten(-1, (-1, self.n_channels))
        most = int(lengths.max())
        return masked(steps[..., :most, :], lengths), lengths

    def encode_linear(self, x):
        """Return what the linear path alone makes codes of."""
        steps, lengths = self.steps_of(x)
        return self.linear_encoder(resampled(steps, lengths, self.n_steps).flatten(-2))

    def decode_linear(self, raw, lengths=None):
        """Return what the linear path alone decodes, as rows."""
        return as_rows(self._linear_steps(raw, lengths), lengths)

    def forward(self, x, noise=None):
        """Encode and decode rows, of whatever width."""
        return self._as_wide_as(x, super().forward(x, noise))

    def linear(self, x, noise=None):
        """Return what the linear path alone makes of the rows, as at the start."""
        return self._as_wide_as(x, super().linear(x, noise))

    def _as_wide_as(self, x, output):
        rows = widened(output.reconstruction, x.shape[-1])
        return output._replace(reconstruction=rows)

    def pre_code(self, x):
        """Return raw codes, and None for what comes beside them."""
        steps, lengths = self.steps_of(x)
        grid = resampled(steps, lengths, self.n_steps)
        answer = self.encoder_branch(self.clip(steps).flatten(-2), lengths)
        linear = self.linear_encoder(grid.flatten(-2))
        return torch.addcmul(linear, self.spread, answer), None

    def decode_parts(self, raw, lengths=None):
        """Return decoded rows of the given lengths, and None beside them."""
        answer = self.decoder_branch(self.clip(raw * self.inverse_spread), lengths)
        answer = answer.unflatten(-1, (-1, self.n_channels))
        return as_rows(self._linear_steps(raw, lengths) + answer, lengths), None

    def _linear_steps(self, raw, lengths):
        grid = self.linear_decoder(raw).unflatten(-1, (-1, self.n_channels))
        return stretched(grid, lengths, int(lengths.max()))


def widened(rows, width):
    """Return rows of a width, with zeros before the last column."""
    missing = width - rows.shape[-1]
    if not missing:
        return rows
    zeros = rows.new_zeros(*rows.shape[:-1], missing)
    return torch.cat([rows[..., :-1], zeros, rows[..., -1:]], dim=-1)


def masked(steps, lengths):
    """Return steps, zero beyond the end of their sequence."""
    # What lies there may be no number.
    return torch.where(inside(steps, lengths).bool(), steps, 0.0)


def as_rows(steps, lengths):
    """Return rows of steps, zero beyond the end, with the lengths behind them."""
    steps = masked(steps, lengths).flatten(-2)
    lengths = lengths.expand(steps.shape[:-1]).to(steps)
    return torch.cat([steps, lengths.unsqueeze(-1)], dim=-1)


def resampled(steps, lengths, n_steps):
    """Interpolate each sequence at ``n_steps`` places from its first step to its last.

    **Shape**: ``(..., n, t, c)`` and ``(..., n)`` to ``(..., n, n_steps, c)``.
    """
    share = torch.linspace(0, 1, n_steps, dtype=steps.dtype, device=steps.device)
    return interpolated(steps, share * (lengths.unsqueeze(-1) - 1), lengths)


def stretched(grid, lengths, n_steps):
    """Interpolate a grid at the steps of sequences of the given lengths.

    **Shape**: ``(..., n, g, c)`` and ``(..., n)`` to ``(..., n, n_steps, c)``.
    """
    size = grid.shape[-2]
    index = torch.arange(n_steps, dtype=grid.dtype, device=grid.device)
    last = (lengths.unsqueeze(-1) - 1).clamp(min=1)
    places = (index / last).clamp(max=1) * (size - 1)
    return interpolated(grid, places, torch.full_like(lengths, size))


def interpolated(values, places, lengths):
    """Interpolate linearly between values, at places counted in values.

    **Shape**: ``(..., n, t, c)``, ``(..., n, p)`` and ``(..., n)`` to
    ``(..., n, p, c)``.
    """
    last = (lengths.unsqueeze(-1) - 1).to(places)
    low = torch.minimum(places.floor(), (last - 1).clamp(min=0))
    share = (places - low).unsqueeze(-1)
    low = low.long()
    high = torch.minimum(low + 1, last.long())
    return torch.lerp(steps_at(values, low), steps_at(values, high), share)
