"""Sequences of tokens: each has a vector, and each step answers with probabilities.

A code is cut into as many parts as there are blocks of steps. The dense layers between
a block and its part are the same for all blocks: what they learn of one they know of
all, and new texts come back nearly as well as those learned from. One layer between all
steps and the whole code would know the training texts by heart.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ._cells import make_cell
from ._code_map import CodeMap
from ._layers import ResidualBranch, StackedLinear
from ._output import Output
from ._resampled import as_rows, widened
from ._sequential import GAIN
from ._steps import inside

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


class TokenAutoencoder(CodeMap):
    r"""An autoencoder of token numbers, without a linear path.

    A row is a sequence's token numbers, then anything where there are no steps left,
    and in the last column the number of steps. Each token has a vector, and a cell
    reads them. Dense layers answer the part of the code of each block of steps, and
    others the way back; a second cell reads what they say of all blocks, and answers
    the logarithms of the tokens' probabilities at each step, up to a constant. Before
    the first step of training they are the tokens' shares.

    Parameters
    ----------
    n_models, n_features, n_components : int
        ``n_features`` is one more than the steps of the longest sequence.
    n_tokens : int
    cell : dict
        The ``kind`` of both cells, and its arguments.
    n_blocks : int
        At most; none is without a part of the code.
    hidden_layer_sizes : tuple of int
        Dense layers between a block and its part of the code; reversed on the way back.
    activation : str
    """

    is_anchored = False
    weighs_rows = False
    is_penalised = False
    noise_width = 0
    rate_shares: ClassVar = {}

    def __init__(
        self,
        *,
        n_models,
        n_features,
        n_components,
        n_tokens,
        cell,
        n_blocks,
        hidden_layer_sizes,
        activation,
    ):
        super().__init__()
        self.arguments = {
            "n_models": n_models,
            "n_features": n_features,
            "n_components": n_components,
            "n_tokens": n_tokens,
            "cell": dict(cell),
            "n_blocks": n_blocks,
            "hidden_layer_sizes": tuple(hidden_layer_sizes),
            "activation": activation,
        }
        self.n_models, self.n_features = n_models, n_features
        self.n_components, self.n_tokens = n_components, n_tokens
        n_steps, sizes = n_features - 1, tuple(hidden_layer_sizes)
        self.part = -(-n_components // min(n_blocks, n_steps))
        self.n_blocks = -(-n_components // self.part)
        self.block = -(-n_steps // self.n_blocks)
        width = cell["width"]
        self.vectors = nn.Parameter(torch.zeros(n_models, n_tokens, width))
        self.reader = make_cell(cell, n_models, width)
        n_read = self.block * self.reader.width
        self.encoder = ResidualBranch(n_models, n_read, sizes, self.part, activation)
        self.decoder = ResidualBranch(
            n_models, self.part, sizes[::-1], self.block * width, activation
        )
        self.writer = make_cell(cell, n_models, width)
        self.output = StackedLinear(n_models, self.writer.width, n_tokens)
        self.register_buffer("spread", torch.ones(n_models, 1, n_components))
        self.make_code_map(n_models, n_components)

    def initialise(self, seeds):
        """Draw all weights from private generators, one seed per model."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        with torch.no_grad():
            for vectors, generator in zip(self.vectors, generators, strict=True):
                draw = torch.empty(vectors.shape, dtype=torch.float32)
                vectors.copy_(draw.normal_(generator=generator))
        for branch in (self.encoder, self.decoder):
            branch.initialise(generators, GAIN)
            branch.output.initialise(generators, GAIN)
        self.reader.initialise(generators)
        self.writer.initialise(generators)

    @torch.no_grad()
    def set_anchor(self, start):
        """Take over a :class:`TokenStart`."""
        self.output.bias.copy_(start.log_share)

    def settle(self, start):
        """Leave what was learned as it is."""

    def copy_linear_path(self, other):
        """Leave what was learned as it is."""

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
        return self.shown(self.encode_raw(x))

    def decode(self, code, lengths=None):
        """Return rows of the likeliest tokens, from codes and lengths."""
        width, size = int(lengths.max()) + 1, self._part_size()
        parts = zip(
            self.raw_of(code).split(size, dim=-2),
            lengths.split(size, dim=-1),
            strict=True,
        )
        rows = []
        for raw, some in parts:
            tokens = self._logits(raw, some).argmax(dim=-1)
            rows.append(widened(as_rows(tokens.to(raw).unsqueeze(-1), some), width))
        return torch.cat(rows, dim=-2)

    def _part_size(self):
        return max(1, ANSWERS // (self.n_tokens * self.n_features * self.n_models))

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
        size = self._part_size()
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
        answers = self.reader(torch.stack(steps), lengths)
        answers = answers * inside(answers, lengths)
        missing = self.n_blocks * self.block - answers.shape[-2]
        blocks = functional.pad(answers, (0, 0, 0, missing))
        blocks = blocks.unflatten(2, (self.n_blocks, self.block)).flatten(3)
        parts = self.encoder(blocks.flatten(1, 2)).unflatten(1, (-1, self.n_blocks))
        return parts.flatten(2)[..., : self.n_components]

    def _tokens(self, x, n_steps):
        # What lies beyond the end is no token.
        last = self.n_tokens - 1
        return x[..., :n_steps].round().long().clamp(min=0, max=last)

    def _logits(self, raw, lengths):
        missing = self.n_blocks * self.part - self.n_components
        parts = functional.pad(raw, (0, missing)).unflatten(-1, (self.n_blocks, -1))
        blocks = self.decoder(parts.flatten(1, 2)).unflatten(1, (-1, self.n_blocks))
        steps = blocks.unflatten(-1, (self.block, -1)).flatten(2, 3)
        answers = self.writer(steps[:, :, : int(lengths.max())], lengths)
        logits = self.output(answers.flatten(1, 2))
        return logits.unflatten(1, answers.shape[1:3])

    def _answer(self, x):
        raw, lengths = self._encode(x), self.lengths_of(x)
        # As precise as the rows: a row's likelihood is a sum over many tokens.
        logits = self._logits(raw, lengths).to(x)
        tokens = self._tokens(x, logits.shape[-2]).expand(logits.shape[:-1])
        chosen = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        likelihood = chosen - torch.logsumexp(logits, dim=-1)
        likelihood = likelihood * inside(logits, lengths).squeeze(-1)
        missing = x.shape[-1] - 1 - likelihood.shape[-1]
        likelihood = functional.pad(likelihood, (0, missing))
        if torch.is_grad_enabled():
            return x, raw, None, None, None, None, likelihood
        best = functional.pad(logits.argmax(dim=-1).to(x), (0, missing))
        rows = as_rows(best.unsqueeze(-1), lengths)
        return rows, raw, None, None, None, None, likelihood
