"""Start states of the texts of one model, read from files and kept in its store."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from app.errors import NotFound, RequestRefused
from app.runtime.protocol.states import StartState, StateFacts, StateLoaded
from app.runtime.states import state_formats
from app.runtime.states.state_key import StateKey, TokenPrefix
from app.runtime.states.state_store import Known, StateStore, Trail

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState

Stamp = tuple[int, int, int, int]


class Start(NamedTuple):
    """Where a text begins, and the state there, if it was not to be found in the store."""

    trail: Trail
    state: "RecurrentState"
    logits: "torch.Tensor | None" = None


class _Seen(NamedTuple):
    """A file as it was when it was read last; ``goes_on``: it has the logits after its state."""

    stamp: Stamp
    facts: StateFacts
    nbytes: int
    goes_on: bool


class StartStates:
    """Reads each file once, as long as it stays as it was and the store keeps its state.

    ``replaced`` is told of each text's state that the store has from a file now.
    """

    def __init__(
        self,
        opened: "Opened",
        store: StateStore,
        replaced: Callable[[StateKey], None] = lambda _: None,
    ) -> None:
        self._opened, self._store, self._replaced = opened, store, replaced
        self._seen: dict[bytes, _Seen] = {}

    def trail(self, start: StartState | None) -> Trail:
        """The beginning of a text; the file is read unless it was before.

        Raises RequestRefused (facts path, why) for a state that does not belong to this model, or
        was made with another format where that may not serve, and the failures of reading a state.
        """
        if start is None:
            return Trail(TokenPrefix(self._opened.point()))
        seen = self._seen.get(start.path)
        if seen is None or seen.stamp != _stamp(start.path):
            seen = self._read(start)[0]
        self._refuse_other(start, seen.facts)
        facts, point = seen.facts, self._opened.point(seen.facts.checksum)
        return Trail(
            TokenPrefix(point),
            before=facts.tokens,
            approximate=self._is_other(facts),
            goes_on=seen.goes_on,
        )

    def state(self, start: StartState | None) -> tuple["RecurrentState", "torch.Tensor | None"]:
        """The state there, of the caller's own, and the logits after it, where they are known."""
        if start is None:
            return self._opened.model.blank(), None
        _, known = self._read(start)
        return known.state.clone(), known.logits

    def load(self, request: int, start: StartState) -> StateLoaded:
        """Read the file anew, for whoever asked; a saved state is known by its tokens from then on.

        Raises as ``trail`` does.
        """
        seen, known = self._read(start)
        facts, approximate = seen.facts, self._is_other(seen.facts)
        if facts.kind == "saved" and facts.prefix and facts.since:
            key = StateKey(self._opened.point(facts.start), facts.since, facts.prefix)
            self._store.put(known._replace(key=key))
            self._replaced(key)
        return StateLoaded(
            id=request,
            facts=facts,
            nbytes=seen.nbytes,
            running=self._opened.made_with.format,
            approximate=approximate,
            bound=facts.kind == "saved",
        )

    def _read(self, start: StartState) -> tuple[_Seen, Known]:
        """What is in the file; its state is the store's, and only to be copied."""
        opened, stamp = self._opened, _stamp(start.path)
        path = Path(os.fsdecode(start.path))
        found = state_formats.load(path, opened.model.spec, opened.binding)
        self._refuse_other(start, found.facts)
        seen = self._seen[start.path] = _Seen(
            stamp, found.facts, found.state.nbytes, found.logits is not None
        )
        key = TokenPrefix(self._opened.point(found.facts.checksum)).key
        state = opened.model.place(found.state)
        known = Known(key, state, found.logits, self._is_other(found.facts))
        self._store.put(known)
        return seen, known

    def _is_other(self, facts: StateFacts) -> bool:
        """Whether another format has a part in it."""
        return facts.approximate or facts.format not in ("", self._opened.made_with.format)

    def _refuse_other(self, start: StartState, facts: StateFacts) -> None:
        if self._is_other(facts) and not start.other_format:
            raise RequestRefused(
                why="state-format",
                path=os.fsdecode(start.path),
                found=facts.format,
                wanted=self._opened.made_with.format,
            )


def _stamp(path: bytes) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise NotFound(path=os.fsdecode(path)) from error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
