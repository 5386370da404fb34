"""What the generations share: the residual stack, and the gated feed-forward.

Shapes read (B, T, C): batch, time, channels.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from app.errors import RequestRefused
from app.kernels import Array, Ops
from app.runtime.spec import Spec
from app.runtime.states.gpu_states import GpuState
from app.runtime.states.state import RecurrentState, State

from .capture_pool import CapturePool
from .captured_decode import CapturedDecode
from .scope import Scope
from .start_state import merged_start


class Sublayer(Protocol):
    """One half of a block: time mixing or channel mixing, with the norm before it."""

    def __init__(self, block: Scope, spec: Spec) -> None: ...

    def __call__(self, x: Array, layer: "LayerState") -> None:
        """Adds its part to the residual ``x`` (B, T, C) and moves the layer's memory on."""
        ...


class LayerState:
    """One layer's memory during one forward: views into the State, and what layer 0 left.

    ``attend`` and ``feed`` (B, C) are the last normalised inputs of the two halves; ``wkv`` is
    (B, 3, A) in generation 4 and (B, H, N, N) after.  ``first`` is generation 7's first value.
    """

    __slots__ = ("attend", "feed", "first", "wkv")

    def __init__(self, attend: Array, feed: Array, wkv: Array, first: list[Array]) -> None:
        self.attend, self.feed, self.wkv, self.first = attend, feed, wkv, first


AT_ONCE = 256
"""Positions whose logits are in memory at once while all of them are read."""


class Positions(NamedTuple):
    """What a model makes of some tokens one behind the other, float32 on the host.

    ``hidden`` (B, T, C) are the vectors after ln_out, ``logits`` (B, T, V) what the head makes of
    them.
    """

    hidden: Tensor
    logits: Tensor


class Read(NamedTuple):
    """What follows the last of some tokens, float32 on the host.

    ``logits`` (B, V), and ``hidden`` (B, C), the vector after ln_out that they are made of; None
    where it was not asked for.
    """

    logits: Tensor
    hidden: Tensor | None = None


