"""A model's weights that do not stay where they compute: built as others are, but in stages.

What is streamed are the projections, 95 % of a layer and more, and the head; norms, mixes and
low-rank chains stay.  Of the embedding only the rows of the tokens at hand are brought.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import cast

import numpy as np
import torch

from app.kernels import Array, Ops, Weight
from app.kernels.arena import allocate
from app.kernels.layout import PANEL
from app.runtime.planning.footprint import LEAST_SLOT_BYTES, SLOTS, head_format
from app.runtime.planning.segments import Place
from app.runtime.planning.strategy import Strategy

from .card_stream import CardStage, CardStream
from .layer_stream import LayerStream
from .layers import Block, nbytes_of
from .scope import DTYPES, ReadAgain, Scope
from .stage import Stage, Turns
from .streamed_scope import StreamedScope, Sums, layer_bytes, matrix_bytes
from .streamed_table import Rows, RowsInFile, RowsInMemory, StreamedTable

_SPARE = 4096  # of a slot, for what brings each weight to a line


class StreamedWeights:
    """The stages of a model on one device in their order: layers, then the head if it is streamed.

    On the processor they come from the file, and the checkpoint is closed when this is gone.  To
    a card they come from the machine's memory.
    """

    turns: Turns

    def __init__(
        self, layers: Mapping[int, Scope], head: Scope | None, table: Scope | None
    ) -> None:
        """The number of each layer that is streamed, with the scope of its model in its format.

        ``head`` and ``table`` are the scopes of the head and of the embedding; None where these
        stay.  Raises StrategyUnsupported where weights would have to be packed at each reading.
        """
        any_of = next(one for one in (*layers.values(), head, table) if one is not None)
        self._ops, self._file = any_of.ops, cast(ReadAgain, any_of.checkpoint)
        self._layers, self._head_scope, self._table_scope = dict(layers), head, table
        self._sizes = [layer_bytes(root, layer) + _SPARE for layer, root in layers.items()]
        largest = max(self._sizes, default=0)
        self._head = [] if head is None else _parts(head, len(layers), largest)
        self._sizes += [_head_bytes(head, rows) + _SPARE for rows in self._head if head]
        self.slot_bytes = SLOTS * max(self._sizes, default=0)
        self._made = 0

    @property
    def has_head(self) -> bool:
        """Whether the head is streamed."""
        return bool(self._head)

    @property
    def nbytes(self) -> int:
        """Bytes of all that is streamed for one token, and what brings it to lines."""
        return sum(self._sizes)

    def layer(self, index: int) -> StreamedScope:
        """The tensors of the next layer that is streamed."""
        root = self._layers[index]
        return self._next(root, f"{root.prefix}blocks.{index}.")

    def layers(self, blocks: Sequence[Block]) -> "StreamedLayers":
        """The blocks that were made of the last layers."""
        return StreamedLayers(blocks, self._made - len(blocks), self._ops, self.turns)

    def head(self) -> "StreamedHead":
        """The head, after all layers."""
        root, first = self._head_scope, self._made
        assert root is not None
        sums = Sums("head.weight", self._file.check_packed, len(self._head))
        parts = [self._next(root, root.prefix).rows_of_head(rows, sums) for rows in self._head]
        return StreamedHead(self._ops, self.turns, first, parts)

    def table(self) -> StreamedTable | None:
        """The embedding; None where it stays, or can only be had as a whole."""
        root = self._table_scope
        rows = None if root is None else self._rows(root)
        return None if rows is None else StreamedTable(rows)

    def _next(self, root: Scope, prefix: str) -> StreamedScope:
        stage, slot = self._stage(self._sizes[self._made], self._made % SLOTS)
        self._made += 1
        return StreamedScope(root, prefix, stage, slot)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        """A new stage of so many bytes, and the memory where it computes."""
        raise NotImplementedError

    def _rows(self, root: Scope) -> Rows | None:
        raise NotImplementedError


class FileWeights(StreamedWeights):
    """Stages that are read from the file into two slots of the machine's memory."""

    def __init__(
        self, layers: Mapping[int, Scope], head: Scope | None, table: Scope | None
    ) -> None:
        super().__init__(layers, head, table)
        size = self.slot_bytes // SLOTS
        self._slots = [allocate((size,), torch.uint8, passing=True) for _ in range(SLOTS)]
        self._stages: list[Stage] = []
        self._file.stay_open()
        self.turns = LayerStream(self._stages, self._file.close)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        self._stages.append(Stage(self._slots[slot][:size]))
        return self._stages[-1], self._slots[slot]

    def _rows(self, root: Scope) -> Rows | None:
        name = f"{root.prefix}emb.weight"
        stretch, info = self._file.stretch_of(name), self._file.tensors[name]
        if stretch is None or info.dtype not in DTYPES:
            return None
        return RowsInFile(stretch, info.shape[1], DTYPES[info.dtype])


