"""What an adapter makes of one tensor: a class for each kind; knows no file and no model.

The formulas are those of RWKV-PEFT's merge scripts and of the package peft.  All is computed in
float32 and rounded once, to the type in which the tensor is asked for.  A weight is (out, in), r is
a rank or the size of a block.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Change(Protocol):
    """One step from a tensor of the base model to the merged one."""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether it can be made to a tensor of this shape."""
        ...

    def apply(self, weight: Tensor) -> Tensor:
        """The changed tensor; ``weight`` is float32, and may be written to."""
        ...

    @property
    def sizes(self) -> str:
        """The shapes of its numbers, for a person."""
        ...


@dataclass(frozen=True)
class LowRank:
    """LoRA: W + scale (B A), with A (r, in) and B (out, r).

    PiSSA is trained from the best A0 and B0, which are taken away before: W - B0 A0 + B A.
    """

    down: Tensor
    up: Tensor
    scale: float = 1.0
    initial: tuple[Tensor, Tensor] | None = None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """See Change."""
        pairs = [(self.down, self.up), *([self.initial] if self.initial else [])]
        return all(_is_pair(down, up, shape) for down, up in pairs)

    def apply(self, weight: Tensor) -> Tensor:
        """See Change."""
        if self.initial is not None:
            down, up = self.initial
            weight -= up.float() @ down.float()
        return weight.add_(self.up.float() @ self.down.float(), alpha=self.scale)

    @property
    def sizes(self) -> str:
        """See Change."""
        return f"{_sizes(self.up)} x {_sizes(self.down)}"


@dataclass(frozen=True)
class ShardSum:
    """MiSS, DiSHA and Bone: column k of W gets column k mod r of scale D, with D (out, r).

    With ``repeats`` D has fewer rows, and stands below itself until there are as many as W has.
    """

    block: Tensor
    scale: float = 1.0
    repeats: bool = False

    def fits(self, shape: tuple[int, ...]) -> bool:
        """See Change."""
        if not self.block.ndim == len(shape) == 2 or 0 in self.block.shape:
            return False
        rows = self.block.shape[0]
        return shape[0] % rows == 0 if self.repeats else shape[0] == rows

    def apply(self, weight: Tensor) -> Tensor:
        """See Change."""
        block = self.block.float() * self.scale
        block = block.repeat(weight.shape[0] // block.shape[0], 1)
        rank = block.shape[1]
        for first in range(0, weight.shape[1], rank):
            part = weight[:, first : first + rank]
            part += block[:, : part.shape[1]]
        return weight

    @property
    def sizes(self) -> str:
        """See Change."""
        return _sizes(self.block)


@dataclass(frozen=True)
class ShardProduct:
    """Bat: W is cut into blocks of (r, r), and each block w becomes w + w d + d.

    There is one d (r, r) for each column of blocks, or with ``by_row`` for each row of them.
    """

    blocks: Tensor
    by_row: bool = False

    def fits(self, shape: tuple[int, ...]) -> bool:
        """See Change."""
        if self.blocks.ndim != 3 or len(shape) != 2 or 0 in self.blocks.shape:
            return False
        count, rank, same = self.blocks.shape
        whole = rank == same and shape[0] % rank == shape[1] % rank == 0
        return whole and count * rank == shape[0 if self.by_row else 1]

    def apply(self, weight: Tensor) -> Tensor:
        """See Change."""
        rank = self.blocks.shape[1]
        rows, columns = weight.shape[0] // rank, weight.shape[1] // rank
        blocks = self.blocks.float()[:, None] if self.by_row else self.blocks.float()[None]
        cut = weight.reshape(rows, rank, columns, rank).transpose(1, 2)
        return (cut + cut @ blocks + blocks).transpose(1, 2).reshape(weight.shape)

    @property
    def sizes(self) -> str:
        """See Change."""
        return _sizes(self.blocks)


@dataclass(frozen=True)
class Replacement:
    """A tensor that was trained as it stands: norms and mixes, mostly."""

    tensor: Tensor

    def fits(self, shape: tuple[int, ...]) -> bool:
        """See Change; vectors are written with and without axes of 1."""
        own = [size for size in self.tensor.shape if size != 1]
        return own == [size for size in shape if size != 1]

    def apply(self, weight: Tensor) -> Tensor:
        """See Change."""
        return self.tensor.float().reshape(weight.shape)

    @property
    def sizes(self) -> str:
        """See Change."""
        return _sizes(self.tensor)


def _is_pair(down: Tensor, up: Tensor, shape: tuple[int, ...]) -> bool:
    if not down.ndim == up.ndim == len(shape) == 2:
        return False
    return down.shape[0] == up.shape[1] > 0 and (up.shape[0], down.shape[1]) == tuple(shape)


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "1"
