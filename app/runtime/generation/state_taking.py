"""A prompt that is read for the states on its way: they go to files, or are only remembered."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from app.errors import RequestRefused
from app.runtime.protocol.messages import Reply
from app.runtime.protocol.states import (
    StateParts,
    StatesTaken,
    StatesWanted,
    TakenState,
    TakeStates,
)
from app.runtime.states.state_key import StartingPoint, TokenPrefix
from app.runtime.states.state_store import Trail

from .prompt_reading import PromptReading, Reason
from .state_looks import StateLooks

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState


class StateTaking(PromptReading):
    """Reads until the last of the places, and takes the state at each of them."""

    def __init__(
        self,
        request: TakeStates,
        prompt: tuple[int, ...],
        opened: "Opened",
        send: Callable[[Reply], None],
        trail: Trail,
    ) -> None:
        """Raises RequestRefused (fact why) where there is no place, one beyond the prompt, and for
        parts that cannot be told.
        """
        places = request.places
        if not prompt and not trail.prefix.point.start:
            raise RequestRefused(why="state-nothing")
        if not places:
            raise RequestRefused(why="state-nowhere")
        for place in places:
            if not 0 <= place.tokens <= len(prompt):
                raise RequestRefused(why="state-place", value=place.tokens, tokens=len(prompt))
        ends = sorted({place.tokens for place in places})
        self._apart = request.exact and not any(place.path for place in places)
        if self._apart:
            trail = replace(trail, prefix=TokenPrefix(_apart(trail.prefix.point)))
        wanted = StatesWanted(places=places, parts=request.parts)
        looks = StateLooks(request.id, wanted, opened, send)
        super().__init__(request.id, prompt[: ends[-1]], trail, send, ends)
        self._looks, self._first, self._exact = looks, ends[0], request.exact
        if self._apart:
            self.kept_s = math.inf  # none of it goes to the disk
        self._tells = request.parts != StateParts()
        self._taken: list[TakenState] = []

    @property
    def exact(self) -> bool:
        """See PromptReading."""
        return self._exact

    @property
    def remembers(self) -> bool:
        """Exact states are no part of what other texts come to: they are remembered apart."""
        return self._apart or not self._exact

    @property
    def lookup(self) -> tuple[int, ...]:
        """Not beyond the first place, whose state is wanted; nothing where it is read anew."""
        return self.prompt[: self._first] if self.remembers else ()

    def reached(self, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        """Write the files of this place.  Raises DiskFull, StoreError."""
        if self._looks.wants(self.read):
            taken = self._looks.take(self.read, state, logits, self.come_up())
            if self._tells:
                self._looks.tell(self.read, state, taken)
            self._taken += taken

    def take(self, logits: "torch.Tensor | None", hidden: "torch.Tensor | None" = None) -> bool:
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


def _apart(point: StartingPoint) -> StartingPoint:
    """Under which exact states are remembered: no other text finds them."""
    return point._replace(start=f"exact {point.start}")
