"""The two halves of a block, and the blocks of a segment one after the other.

Shapes read (B, T, C): batch, time, channels.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from app.kernels import Array
from app.runtime.spec import Spec

from .scope import Scope


class Sublayer(Protocol):
    """One half of a block: time mixing or channel mixing, with the norm before it."""

    def __init__(self, block: Scope, spec: Spec) -> None: ...

    def __call__(self, x: Array, layer: "LayerState") -> None:
        """Adds its part to the residual ``x`` (B, T, C) and moves the layer's memory on."""
        ...


class LayerState:
    """One layer's memory during one forward: views into the State, and what layer 0 left.

    ``att_shift`` and ``ffn_shift`` (B, C) are the last normalised inputs of the two halves;
    ``wkv`` is (B, 3, A) in generation 4 and (B, H, N, N) after.  ``first`` is generation 7's first
    value.
    """

    __slots__ = ("att_shift", "ffn_shift", "first", "wkv")

    def __init__(self, att_shift: Array, ffn_shift: Array, wkv: Array, first: list[Array]) -> None:
        self.att_shift, self.ffn_shift = att_shift, ffn_shift
        self.wkv, self.first = wkv, first


Block = tuple[Sublayer, Sublayer]


class Layers(Protocol):
    """The blocks of one segment in their order, and how their weights come to be there.

    ``stay`` tells whether all of them stay where they are, so that a run of them can be captured
    and run again.
    """

    @property
    def stay(self) -> bool:
        """Whether a captured run of them can be run again."""
        ...

    @property
    def nbytes(self) -> int:
        """What one token reads."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Block]:
        """Each block with its weights in place, where they stay until the next one is asked for.

        Two iterations may take turns: a block is done with before either goes on.
        """
        ...


class ResidentLayers:
    """Blocks whose weights stay in the memory of the device."""

    stay = True

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = list(blocks)

    @property
    def nbytes(self) -> int:
        """See Layers."""
        return nbytes_of(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)


def nbytes_of(part: object) -> int:
    """Bytes of all arrays and weights that hang on a part of a model."""
    size = getattr(part, "nbytes", None)
    if size is not None:
        return int(size)
    if isinstance(part, list | tuple):
        return sum(nbytes_of(inner) for inner in part)
    named = getattr(part, "__dict__", {})
    return sum(nbytes_of(inner) for name, inner in named.items() if name != "ops")