class CardWeights(StreamedWeights):
    """Stages that lie in page-locked memory and are copied to two slots on a card."""

    def __init__(
        self, layers: Mapping[int, Scope], head: Scope | None, table: Scope | None
    ) -> None:
        super().__init__(layers, head, table)
        device, size = self._ops.device, self.slot_bytes // SLOTS
        self._slots = [device.empty((size,), np.dtype(np.uint8)) for _ in range(SLOTS)]
        self._stages: list[CardStage] = []
        self.turns = CardStream(device, self._stages)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        host = self._ops.device.locked(size)
        self._stages.append(CardStage(host, self._slots[slot]))
        return Stage(torch.from_numpy(host)), self._slots[slot]

    def _rows(self, root: Scope) -> Rows | None:
        return RowsInMemory(root.checkpoint.read(f"{root.prefix}emb.weight", root.table_dtype))


class StreamedLayers:
    """See Layers: blocks whose weights come before their turn and go behind it.

    What brings them is in a run that is captured on the processor, and in none on a card.
    """

    def __init__(self, blocks: Sequence[Block], first: int, ops: Ops, turns: Turns) -> None:
        """``first`` is the stage of the first block."""
        self._blocks, self._first = list(blocks), first
        self._ops, self._turns = ops, turns
        self.stay = ops.device is None

    @property
    def nbytes(self) -> int:
        """See Layers."""
        return nbytes_of(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Block]:
        for stage, block in enumerate(self._blocks, self._first):
            self._ops.step(partial(self._turns.begin, stage))
            yield block
            self._ops.step(partial(self._turns.end, stage))


class StreamedHead:
    """The projection to the vocabulary, whose rows have their turns part by part."""

    def __init__(self, ops: Ops, turns: Turns, first: int, parts: Sequence[Weight]) -> None:
        """``first`` is the stage of the first part."""
        self._ops, self._turns, self._first, self._parts = ops, turns, first, parts

    @property
    def nbytes(self) -> int:
        """Bytes that are read for one token."""
        return sum(part.nbytes for part in self._parts)

    def logits(self, x: Array) -> Array:
        """See Weight."""
        found = []
        for stage, part in enumerate(self._parts, self._first):
            self._ops.step(partial(self._turns.begin, stage))
            found.append(part.logits(x))
            self._ops.step(partial(self._turns.end, stage))
        return self._ops.joined(found) if len(found) > 1 else found[0]


def streamed_weights(
    way: Strategy, device: str, root: Callable[[Place], Scope]
) -> StreamedWeights | None:
    """What a resolved strategy wants streamed on one device; None where all stays there.

    ``root`` gives the scope of the model in a place.  Raises StrategyUnsupported as
    ``StreamedWeights`` does.
    """
    layers: dict[int, Scope] = {}
    for one in way.segments:
        if one.device == device and one.residency != "resident":
            first, count = one.first or 0, one.layers or 0
            layers |= dict.fromkeys(range(first, first + count), root(one.place))
    head, table = (
        root(place) if place.device == device and place.residency != "resident" else None
        for place in (way.head_place, way.embedding_place)
    )
    if not layers and head is None and table is None:
        return None
    kind = FileWeights if device == "cpu" else CardWeights
    return kind(layers, head, table)


def _parts(root: Scope, layers: int, largest: int) -> list[range]:
    """The rows of the head in parts that take no more than a layer does, whole panels each.

    All stages together are even in number where that can be: then the first one and the last one
    have different slots, and the next token's first layer is read while the logits are computed.
    A card has the head as one stage.
    """
    name = f"{root.prefix}head.weight"
    count = root.checkpoint.tensors[name].shape[0]
    packed = root.checkpoint.packed_shape(name) is not None
    whole = root.ops.device is not None or (
        not packed and cast(ReadAgain, root.checkpoint).stretch_of(name) is None
    )
    if whole:
        return [range(count)]
    parts = -(-_head_bytes(root, range(count)) // max(largest, LEAST_SLOT_BYTES))
    parts += (layers + parts) % SLOTS
    rows = -(-count // parts // PANEL) * PANEL
    return [range(first, min(first + rows, count)) for first in range(0, count, rows)]


def _head_bytes(root: Scope, rows: range) -> int:
    form = head_format(root.form)
    return matrix_bytes(root, f"{root.prefix}head.weight", form, rows)
