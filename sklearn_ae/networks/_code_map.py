"""The way from raw codes, in which networks are trained, to those a user sees."""

import torch
from torch import nn


class CodeMap(nn.Module):
    """A network whose codes are shown turned, and in a unit of the user's.

    Kept apart from the layers, so that every network can be turned alike.
    """

    def make_code_map(self, n_models, n_components):
        """Make codes to be shown as they are."""
        # Not ``eye``: on torch's meta device that loads its compiler, for seconds.
        identity = torch.zeros(n_models, n_components, n_components)
        identity.diagonal(dim1=1, dim2=2).fill_(1)
        self.register_buffer("code_center", torch.zeros(n_models, 1, n_components))
        self.register_buffer("code_map", identity.clone())
        self.register_buffer("code_unmap", identity.clone())

    @torch.no_grad()
    def map_code(self, center, code_map, code_unmap):
        """Show codes as ``(raw - center) @ code_map``; ``code_unmap`` inverts it.

        **Shape**: ``(M, k)``, ``(M, k, k)``, ``(M, k, k)``.
        """
        self.code_center.copy_(center.unsqueeze(1))
        self.code_map.copy_(code_map)
        self.code_unmap.copy_(code_unmap)

    def shown(self, raw):
        """Return raw codes as the user sees them."""
        return torch.matmul(raw - self.code_center, self.code_map)

    def raw_of(self, code):
        """Return the raw codes of codes that a user has seen."""
        return torch.matmul(code, self.code_unmap) + self.code_center
