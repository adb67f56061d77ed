from torch import nn

from rollcall.models.layers import Head
from rollcall.util.errors import InputError


class Block(nn.Module):
    """Norm; then dense-ReLU-dense beside a dense shortcut, both from the normalised input, added."""

    def __init__(self, width: int, groups: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.branch = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.shortcut = nn.Linear(width, width)

    def forward(self, x):
        x = self.norm(x)
        return self.branch(x) + self.shortcut(x)


def tabular_resnet(
    input_shape, outputs: int, width: int = 300, depth: int = 6, groups: int = 10
) -> nn.Module:
    """The residual network for tables of Knolle et al. 2026 (300 wide, 6 blocks: 1,649,401 parameters on 64 features, one logit)."""
    if len(input_shape) != 1:
        raise InputError(
            f"model 'tabular_resnet' needs a table (features,), and this cohort's inputs are {tuple(input_shape)}; use mlp or small_cnn"
        )
    blocks = [Block(width, groups) for _ in range(depth)]
    return nn.Sequential(
        nn.Linear(input_shape[0], width),
        *blocks,
        nn.GroupNorm(groups, width, eps=1e-6),
        nn.ReLU(),
        Head(width, outputs),
    )
