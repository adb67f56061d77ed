"""The residual network of Knolle et al. 2026 for tables."""

from __future__ import annotations

from torch import nn

from rollcall.models.layers import Head


class Block(nn.Module):
    """Norm; then dense-ReLU-dense and a dense shortcut, both of the normalised input, added."""

    def __init__(self, width: int, groups: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.branch = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.shortcut = nn.Linear(width, width)

    def forward(self, x):
        x = self.norm(x)
        return self.branch(x) + self.shortcut(x)


def build_tabular_resnet(
    input_shape: tuple[int, ...], outputs: int, width: int = 300, depth: int = 6, groups: int = 10
) -> nn.Module:
    """Build the network: tables (batch, features) -> logits (batch, outputs).

    300 wide with 6 blocks it has 1,649,401 parameters on 64 features and one logit.
    """
    blocks = [Block(width, groups) for _ in range(depth)]
    return nn.Sequential(
        nn.Linear(input_shape[0], width),
        *blocks,
        nn.GroupNorm(groups, width, eps=1e-6),
        nn.ReLU(),
        Head(width, outputs),
    )
