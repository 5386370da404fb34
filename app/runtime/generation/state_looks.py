"""Looks at the states of one text on its way: some go to files, and of some parts are told."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import RequestRefused
from app.runtime.protocol.messages import Reply
from app.runtime.protocol.states import StateParts, StateSeen, StatesWanted, TakenState
from app.runtime.spec import Spec
from app.runtime.states.state_files import save
from app.runtime.states.state_parts import Floats, heads_of, norms_of
from app.runtime.states.state_store import Trail

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState

MOST_PLACES = 4096
MOST_BYTES = 1 << 27
"""Of the parts that are told of one state: a whole one of the largest model has half of that."""


class StateLooks:
    """``wants`` says at which places of a text ``take`` is to be called, in their order."""

    def __init__(
        self,
        request: int,
        wanted: StatesWanted,
        opened: "Opened",
        send: Callable[[Reply], None],
        told: int = -1,
    ) -> None:
        """States until the one after ``told`` tokens were looked at before.

        Raises RequestRefused (fact why) for parts that the model has not, and for too much.
        """
        check_states(wanted, opened.model.spec)
        self._request, self._wanted, self._opened, self._send = request, wanted, opened, send
        self._heads = heads_wanted(wanted.parts, opened.model.spec)
        self._told = told
        self.places = frozenset(one.tokens for one in wanted.places if one.tokens > told)

    def wants(self, tokens: int) -> bool:
        """Whether the state after so many tokens is looked at."""
        every = self._wanted.every
        if tokens <= self._told:
            return False
        return tokens in self.places or (every > 0 and tokens > 0 and tokens % every == 0)

    def take(
        self, tokens: int, state: "RecurrentState", logits: "torch.Tensor | None", trail: Trail
    ) -> list[TakenState]:
        """Write the files of this place, and tell of the state.  Raises DiskFull, StoreError."""
        taken = []
        for place in self._wanted.places:
            if place.tokens != tokens:
                continue
            facts, size = self._opened.state_facts(trail), 0
            if place.path:
                path = Path(os.fsdecode(place.path))
                facts = save(state, path, facts, logits)
                size = path.stat().st_size
            taken.append(TakenState(tokens, facts, size))
        return taken

    def tell(self, tokens: int, state: "RecurrentState", taken: Sequence[TakenState]) -> None:
        """Send what is to be told of the state after so many tokens."""
        parts, host = self._wanted.parts, state
        heads = self._heads if not parts.heads_at or tokens in parts.heads_at else ()
        if parts.norms or heads:
            host = state.host()
        self._send(
            StateSeen(
                id=self._request,
                tokens=tokens,
                norms=_bytes_of(norms_of(host)) if parts.norms else b"",
                heads=tuple(map(_bytes_of, heads_of(host, heads))) if heads else (),
                taken=tuple(taken),
            )
        )


def check_states(wanted: StatesWanted, spec: Spec) -> None:
    """Raise RequestRefused (fact why) for what the model has not, and for too much at once."""
    if len(wanted.places) > MOST_PLACES:
        raise RequestRefused(why="state-many", value=len(wanted.places), most=MOST_PLACES)
    if wanted.every < 0:
        raise RequestRefused(why="sampling-least", name="every", value=wanted.every, least=0)
    heads = max(1, spec.heads)
    for layer, head in wanted.parts.heads:
        if not (0 <= layer < spec.layers and 0 <= head < heads):
            raise RequestRefused(
                why="state-head", layer=layer, head=head, layers=spec.layers, heads=heads
            )
    size = spec.head_size**2 if spec.heads else 3 * spec.attention_width
    told = len(heads_wanted(wanted.parts, spec))
    if 4 * size * told > MOST_BYTES:
        raise RequestRefused(why="state-parts", value=told, most_bytes=MOST_BYTES)


def heads_wanted(parts: StateParts, spec: Spec) -> tuple[tuple[int, int], ...]:
    """The (layer, head) whose numbers are told, in their order."""
    if not parts.all_heads:
        return parts.heads
    heads = range(max(1, spec.heads))
    return tuple((layer, head) for layer in range(spec.layers) for head in heads)


def _bytes_of(numbers: Floats) -> bytes:
    return numbers.astype("<f4", copy=False).tobytes()
