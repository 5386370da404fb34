"""Low-rank chains (LoRA-like): the down and the up projection."""

import torch
from torch import Tensor

from app.kernels import packing
from app.kernels.arena import allocate
from app.kernels.layout import FLOAT_PANEL
from app.kernels.ops import Loras
from app.kernels.portable import DTYPES

from .base import KINDS, ready
from .ops_matrix import ACTS, MOST_ROWS
from .ops_products import MatmulOptions, ProductOps, Sizes

_MOST_CHAINS = 5  # as many can have sizes of their own in one call of tiles.h


class LoraOps(ProductOps):
    """Chains whose ``up`` lies by unit, chain after chain, none padded to another's rank.

    Each is (panels, rank, 128), so that one number of the low side meets many outputs at once.
    """

    def place_loras(self, host: Loras, dtype: str) -> Loras:
        """See Ops."""
        ranks = host.ranks or (host.down.shape[1],) * len(host.down)
        down = allocate(host.down.shape, DTYPES[dtype]).copy_(host.down)
        bias = self.upload(host.bias, "fp32")
        up = allocate((_panels(host) * FLOAT_PANEL * sum(ranks),), DTYPES[dtype])
        placed = Loras(down, up, bias, host.acts, ranks)
        for one, whole in zip(_ups(placed), host.up, strict=True):
            packing.transpose_into(one, whole[:, : one.shape[1]].to(one.dtype))
        return placed

    def loras(self, x: Tensor, loras: Loras) -> Tensor:
        """See Ops; ``loras`` as ``place_loras`` gave it."""
        if not self.knows(x, loras):
            plain: Tensor = self.fallback("loras", x, _padded(loras))
            return plain
        n, outputs = len(loras.ranks), loras.bias.shape[-1]
        rows = x.numel() // (n * loras.down.shape[2])
        low, y = self.lower(x, loras), self.empty((*x.shape[:-1], outputs))
        rank = low.shape[-1]
        if rows <= MOST_ROWS:
            sizes = (n, rows, rank, outputs, KINDS[loras.up.dtype])
            self.call("lora_up", y, low, loras.up, loras.bias, *sizes, *loras.ranks)
            return y
        for chain, up in enumerate(_ups(loras)):
            one = Sizes(1, rows, outputs, loras.ranks[chain])
            how = MatmulOptions(bias=loras.bias[chain], by_unit=True, row=rank)
            self.tiles(y[chain], low[chain], up, one, how)
        return y

    def lower(self, x: Tensor, loras: Loras) -> Tensor:
        """The low side of each chain (n, rows, D), what is between the ways done; x is known."""
        n, rank, width = loras.down.shape
        rows = x.numel() // (n * width)
        low = self.empty((n, rows, rank))
        if rows > MOST_ROWS:
            how = MatmulOptions(acts=loras.acts, outputs=loras.ranks)
            self.tiles(low, x, loras.down, Sizes(n, rows, rank, width), how)
            return low
        chains = zip(loras.ranks, loras.acts, strict=True)
        limits = [one for lines, act in chains for one in (lines, ACTS[act])]
        sizes = (n, rows, width, rank, KINDS[x.dtype], KINDS[loras.down.dtype])
        self.call("lora_down", low, x, loras.down, *sizes, self.alike, *limits)
        return low

    def knows(self, x: Tensor, loras: Loras) -> bool:
        """Whether the kernels accept this x."""
        fits = len(loras.ranks) <= _MOST_CHAINS and x.dtype in (torch.float32, loras.down.dtype)
        return fits and ready(x, loras.down, loras.up, loras.bias)


def _ups(loras: Loras) -> list[Tensor]:
    """Each chain's (panels, rank, 128)."""
    panels = _panels(loras)
    parts = torch.split(loras.up, [panels * rank * FLOAT_PANEL for rank in loras.ranks])
    return [part.view(panels, -1, FLOAT_PANEL) for part in parts]


def _panels(loras: Loras) -> int:
    return -(-int(loras.bias.shape[-1]) // FLOAT_PANEL)


def _padded(loras: Loras) -> Loras:
    """As it was before ``place_loras``."""
    n, rank, _ = loras.down.shape
    outputs = loras.bias.shape[-1]
    up = loras.up.new_zeros((n, outputs, rank))
    for whole, one in zip(up, _ups(loras), strict=True):
        whole[:, : one.shape[1]] = one.mT.flatten(0, 1)[:outputs]
    return loras._replace(up=up)
