"""A prompt that is read for the states on its way: they go to files, or are only remembered."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.errors import RequestRefused
from app.runtime.protocol.messages import Reply
from app.runtime.protocol.states import Place, StatesTaken, TakenState
from app.runtime.states.state_files import save
from app.runtime.states.state_store import Trail

from .prompt_reading import PromptReading, Reason

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState


class StateTaking(PromptReading):
    """Reads until the last of ``places``, and takes the state at each of them."""

    def __init__(
        self,
        request: int,
        prompt: tuple[int, ...],
        places: Sequence[Place],
        opened: "Opened",
        send: Callable[[Reply], None],
        trail: Trail,
    ) -> None:
        """Raises RequestRefused (fact why) where there is no place, or one beyond the prompt."""
        if not prompt and not trail.prefix.point.start:
            raise RequestRefused(why="state-nothing")
        if not places:
            raise RequestRefused(why="state-nowhere")
        for place in places:
            if not 0 <= place.tokens <= len(prompt):
                raise RequestRefused(why="state-place", value=place.tokens, tokens=len(prompt))
        ends = sorted({place.tokens for place in places})
        super().__init__(request, prompt[: ends[-1]], trail, send, ends)
        self._places, self._first, self._opened = places, ends[0], opened
        self._taken: list[TakenState] = []

    @property
    def lookup(self) -> tuple[int, ...]:
        """Not beyond the first place, whose state is wanted."""
        return self.prompt[: self._first]

    def reached(self, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        """Write the files of this place.  Raises DiskFull, StoreError."""
        for place in self._places:
            if place.tokens == self.read:
                self._take(place, state, logits)

    def take(self, logits: "torch.Tensor | None") -> bool:
        """See PromptReading: it ends with its prompt."""
        return self.end("end")

    def end(self, reason: Reason) -> Literal[False]:
        """See PromptReading."""
        self._send(
            StatesTaken(
                id=self.id,
                states=tuple(self._taken),
                prompt_tokens=len(self.prompt),
                computed_tokens=self.computed,
                prefill_s=self._read - self._began,
                stopped=reason == "stopped",
                approximate=self.trail.approximate,
            )
        )
        return False

    def _take(self, place: Place, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        facts, size = self._opened.state_facts(self.come_up()), 0
        if place.path:
            path = Path(os.fsdecode(place.path))
            facts = save(state, path, facts, logits)
            size = path.stat().st_size
        self._taken.append(TakenState(place.tokens, facts, size))
