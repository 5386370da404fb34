"""A model's weights that do not stay where they compute: built as others are, but in stages.

What is streamed are the projections, 95 % of a layer and more, and the head; norms, mixes and
low-rank chains stay.  Of the embedding only the rows of the tokens at hand are brought.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import torch

from app.kernels import Array, Ops, Weight
from app.kernels.arena import allocate
from app.kernels.layout import PANEL
from app.runtime.planning.footprint import LEAST_SLOT_BYTES, SLOTS, head_format
from app.runtime.planning.strategy import Strategy

from .card_stream import CardStage, CardStream
from .layer_stream import LayerStream
from .scope import DTYPES, ReadAgain, Scope
from .stage import Stage, Turns
from .streamed_scope import StreamedScope, Sums, layer_bytes, matrix_bytes
from .streamed_table import Rows, RowsInFile, RowsInMemory, StreamedTable

_SPARE = 4096  # of a slot, for what brings each weight to a line


class StreamedWeights:
    """The stages of a model in their order: some layers, then the head if it is streamed.

    On the processor they come from the file, and the checkpoint is closed when this is gone.  To
    a card they come from the machine's memory.
    """

    turns: Turns

    def __init__(self, root: Scope, layers: Sequence[int], *, head: bool) -> None:
        """``layers`` are the numbers of those that are streamed.

        Raises StrategyUnsupported where weights would have to be packed at each reading.
        """
        self._file = cast(ReadAgain, root.checkpoint)
        self._root, self._layers = root, {layer: at for at, layer in enumerate(layers)}
        self._sizes = [layer_bytes(root, layer) + _SPARE for layer in layers]
        self._head = _parts(root, len(layers), max(self._sizes, default=0)) if head else []
        self._sizes += [_head_bytes(root, rows) + _SPARE for rows in self._head]
        self.slot_bytes = SLOTS * max(self._sizes, default=0)
        self._made = 0

    @property
    def has_head(self) -> bool:
        """Whether the head is streamed."""
        return bool(self._head)

    def stage_of(self, layer: int) -> int | None:
        """The stage of a layer; None for one that stays."""
        return self._layers.get(layer)

    def before(self, layer: int) -> None:
        """Have a layer's weights in their place; in a captured run, too."""
        stage = self.stage_of(layer)
        if stage is not None:
            self._root.ops.step(partial(self.turns.begin, stage))

    def behind(self, layer: int) -> None:
        """The layer has computed."""
        stage = self.stage_of(layer)
        if stage is not None:
            self._root.ops.step(partial(self.turns.end, stage))

    def layer(self, index: int) -> StreamedScope:
        """The tensors of the next layer that is streamed."""
        assert self._layers[index] == self._made
        return self._next(f"{self._root.prefix}blocks.{index}.")

    def head(self) -> "StreamedHead":
        """The head, after all layers."""
        first = self._made
        sums = Sums("head.weight", self._file.check_packed, len(self._head))
        parts = [self._next(self._root.prefix).rows_of_head(rows, sums) for rows in self._head]
        return StreamedHead(self._root.ops, self.turns, first, parts)

    def table(self) -> StreamedTable | None:
        """The embedding; None where it can only be had as a whole, where it computes."""
        rows = self._rows(f"{self._root.prefix}emb.weight")
        return None if rows is None else StreamedTable(rows)

    def _next(self, prefix: str) -> StreamedScope:
        stage, slot = self._stage(self._sizes[self._made], self._made % SLOTS)
        self._made += 1
        return StreamedScope(self._root, prefix, stage, slot)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        """A new stage of so many bytes, and the memory where it computes."""
        raise NotImplementedError

    def _rows(self, name: str) -> Rows | None:
        raise NotImplementedError


class FileWeights(StreamedWeights):
    """Stages that are read from the file into two slots of the machine's memory."""

    def __init__(self, root: Scope, layers: Sequence[int], *, head: bool) -> None:
        super().__init__(root, layers, head=head)
        self._file.stay_open()
        size = self.slot_bytes // SLOTS
        self._slots = [allocate((size,), torch.uint8, passing=True) for _ in range(SLOTS)]
        self._stages: list[Stage] = []
        self.turns = LayerStream(self._stages, self._file.close)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        self._stages.append(Stage(self._slots[slot][:size]))
        return self._stages[-1], self._slots[slot]

    def _rows(self, name: str) -> Rows | None:
        lies, info = self._file.stretch_of(name), self._file.tensors[name]
        if lies is None or info.dtype not in DTYPES:
            return None
        return RowsInFile(lies, info.shape[1], DTYPES[info.dtype])


class CardWeights(StreamedWeights):
    """Stages that lie in page-locked memory and are copied to two slots on a card."""

    def __init__(self, root: Scope, layers: Sequence[int], *, head: bool) -> None:
        super().__init__(root, layers, head=head)
        device, size = root.ops.device, self.slot_bytes // SLOTS
        self._slots = [device.empty((size,), np.dtype(np.uint8)) for _ in range(SLOTS)]
        self._stages: list[CardStage] = []
        self.turns = CardStream(device, self._stages)

    def _stage(self, size: int, slot: int) -> tuple[Stage, Array]:
        host = self._root.ops.device.locked(size)
        self._stages.append(CardStage(host, self._slots[slot]))
        return Stage(torch.from_numpy(host)), self._slots[slot]

    def _rows(self, name: str) -> Rows | None:
        return RowsInMemory(self._root.checkpoint.read(name, self._root.table_dtype))


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


def streamed_of(root: Scope, way: Strategy) -> StreamedWeights | None:
    """What a resolved strategy wants streamed; None where all stays.

    Raises StrategyUnsupported as ``StreamedWeights`` does.
    """
    layers = [
        layer
        for one in way.segments
        if one.residency != "resident"
        for layer in range(one.first or 0, (one.first or 0) + (one.layers or 0))
    ]
    if way.stays:
        return None
    kind = FileWeights if root.ops.device is None else CardWeights
    return kind(root, layers, head=way.head_place.residency != "resident")


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
    form = head_format(root.strategy.format)
    return matrix_bytes(root, f"{root.prefix}head.weight", form, rows)
