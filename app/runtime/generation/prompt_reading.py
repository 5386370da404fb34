"""One text whose prompt is being read: how far it is, and what is known of it; runs no model."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from app.runtime.protocol.messages import Prefilled, Reply
from app.runtime.states.state_store import Known, Trail

if TYPE_CHECKING:
    import torch

    from app.runtime.states.state import RecurrentState

Reason = Literal["end", "stop", "limit", "stopped", "blocked"]

_MOST_ONE_BY_ONE = 2048  # more than are mostly written between two states that are kept


class PromptReading:
    """``read`` of ``prompt``'s tokens are in its state; of those, ``computed`` were run for it.

    Pieces of the prompt end at ``marks``, where the state is worth keeping, as it is at the
    prompt's end.  ``repeats``: it is to come out the same whatever runs beside it and whatever is
    remembered; ``straight``: its state is as if nothing were (``straight_reads.py``).  From
    ``written_from`` on the prompt's tokens were written one by one, by this very model: behind a
    remembered state they are read so (``one_by_one``), which gives the very numbers of a reply that
    was never cut.  ``kept_s`` is when a state of it went to the disk, or when it began.
    """

    def __init__(
        self,
        request: int,
        prompt: tuple[int, ...],
        trail: Trail,
        send: Callable[[Reply], None],
        marks: Iterable[int] = (),
    ) -> None:
        self.id, self.prompt, self.trail = request, prompt, trail
        self.marks = frozenset(marks)
        self.repeats, self.straight = False, True
        self.read = self.computed = 0
        self._send = send
        self.written_from, self.one_by_one = len(prompt), False
        self._began = self._read = self.kept_s = time.perf_counter()

    @property
    def unread(self) -> int:
        """How many tokens of the prompt are still to be read."""
        return len(self.prompt) - self.read

    @property
    def remembers(self) -> bool:
        """Whether its states are worth keeping for others."""
        return True

    @property
    def lasts(self) -> bool:
        """Whether the states at its marks and its end are worth a place on the disk."""
        return False

    @property
    def wants_hidden(self) -> bool:
        """Whether the vector after ln_out is wanted beside the logits."""
        return False

    @property
    def exact(self) -> bool:
        """Whether many tokens are read with the numbers that they come to one by one."""
        return False

    @property
    def lookup(self) -> tuple[int, ...]:
        """The tokens whose longest known beginning it can go on from."""
        return self.prompt

    def next_mark(self, most: int) -> int:
        """Where a piece ends that may go on until ``most``."""
        if self.one_by_one:
            return self.read + 1
        return min((m for m in self.marks if self.read < m < most), default=most)

    def go_on_from(self, known: Known) -> None:
        """The state of the prompt's beginning was found."""
        self.trail.kept = known.key
        self.trail.approximate = self.trail.approximate or known.approximate
        self._note(known.key.tokens - self.read)
        self.one_by_one = self.read >= self.written_from and self.unread <= _MOST_ONE_BY_ONE

    def note_computed(self, tokens: int) -> None:
        """So many more tokens of the prompt were run, and are in the state."""
        self.computed += tokens
        self._note(tokens)

    def come_up(self) -> Trail:
        """The trail, up to the last token that is in the state."""
        done = self.trail.prefix.tokens
        if done < self.read:
            self.trail.prefix.grow(self.prompt[done : self.read])
        return self.trail

    def reached(self, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        """The state after ``read`` tokens, at a mark or at the end; only to be looked at."""

    def take(self, logits: "torch.Tensor | None", hidden: "torch.Tensor | None" = None) -> bool:
        """The prompt is read, and ``logits`` (V,) follow it; False if the text has ended.

        They are None only where not one token was read and the start state came without them.
        ``hidden`` (C,) is the vector that they are made of, where it is wanted and known.
        """
        raise NotImplementedError

    def end(self, reason: Reason) -> Literal[False]:
        """Send the ending."""
        raise NotImplementedError

    def _note(self, tokens: int) -> None:
        self.read += tokens
        self._read = time.perf_counter()
        if self.prompt:
            self._send(Prefilled(id=self.id, done=self.read, total=len(self.prompt)))
