"""In which ways of running memory ran out: for now, and as it is kept for the next start."""

import asyncio
from typing import Protocol

import msgspec

from app.errors import OutOfMemory, WorkerOutOfMemory
from app.runtime.planning.stepping_down import FOR_NOW, Preferences
from app.runtime.protocol.messages import Loaded


class ShortageFile(Protocol):
    """Keeps for each model of this machine the strategies in which memory ran out.

    Each goes with the bytes that a model could take then.  Reads and writes a file.
    """

    def get(self, path: str) -> dict[str, int]:
        """Those of the model at ``path``."""
        ...

    def put(self, path: str, strategy: str, room_bytes: int) -> None:
        """One more."""
        ...

    def forget(self, path: str, strategy: str) -> None:
        """It has run in this way since."""
        ...


class Shortages:
    """Of one model; ``kept`` is the file, if there is one."""

    def __init__(self, kept: ShortageFile | None = None) -> None:
        self.kept = kept
        self._now: dict[str, int] = {}
        self._unsaved: list[tuple[str, str, int]] = []

    def begin(self) -> None:
        """A model is opened by somebody's wish: what ran out a while ago may be tried again."""
        self._now = {}

    async def known(self, path: str) -> dict[str, int]:
        """What a worker that opens the model has to know."""
        kept = await asyncio.to_thread(self._look, path)
        return {**kept, **self._now}

    async def with_known(self, usual: Preferences, path: str, *, firm: bool) -> Preferences:
        """The preferences with that for the model at ``path``."""
        return msgspec.structs.replace(usual, firm=firm, ran_out=await self.known(path))

    def _look(self, path: str) -> dict[str, int]:
        if self.kept is None:
            return {}
        while self._unsaved:
            self.kept.put(*self._unsaved.pop())
        return self.kept.get(path)

    def note(self, path: str, strategy: str, room_bytes: int) -> bool:
        """Memory ran out in this way.  False where that was known, or nothing is told of it."""
        if not strategy or strategy in self._now:
            return False
        self._now[strategy] = FOR_NOW
        if room_bytes:
            self._unsaved.append((path, strategy, room_bytes))
        return True

    def note_end(self, path: str, failure: WorkerOutOfMemory) -> bool:
        """The same of a worker that the system ended while it loaded."""
        facts = failure.facts
        return self.note(path, str(facts.get("strategy", "")), int(facts.get("room_bytes", 0)))

    async def note_opened(self, path: str, asked: str, loaded: Loaded) -> None:
        """Keep what the worker found out while it loaded, and what somebody insisted on."""
        down = loaded.stepped_down
        if self.kept is None:
            return
        if down is not None and down.code == OutOfMemory.code and not down.facts.get("before"):
            room = down.facts.get("room_bytes", 0)
            if isinstance(room, int) and room:
                await asyncio.to_thread(self.kept.put, path, down.strategy, room)
        elif down is None and asked == loaded.strategy:
            await asyncio.to_thread(self.kept.forget, path, asked)


def helps(failure: OutOfMemory, loaded: Loaded) -> bool:
    """Whether fewer bytes for the weights could help: not where more is wanted than there is."""
    total = loaded.plan.facts.get("total_bytes", 0) if loaded.plan is not None else 0
    needed = failure.facts.get("needed_bytes", 0)
    return not total or not isinstance(needed, int) or needed <= int(total)


def room_of(loaded: Loaded) -> int:
    """What the model could take on its device when it was opened."""
    return int(loaded.plan.facts.get("room_bytes", 0)) if loaded.plan is not None else 0
