"""What the generations share: the residual stack, and the gated feed-forward.

Shapes read (B, T, C): batch, time, channels.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from app.errors import RequestRefused
from app.kernels import Array, Ops
from app.runtime.spec import Spec
from app.runtime.states.gpu_states import GpuState
from app.runtime.states.split_state import SplitState, parts_of
from app.runtime.states.state import RecurrentState, State

from .handover import Handed
from .layers import Block, LayerState, Sublayer
from .scope import Scope, Tensors
from .segment_runner import Residual, SegmentRunner, switched_on
from .start_state import merged_start

AT_ONCE = 256
"""Positions whose logits are in memory at once while all of them are read."""


class Positions(NamedTuple):
    """What a model makes of some tokens one behind the other, float32 on the host.

    ``hidden`` (B, T, C) are the vectors after ln_out, ``logits`` (B, T, V) what the head makes of
    them.
    """

    hidden: Tensor
    logits: Tensor


class StateHome(NamedTuple):
    """A device where a ``share`` of every state lies: its name, and the card (None: the host)."""

    name: str
    device: Any
    share: float


class Read(NamedTuple):
    """What follows the last of some tokens, float32 on the host.

    ``logits`` (B, V), and ``hidden`` (B, C), the vector after ln_out that they are made of; None
    where it was not asked for.
    """

    logits: Tensor
    hidden: Tensor | None = None


class Rwkv:
    """Embedding, residual blocks, norm, head; a generation brings the two halves of a block.

    ``runners`` are its parts in the order of the layers, one for each device that follows another.
    """

    time_mix: ClassVar[type[Sublayer]]
    channel_mix: ClassVar[type[Sublayer]]

    def __init__(self, checkpoint: Tensors, runners: Sequence[SegmentRunner]) -> None:
        self.spec, self.runners = checkpoint.spec, tuple(runners)
        self._start = merged_start(checkpoint)
        self._last = self.runners[-1]
        self._deep = [runner for runner in self.runners if runner.depth]
        self._all_ops = tuple({id(one.ops): one.ops for one in self.runners}.values())
        # a card has copies of its own
        on_host = any(one.device is None for one in self._all_ops)
        self._watch = checkpoint.watch() if on_host else None

    @property
    def ops(self) -> Ops:
        """Those of the first layer."""
        return self._deep[0].ops

    @property
    def backend(self) -> str:
        """What computes, of each device: "native avx512", "cuda NVIDIA L4 + native avx512"."""
        return " + ".join(dict.fromkeys(one.name for one in self._all_ops))

    @property
    def note(self) -> str:
        """Why a device computes slowly, in one line; "" where none does."""
        return next((one.note for one in self._all_ops if one.note), "")

    @property
    def rows(self) -> int:
        """How many tokens, of all texts together, go through the layers at once."""
        return min(one.rows for one in self._all_ops)

    @property
    def reads_in_steps(self) -> bool:
        """Whether ``reading`` stops between layers.

        A card is through before anybody has waited.  Where layers come from the file, what runs in
        between would have all of them come once more.
        """
        on_host = [runner for runner in self._deep if runner.ops.device is None]
        return bool(on_host) and all(runner.streamed is None for runner in on_host)

    @property
    def blocks(self) -> list[Block]:
        """Those of all layers."""
        return [block for one in self.runners for layers in one.layers for block in layers]

    @property
    def weights_bytes(self) -> int:
        """What one token reads: everything but the embedding table."""
        return sum(runner.weights_bytes for runner in self.runners)

    @property
    def resident_bytes(self) -> dict[str, int]:
        """Bytes of the weights that lie on each device for good, the embedding table with them."""
        found: dict[str, int] = {}
        for runner in self.runners:
            found[runner.device] = found.get(runner.device, 0) + runner.all_bytes
        for device, streamed in {one.device: one.streamed for one in self.runners}.items():
            found[device] += streamed.slot_bytes - streamed.nbytes if streamed else 0
        return found

    @property
    def state_homes(self) -> list[StateHome]:
        """Where the states lie: with the layers."""
        layers = {runner.ops.device: (runner.device, 0) for runner in self._deep}
        for runner in self._deep:
            name, count = layers[runner.ops.device]
            layers[runner.ops.device] = name, count + runner.depth
        total = self.spec.layers
        return [StateHome(name, card, count / total) for card, (name, count) in layers.items()]

    def blank(self, batch: int = 1) -> RecurrentState:
        """The state before the first token, for ``batch`` texts: the file's, if it has one."""
        if self._start is not None:
            return self.place(self._start.rows([0] * batch))
        return self.place(State.blank(self.spec, batch))

    def place(self, state: State) -> RecurrentState:
        """A State where the model's operations want it: each layer's part where the layer runs."""
        found: list[State | GpuState] = []
        first = 0
        for runner in self._deep:
            part = state if len(self._deep) == 1 else state.layers(first, first + runner.depth)
            device = runner.ops.device
            found.append(part if device is None else GpuState.of(part, device))
            first += runner.depth
        return found[0] if len(found) == 1 else SplitState(tuple(found))

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
            with switched_on(self._all_ops, "exact"):
                return self.forward(tokens, state, every=every, alike=alike)
        if alike and batch > 1:
            return self._alike(tokens, state, lambda t, s: self.forward(t, s, every=every))
        if steps == 1:
            only = self._decoded(tokens, state)
            return only if every else only[:, 0]
        last, host = self._last, self._last.ops.host
        piece = max(1, self.rows // batch)
        logits = []
        for first in range(0, steps, piece):
            at = self._run(tokens[:, first : first + piece], state, every=every)
            if every:
                logits.append(host(last.logits(last.hidden(at))))
        if every:
            return logits[0] if len(logits) == 1 else torch.cat(logits, 1)
        found: Tensor = host(last.last_logits(at))
        return found

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

        It is one step where ``reads_in_steps`` says so, and so is a single token.  Where it is left
        early or fails, ``state`` is good for nothing any more.  ``hidden`` asks for that vector as
        well, and changes no bit of the logits; for ``exact`` see ``forward``.
        """
        if not self.reads_in_steps or not 1 < tokens.shape[1] <= self.rows // len(tokens):
            yield self._read_at_once(tokens, state, hidden=hidden, exact=exact)
            return
        self._begin(tokens, state)
        at, last = (yield from self._layers(tokens, state, every=False, exact=exact)), self._last
        with switched_on((last.ops,), "exact") if exact else contextlib.nullcontext():
            vector = last.last_hidden(at)
            logits = last.logits(vector)
        host = last.ops.host
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
        piece, last = max(1, AT_ONCE // len(tokens)), self._last
        for some in torch.split(tokens, piece, 1):
            at = yield from self._layers(some, state, every=True, exact=True)
            with switched_on((last.ops,), "exact"):
                hidden = last.hidden(at)
                logits = last.logits(hidden)
            yield Positions(last.ops.host(hidden), last.ops.host(logits))

    @torch.inference_mode()
    def hidden(self, tokens: Tensor, state: RecurrentState, *, alike: bool = False) -> Tensor:
        """The vector after ln_out of every token (B, T, C), float32; else like ``forward``.

        ``logits`` makes of them what ``forward`` gives of every token.
        """
        self._begin(tokens, state)
        if alike and len(tokens) > 1:
            return self._alike(tokens, state, self.hidden)
        if tokens.shape[1] == 1:
            return self._decoded(tokens, state, hidden=True)
        pieces = torch.split(tokens, max(1, self.rows // len(tokens)), 1)
        return torch.cat([self._seen(piece, state) for piece in pieces], 1)

    @torch.inference_mode()
    def logits(self, hidden: Tensor, *, alike: bool = False) -> Tensor:
        """Logits (..., V) of vectors (..., C) after ln_out, both float32 on the host.

        For ``alike`` see ``forward``; the vectors are (B, T, C) then.
        """
        if alike and len(hidden) > 1:
            some = torch.split(hidden, self._together(hidden.shape[1]))
            if len(some) > 1:
                return torch.cat([self.logits(vectors, alike=True).clone() for vectors in some])
            with switched_on(self._all_ops, "alike"):
                return self.logits(hidden)
        x, ops = hidden.contiguous(), self._last.ops
        found: Tensor = ops.host(self._last.logits(ops.upload(x, "fp32")))
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
            with switched_on(self._all_ops, "alike"):
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
        return min(one.most_alike for one in self._all_ops) if steps == 1 else 1

    def _begin(self, tokens: Tensor, state: RecurrentState) -> None:
        """What ``forward`` raises before it computes."""
        self._check(tokens, state)
        if self._watch:
            self._watch()

    def _decoded(self, tokens: Tensor, state: RecurrentState, *, hidden: bool = False) -> Tensor:
        """The logits (B, 1, V) or the vectors after ln_out (B, 1, C) of one token of each text."""
        last = self._last.decode_hidden if hidden else self._last.decode
        if len(self.runners) == 1:
            return last((tokens,), state)[0]
        given: Handed = (tokens,)
        memories = self._memories(state)
        for runner, memory in zip(self.runners[:-1], memories, strict=False):
            given = runner.decode(given, memory)
        return last(given, memories[-1])[0]

    def _memories(self, state: RecurrentState) -> list[RecurrentState | None]:
        """The part of each runner; None for one without layers."""
        if len(self.runners) == 1:
            return [state]
        parts = iter(parts_of(state))
        return [next(parts) if runner.depth else None for runner in self.runners]

    def _run(self, tokens: Tensor, state: RecurrentState, *, every: bool = True) -> Residual:
        """The residual of every token, or that of the last ones with the last behind all."""
        steps = self._layers(tokens, state, every=every)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: Residual = end.value
                return found

    def _layers(
        self, tokens: Tensor, state: RecurrentState, *, every: bool, exact: bool = False
    ) -> Generator[None, None, Residual]:
        """A step a layer, and at last the residual; other runs of the model may come in between."""
        given: Handed = (tokens,)
        for runner, memory in zip(self.runners, self._memories(state), strict=True):
            at = runner.enter(given)
            shorten = not every and runner is self._deep[-1]
            yield from runner.steps(at, memory, shorten=shorten, exact=exact)
            if runner is not self._last:
                given = runner.leave(at, last_only=not every and not runner.more)
        return at

    def _seen(self, tokens: Tensor, state: RecurrentState) -> Tensor:
        """The vectors after ln_out on the host, in memory of their own."""
        last = self._last
        found: Tensor = last.ops.host(last.hidden(self._run(tokens, state))).clone()
        return found

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
        k, r = self.ops.mix(x, self.norm, layer.ffn_shift, self.mixes)
        self.value.onto(x, self.key(k, "relu2"), self.receptance(r, "sigmoid"))
