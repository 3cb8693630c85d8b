"""Sequences of tokens: each has a vector, and each step answers with probabilities."""

from typing import ClassVar, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ._output import Output
from ._resampled import as_rows
from ._sequential import SequenceDecoder, SequenceEncoder

# Numbers that are answered at once where nothing is learned: a vocabulary is wide.
ANSWERS = 2**23


class TokenStart(NamedTuple):
    """Where a token network starts, one per model; ``M`` is the model axis.

    Attributes
    ----------
    encoder : tensor of shape (M, n_features, n_components)
        Zeros, whose shape counts.
    log_share : tensor of shape (n_tokens,)
        Logarithm of each token's share of the training tokens.
    """

    encoder: torch.Tensor
    log_share: torch.Tensor


class TokenAutoencoder(nn.Module):
    r"""An autoencoder of token numbers, without a linear path.

    A row is a sequence's token numbers, then anything where there are no steps left,
    and in the last column the number of steps. Each token has a vector; a sequence of
    vectors is encoded and decoded as one of numbers, and the decoder's answers at a
    step are the logarithms of the tokens' probabilities there, up to a constant. Before
    the first step of training they are the tokens' shares.

    Parameters
    ----------
    n_models, n_features, n_components : int
        ``n_features`` is one more than the steps of the longest sequence.
    n_tokens : int
    branches : dict
        As of the kind "sequential", of as many channels as the cell is wide.
    """

    is_anchored = False
    weighs_rows = False
    is_penalised = False
    noise_width = 0
    rate_shares: ClassVar = {}

    def __init__(self, *, n_models, n_features, n_components, n_tokens, branches):
        super().__init__()
        self.arguments = {
            "n_models": n_models,
            "n_features": n_features,
            "n_components": n_components,
            "n_tokens": n_tokens,
            "branches": dict(branches),
        }
        self.n_models, self.n_features = n_models, n_features
        self.n_components, self.n_tokens = n_components, n_tokens
        cell, n_places = dict(branches["cell"]), branches["n_places"]
        width = cell["width"]
        shared = (
            cell,
            n_places,
            tuple(branches["hidden_layer_sizes"]),
            branches["activation"],
        )
        self.vectors = nn.Parameter(torch.zeros(n_models, n_tokens, width))
        self.encoder = SequenceEncoder(n_models, width, *shared, n_components)
        self.decoder = SequenceDecoder(
            n_models, n_components, n_tokens, *shared, n_features - 1, 1
        )
        identity = torch.eye(n_components).expand(n_models, -1, -1)
        self.register_buffer("spread", torch.ones(n_models, 1, n_components))
        self.register_buffer("code_center", torch.zeros(n_models, 1, n_components))
        self.register_buffer("code_map", identity.clone())
        self.register_buffer("code_unmap", identity.clone())

    def initialise(self, seeds):
        """Draw all weights from private generators, one seed per model."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        with torch.no_grad():
            for vectors, generator in zip(self.vectors, generators, strict=True):
                draw = torch.empty(vectors.shape, dtype=torch.float32)
                vectors.copy_(draw.normal_(generator=generator))
        self.encoder.initialise(generators)
        self.encoder.head.output.initialise(generators, 0.7)
        self.decoder.initialise(generators)

    @torch.no_grad()
    def set_anchor(self, start):
        """Take over a :class:`TokenStart`."""
        self.decoder.output.bias.copy_(start.log_share)

    def settle(self, start):
        """Leave what was learned as it is."""

    def copy_linear_path(self, other):
        """Leave what was learned as it is."""

    @torch.no_grad()
    def map_code(self, center, code_map, code_unmap):
        """Show codes as ``(raw - center) @ code_map``; ``code_unmap`` inverts it.

        **Shape**: ``(M, k)``, ``(M, k, k)``, ``(M, k, k)``.
        """
        self.code_center.copy_(center.unsqueeze(1))
        self.code_map.copy_(code_map)
        self.code_unmap.copy_(code_unmap)

    def code_axes(self, unit):
        """Return the axes of raw codes themselves, for the signs of codes.

        Parameters
        ----------
        unit : tensor of shape (n_columns,)
            Not used: tokens have none.
        """
        return torch.eye(self.n_components).to(self.code_map)

    # -- rows to codes and back

    def lengths_of(self, x):
        """Return the numbers of steps of rows, of shape ``(M, n)`` or ``(n,)``."""
        # Blocks may be filled up with rows of zeros.
        return x[..., -1].round().long().clamp(min=1)

    def encode_raw(self, x):
        """Return raw codes of shape ``(M, n, k)``."""
        return self._in_parts(x, lambda part: (self._encode(part),))[0]

    def encode(self, x):
        """Return codes of shape ``(M, n, k)``, as the user sees them."""
        return torch.matmul(self.encode_raw(x) - self.code_center, self.code_map)

    def decode(self, code, lengths=None):
        """Return rows of the likeliest tokens, from codes and lengths."""
        raw = torch.matmul(code, self.code_unmap) + self.code_center
        tokens = self._logits(raw, lengths).argmax(dim=-1)
        return as_rows(tokens.to(raw).unsqueeze(-1), lengths)

    def forward(self, x, noise=None):
        """Encode and decode rows of shape ``(n, n_features)`` or with the model axis.

        While nothing is learned the reconstruction has the likeliest tokens; in
        training nobody asks, and it is the rows.
        """
        return Output(*self._in_parts(x, self._answer))

    def observe(self, output, target, row_weight):
        """Learn from a batch what is not learned by gradients; here, nothing."""

    def _in_parts(self, x, function):
        """Return what a function answers to rows, some at a time in inference."""
        size = max(1, ANSWERS // (self.n_tokens * self.n_features * self.n_models))
        if torch.is_grad_enabled() or x.shape[-2] <= size:
            return function(x)
        parts = [function(part) for part in x.split(size, dim=-2)]
        return tuple(
            None if pieces[0] is None else torch.cat(pieces, dim=1)
            for pieces in zip(*parts, strict=True)
        )

    def _encode(self, x):
        lengths = self.lengths_of(x)
        tokens = self._tokens(x, int(lengths.max()))
        steps = [
            functional.embedding(tokens[m] if tokens.dim() == 3 else tokens, vectors)
            for m, vectors in enumerate(self.vectors)
        ]
        return self.encoder(torch.stack(steps).flatten(-2), lengths)

    def _tokens(self, x, n_steps):
        # What lies beyond the end is no token.
        last = self.n_tokens - 1
        return x[..., :n_steps].round().long().clamp(min=0, max=last)

    def _logits(self, raw, lengths):
        answers = self.decoder(raw, lengths)
        return answers.unflatten(-1, (-1, self.n_tokens))

    def _answer(self, x):
        raw, lengths = self._encode(x), self.lengths_of(x)
        logits = self._logits(raw, lengths)
        tokens = self._tokens(x, logits.shape[-2]).expand(logits.shape[:-1])
        chosen = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        likelihood = (chosen - torch.logsumexp(logits, dim=-1)) * _inside(x, chosen)
        missing = x.shape[-1] - 1 - likelihood.shape[-1]
        likelihood = functional.pad(likelihood, (0, missing))
        if torch.is_grad_enabled():
            return x, raw, None, None, None, None, likelihood
        best = functional.pad(logits.argmax(dim=-1).to(x), (0, missing))
        rows = as_rows(best.unsqueeze(-1), lengths)
        return rows, raw, None, None, None, None, likelihood


def _inside(x, steps):
    """Return which steps lie within their sequence."""
    index = torch.arange(steps.shape[-1], device=x.device)
    return index < x[..., -1:].round()