class Rwkv:
    """Embedding, residual blocks, norm, head; a generation brings the two halves."""

    attend: ClassVar[type[Sublayer]]
    feed: ClassVar[type[Sublayer]]

    def __init__(self, root: Scope, progress: Callable[[int, int], None]) -> None:
        self.spec, self.ops = root.checkpoint.spec, root.ops
        self._start = merged_start(root.checkpoint)
        self.table = root.embedding()
        self.before = (root / "blocks" / 0).pair("ln0")
        self.blocks: list[tuple[Sublayer, Sublayer]] = []
        progress(0, self.spec.layers)
        for index in range(self.spec.layers):
            at = root / "blocks" / index
            self.blocks.append((self.attend(at, self.spec), self.feed(at, self.spec)))
            progress(index + 1, self.spec.layers)
        self.after, self.head = root.pair("ln_out"), root.head()
        captures = CapturedDecode if self.ops.device is None else CapturePool
        self._decode, self._decode_hidden = captures(self.ops), captures(self.ops)
        # a card has copies of its own
        self._watch = root.checkpoint.watch() if self.ops.device is None else None

    @property
    def weights_bytes(self) -> int:
        """What one token reads: everything but the embedding table."""
        return sum(_nbytes(part) for part in (self.before, self.blocks, self.after, self.head))

    def blank(self, batch: int = 1) -> RecurrentState:
        """The state before the first token, for ``batch`` texts: the file's, if it has one."""
        if self._start is not None:
            return self.place(self._start.rows([0] * batch))
        return self.place(State.blank(self.spec, batch))

    def place(self, state: State) -> RecurrentState:
        """A State where the model's operations want it."""
        return state if self.ops.device is None else GpuState.of(state, self.ops.device)

    @torch.inference_mode()
    def forward(
        self,
        tokens: Tensor,
        state: RecurrentState,
        *,
        every: bool = False,
        alike: bool = False,
        exact: bool = False,
    ) -> Tensor:
        """Logits, float32, after each row's last token (B, V), or every token (B, T, V).

        ``tokens`` (B, T) int64; ``state`` of B texts moves on by T tokens, in place.  ``alike``
        gives each text the very bits that it comes to alone, at the price of running fewer of
        them together where the operations cannot do it otherwise.  ``exact`` gives many tokens
        the numbers that they come to one by one, as far as float32 goes: see Ops.  Raises
        RequestRefused for a token that the vocabulary does not have, or for no token at all, and
        ChangedCheckpoint where the file was written to in which weights lie.
        """
        self._begin(tokens, state)
        batch, steps = tokens.shape
        if exact:
            with switched_on(self.ops, "exact"):
                return self.forward(tokens, state, every=every, alike=alike)
        if alike and batch > 1:
            return self._alike(tokens, state, lambda t, s: self.forward(t, s, every=every))
        if steps == 1:
            only = self._decode(self._step, tokens, state)
            return only if every else only[:, 0]
        host = self.ops.host
        piece = max(1, self.ops.rows // batch)
        logits = []
        for first in range(0, steps, piece):
            x = self._run(tokens[:, first : first + piece], state, every=every)
            if every:
                logits.append(host(self._logits(x)))
        if every:
            return logits[0] if len(logits) == 1 else torch.cat(logits, 1)
        last: Tensor = host(self._logits(x[:, -1]))
        return last

    @torch.inference_mode()
    def reading(
        self,
        tokens: Tensor,
        state: RecurrentState,
        *,
        hidden: bool = False,
        exact: bool = False,
    ) -> Iterator[Read | None]:
        """``forward`` in steps: None after each layer, and at last what follows the last token.

        A card takes it as one step, and so does a single token.  Where it is left early or fails,
        ``state`` is good for nothing any more.  ``hidden`` asks for that vector as well, and
        changes no bit of the logits; for ``exact`` see ``forward``.
        """
        if self.ops.device is not None or not 1 < tokens.shape[1] <= self.ops.rows // len(tokens):
            yield self._read_at_once(tokens, state, hidden=hidden, exact=exact)
            return
        self._begin(tokens, state)
        for x in self._layers(tokens, state, every=False, exact=exact):  # noqa: B007 - the last one counts
            yield None
        with switched_on(self.ops, "exact") if exact else contextlib.nullcontext():
            vector = self.ops.norm(x[:, -1], self.after)
            logits = self.head.logits(vector)
        host = self.ops.host
        yield Read(host(logits), host(vector) if hidden else None)

    def _read_at_once(
        self, tokens: Tensor, state: RecurrentState, *, hidden: bool, exact: bool
    ) -> Read:
        if not hidden:
            return Read(self.forward(tokens, state, exact=exact))
        vectors = self.hidden(tokens, state)[:, -1:]
        return Read(self.logits(vectors)[:, 0], vectors[:, 0])

    @torch.inference_mode()
    def positions(self, tokens: Tensor, state: RecurrentState) -> Iterator[Positions | None]:
        """Every token in steps: None after each layer, and behind some tokens what they give.

        No more than AT_ONCE positions of all texts together are in memory at a time, the last of
        them behind the last token.  The numbers are those of one token after the other, as far as
        float32 goes: see ``exact`` in Ops.  Where it is left early or fails, ``state`` is good for
        nothing any more.
        """
        self._begin(tokens, state)
        piece = max(1, AT_ONCE // len(tokens))
        for some in torch.split(tokens, piece, 1):
            for x in self._layers(some, state, every=True, exact=True):  # noqa: B007 - as below
                yield None
            with switched_on(self.ops, "exact"):
                hidden = self.ops.norm(x, self.after)
                logits = self.head.logits(hidden)
            yield Positions(self.ops.host(hidden), self.ops.host(logits))

    @torch.inference_mode()
    def hidden(self, tokens: Tensor, state: RecurrentState, *, alike: bool = False) -> Tensor:
        """The vector after ln_out of every token (B, T, C), float32; else like ``forward``.

        ``logits`` makes of them what ``forward`` gives of every token.
        """
        self._begin(tokens, state)
        if alike and len(tokens) > 1:
            return self._alike(tokens, state, self.hidden)
        if tokens.shape[1] == 1:
            return self._decode_hidden(self._seen, tokens, state)
        pieces = torch.split(tokens, max(1, self.ops.rows // len(tokens)), 1)
        return torch.cat([self.ops.host(self._seen(piece, state)).clone() for piece in pieces], 1)

    @torch.inference_mode()
    def logits(self, hidden: Tensor, *, alike: bool = False) -> Tensor:
        """Logits (B, T, V) of vectors (B, T, C) after ln_out, both float32 on the host.

        For ``alike`` see ``forward``.
        """
        if alike and len(hidden) > 1:
            some = torch.split(hidden, self._together(hidden.shape[1]))
            if len(some) > 1:
                return torch.cat([self.logits(vectors, alike=True).clone() for vectors in some])
            with switched_on(self.ops, "alike"):
                return self.logits(hidden)
        x = hidden.contiguous()
        found: Tensor = self.ops.host(self.head.logits(self.ops.upload(x, "fp32")))
        return found

    def _alike(
        self,
        tokens: Tensor,
        state: RecurrentState,
        run: Callable[[Tensor, RecurrentState], Tensor],
    ) -> Tensor:
        """What ``run`` gives of several texts, of as many at a time as can be together."""
        batch, steps = tokens.shape
        if batch == 1:
            return run(tokens, state)
        together = self._together(steps)
        if batch <= together:
            with switched_on(self.ops, "alike"):
                return run(tokens, state)
        found = []
        for first in range(0, batch, together):
            some = range(first, min(batch, first + together))
            part, its_tokens = state.rows(some), tokens[some.start : some.stop]
            found.append(self._alike(its_tokens, part, run).clone())
            for place, index in enumerate(some):
                state.put(index, part if len(some) == 1 else part.rows([place]))
        return torch.cat(found)

    def _together(self, steps: int) -> int:
        """How many texts of so many tokens can have the bits at once that each has alone."""
        return self.ops.most_alike if steps == 1 else 1

    def _begin(self, tokens: Tensor, state: RecurrentState) -> None:
        """What ``forward`` raises before it computes."""
        self._check(tokens, state)
        if self._watch:
            self._watch()

    def _run(self, tokens: Tensor, state: RecurrentState, *, every: bool = True) -> Array:
        """The residual of every token, or that of the last ones with the last behind all."""
        *_, x = self._layers(tokens, state, every=every)
        return x

    def _layers(
        self, tokens: Tensor, state: RecurrentState, *, every: bool, exact: bool = False
    ) -> Iterator[Array]:
        """The residual behind each layer; other runs of the model may come in between."""
        x = self.ops.embed(self.table, tokens, self.before)
        # not on cards, whose arrays are of another library
        shortened = None if every or self.ops.device is not None else self.blocks[-1][1]
        first: list[Array] = []
        for (attend, feed), memory in zip(self.blocks, state.views, strict=True):
            attended, fed, wkv = memory
            layer = LayerState(attended, fed, wkv, first)
            with switched_on(self.ops, "exact") if exact else contextlib.nullcontext():
                attend(x, layer)
                if feed is shortened:
                    # of the others nothing is left but what is shifted: the norm of the last but
                    # one
                    x = x[:, -2:].contiguous()
                feed(x, layer)
            yield x

    def _step(self, tokens: Tensor, state: RecurrentState) -> Array:
        return self._logits(self._run(tokens, state))

    def _seen(self, tokens: Tensor, state: RecurrentState) -> Array:
        return self.ops.norm(self._run(tokens, state), self.after)

    def _logits(self, x: Array) -> Array:
        return self.head.logits(self.ops.norm(x, self.after))

    def _check(self, tokens: Tensor, state: RecurrentState) -> None:
        if tokens.dim() != 2 or len(tokens) != state.batch:
            shape = tuple(tokens.shape)
            raise ValueError(f"tokens of shape {shape} for a state of {state.batch} texts")
        if not tokens.numel():
            raise RequestRefused(why="no-token")
        ids = tokens.flatten().tolist()  # torch takes ten times as long for a few numbers
        least, most = min(ids), max(ids)
        if least < 0 or most >= self.spec.vocabulary:
            wrong = least if least < 0 else most
            raise RequestRefused(why="token", value=wrong, vocabulary=self.spec.vocabulary)


class GatedChannelMix:
    """The feed-forward of generations 4 to 6: square-ReLU, gated by receptance."""

    def __init__(self, block: Scope, spec: Spec) -> None:
        at = block / "ffn"
        self.ops, self.norm, self.mixes = at.ops, block.pair("ln2"), self.read_mixes(at)
        self.key, self.value = at.matrix("key"), at.value("value")
        self.receptance = at.matrix("receptance")

    @staticmethod
    def read_mixes(at: Scope) -> Array:
        """The two blends (k, r)."""
        return at.kept("time_mix_k", "time_mix_r")

    def __call__(self, x: Array, layer: LayerState) -> None:
        """See Sublayer."""
        k, r = self.ops.mix(x, self.norm, layer.feed, self.mixes)
        self.value.onto(x, self.key(k, "relu2"), self.receptance(r, "sigmoid"))


@contextlib.contextmanager
def switched_on(ops: Ops, what: Literal["alike", "exact"]) -> Iterator[None]:
    """The operations are so for a while."""
    setattr(ops, what, True)
    try:
        yield
    finally:
        setattr(ops, what, False)


def _nbytes(part: object) -> int:
    """Bytes of all arrays and weights that hang on a part of a model."""
    size = getattr(part, "nbytes", None)
    if size is not None:
        return int(size)
    if isinstance(part, list | tuple):
        return sum(_nbytes(inner) for inner in part)
    named = getattr(part, "__dict__", {})
    return sum(_nbytes(inner) for name, inner in named.items() if name != "ops")
