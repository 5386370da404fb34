"""Runs neighbouring segments on one device, from what the device before them has handed over.

A model is a row of such runners: a single one where all of it lies on one device.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from torch import Tensor

from app.kernels import Affine, Array, Ops, Weight
from app.runtime.states.state import RecurrentState

from .capture_pool import CapturePool, Uncaptured
from .captured_decode import CapturedDecode
from .handover import Handed, on_host
from .layers import Layers, LayerState, nbytes_of
from .streamed_table import StreamedTable
from .streamed_weights import StreamedHead, StreamedWeights


@dataclass(frozen=True, slots=True)
class Embedding:
    """The table (V, C), and the norm of what is taken from it."""

    table: Array | StreamedTable
    norm: Affine

    def of(self, ops: Ops, tokens: Tensor) -> Array:
        """What goes into the first layer, (B, T, C)."""
        if isinstance(self.table, StreamedTable):
            return self.table.embed(ops, tokens, self.norm)
        return ops.embed(self.table, tokens, self.norm)


@dataclass(frozen=True, slots=True)
class Head:
    """The norm behind the last layer, and the projection to the vocabulary."""

    norm: Affine
    weight: Weight | StreamedHead


class Residual:
    """What goes through the layers: ``x`` (B, T, C), and generation 7's ``first`` value.

    ``first`` has no array before layer 0 has run, and one after it.
    """

    __slots__ = ("first", "x")

    def __init__(self, x: Array, first: Sequence[Array] = ()) -> None:
        self.x, self.first = x, list(first)


class SegmentRunner:
    """Segments in a row on one ``device``; with the embedding or the head where they lie there.

    ``depth`` is how many layers there are: none where only embedding or head lie here.  ``more``
    tells that layers follow on another device.  ``streamed`` are the weights that do not stay here.
    """

    def __init__(
        self,
        device: str,
        ops: Ops,
        layers: Sequence[Layers] = (),
        *,
        embedding: Embedding | None = None,
        head: Head | None = None,
        more: bool = False,
        streamed: StreamedWeights | None = None,
    ) -> None:
        self.device, self.ops, self.layers = device, ops, tuple(layers)
        self.embedding, self.head, self.more = embedding, head, more
        self.streamed = streamed
        self.depth = sum(map(len, self.layers))
        self._stay = all(one.stay for one in self.layers)
        captures: type[CapturedDecode | CapturePool | Uncaptured]
        captures = CapturedDecode if ops.device is None else CapturePool
        if ops.device is not None and streamed is not None:
            captures = Uncaptured
        self._logits, self._hidden = captures(ops), captures(ops)

    @property
    def weights_bytes(self) -> int:
        """What one token reads here: everything but the embedding table."""
        norms = self.embedding.norm if self.embedding else (), self.head.norm if self.head else ()
        head = self.head.weight.nbytes if self.head else 0
        return head + nbytes_of(norms) + sum(layers.nbytes for layers in self.layers)

    @property
    def all_bytes(self) -> int:
        """Bytes of all weights here, also of those that are streamed, with the embedding table."""
        table = nbytes_of(self.embedding.table) if self.embedding else 0
        return self.weights_bytes + table

    def enter(self, given: Handed) -> Residual:
        """What goes into the first layer here: of tokens, or of what was handed over."""
        if self.embedding is not None:
            return Residual(self.embedding.of(self.ops, given[0]))
        x, *first = (self.ops.from_host(one) for one in given)
        return Residual(x, first)

    def steps(
        self,
        at: Residual,
        memory: RecurrentState | None,
        *,
        shorten: bool = False,
        exact: bool = False,
    ) -> Iterator[None]:
        """Take the residual through a layer a step; other runs may come in between.

        ``memory`` are the states of these layers.  With ``shorten`` only the last token's residual
        is wanted behind the last layer; ``exact`` is that of Ops.
        """
        if memory is None:
            return
        # not on cards, whose arrays are of another library
        shortened = self.depth if shorten and self.ops.device is None else 0
        blocks = zip(chain.from_iterable(self.layers), memory.views, strict=True)
        for number, ((time_mix, channel_mix), (att_shift, ffn_shift, wkv)) in enumerate(blocks, 1):
            layer = LayerState(att_shift, ffn_shift, wkv, at.first)
            with switched_on((self.ops,), "exact") if exact else contextlib.nullcontext():
                time_mix(at.x, layer)
                if number == shortened:
                    # of the others nothing is left but what is shifted: the norm of the last but
                    # one
                    at.x = at.x[:, -2:].contiguous()
                channel_mix(at.x, layer)
            yield

    def leave(self, at: Residual, *, last_only: bool) -> Handed:
        """What the next device gets; of the last token alone if that is all it needs."""
        handed = on_host(self.ops, self._handed(at))
        return tuple(one[:, -1:].contiguous() for one in handed) if last_only else handed

    def decode(self, given: Handed, memory: RecurrentState | None) -> Handed:
        """One token of each text: what the next device gets, behind the head its logits (B, 1, V).

        It is memory of its own, or what the next call overwrites.
        """
        return self._captured(self._logits, self._one, given, memory)

    def decode_hidden(self, given: Handed, memory: RecurrentState | None) -> Handed:
        """The same with the vectors behind ln_out (B, 1, C) in place of the logits."""
        return self._captured(self._hidden, self._one_hidden, given, memory)

    def hidden(self, at: Residual) -> Array:
        """The vectors behind ln_out; only where the head is."""
        assert self.head is not None
        return self.ops.norm(at.x, self.head.norm)

    def logits(self, hidden: Array) -> Array:
        """What the head makes of such vectors, (..., C) to (..., V)."""
        assert self.head is not None
        return self.head.weight.logits(hidden)

    def last_hidden(self, at: Residual) -> Array:
        """The vector (B, C) of the last token behind ln_out."""
        assert self.head is not None
        return self.ops.norm(at.x[:, -1], self.head.norm)

    def last_logits(self, at: Residual) -> Array:
        """The logits (B, V) of the last token."""
        return self.logits(self.last_hidden(at))

    def _captured(
        self,
        captures: CapturedDecode | CapturePool | Uncaptured,
        run: Callable[[Handed, Any], tuple[Array, ...]],
        given: Handed,
        memory: RecurrentState | None,
    ) -> Handed:
        if memory is None or not self._stay:
            return on_host(self.ops, run(given, memory))
        return captures(run, given, memory)

    def _one(self, given: Handed, memory: RecurrentState | None) -> tuple[Array, ...]:
        at = self._through(given, memory)
        return self._handed(at) if self.head is None else (self.logits(self.hidden(at)),)

    def _one_hidden(self, given: Handed, memory: RecurrentState | None) -> tuple[Array, ...]:
        return (self.hidden(self._through(given, memory)),)

    def _through(self, given: Handed, memory: RecurrentState | None) -> Residual:
        at = self.enter(given)
        for _ in self.steps(at, memory):
            pass
        return at

    def _handed(self, at: Residual) -> tuple[Array, ...]:
        return (at.x, *at.first) if self.more else (at.x,)


@contextlib.contextmanager
def switched_on(ops: Sequence[Ops], what: Literal["alike", "exact"]) -> Iterator[None]:
    """The operations are so for a while."""
    for one in ops:
        setattr(one, what, True)
    try:
        yield
    finally:
        for one in ops:
            setattr(one, what, False)
