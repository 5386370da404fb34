"""Who may run now: requests in the order in which they came, as many texts as there are places.

A request for another model waits until all before it have ended; then that model is opened, once
for all that wait for it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.errors import ServerRefused

_LONGEST_WAIT_S, _LOADING_S = 60, 2
_USUAL_S = 2.0


@dataclass(eq=False)
class Ticket:
    """One request's place in the queue: ``go`` is done when it may run, or fails."""

    model: str
    places: int
    go: "asyncio.Future[None]"
    began_s: float = field(default_factory=time.monotonic)


class Admission:
    """``is_open`` tells of a model's path whether it answers; ``open_model`` opens it.

    ``places`` texts run at once, which is known once a model is open; at most ``waiting`` texts
    wait.  It is used in one loop.
    """

    def __init__(
        self,
        is_open: Callable[[str], bool],
        open_model: Callable[[str], Awaitable[None]],
        waiting: int,
    ) -> None:
        self._is_open, self._open_model, self._most = is_open, open_model, waiting
        self._waiting: deque[Ticket] = deque()
        self._running: set[Ticket] = set()
        self._opening: asyncio.Task[None] | None = None
        self._usual_s = _USUAL_S
        self.places = 1

    @property
    def running(self) -> int:
        """How many texts run."""
        return sum(ticket.places for ticket in self._running)

    @property
    def waiting(self) -> int:
        """How many texts wait."""
        return sum(ticket.places for ticket in self._waiting)

    @property
    def loading(self) -> bool:
        """Whether a model is being opened."""
        return self._opening is not None

    def enter(self, model: str, texts: int) -> Ticket:
        """Queue up for a model; ``leave`` whatever becomes of it.

        Raises ServerRefused where the queue is full, and while another request has a model opened.
        """
        if self.loading:
            raise ServerRefused(why="loading", wait_s=_LOADING_S)
        if self._waiting and self.waiting + texts > self._most:
            raise ServerRefused(why="queue-full", wait_s=self._wait_s())
        ticket = Ticket(model, texts, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        self._admit()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """It has ended, or does not wait any longer."""
        if ticket in self._running:
            self._running.remove(ticket)
            self._usual_s += (time.monotonic() - ticket.began_s - self._usual_s) / 8
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        ticket.go.cancel()
        self._admit()

    async def close(self) -> None:
        """Nobody waits any longer."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        while self._waiting:
            _end(self._waiting.popleft(), ServerRefused(why="stopping"))

    def _admit(self) -> None:
        while self._waiting and not self.loading:
            first = self._waiting[0]
            if not self._is_open(first.model):
                if not self._running:
                    self._begin_opening(first.model)
                return
            places = min(first.places, self.places)
            if self.running + places > self.places:
                return
            self._waiting.popleft()
            first.places, first.began_s = places, time.monotonic()
            self._running.add(first)
            if not first.go.done():
                first.go.set_result(None)

    def _begin_opening(self, model: str) -> None:
        async def opened() -> None:
            await self._open_model(model)

        self._opening = asyncio.create_task(opened())
        self._opening.add_done_callback(lambda task: self._note_opened(model, task))

    def _note_opened(self, model: str, task: "asyncio.Task[None]") -> None:
        self._opening = None
        error = ServerRefused(why="stopping") if task.cancelled() else task.exception()
        if error is None and not self._is_open(model):
            error = ServerRefused(why="loading", wait_s=_LOADING_S)  # another one was chosen
        if error is not None:
            for ticket in [ticket for ticket in self._waiting if ticket.model == model]:
                self._waiting.remove(ticket)
                _end(ticket, error)
        self._admit()

    def _wait_s(self) -> int:
        """About how long it takes until those that wait have been let in."""
        rounds = self.waiting / max(1, self.places)
        return max(1, min(_LONGEST_WAIT_S, round(rounds * self._usual_s)))


def _end(ticket: Ticket, error: BaseException) -> None:
    if not ticket.go.done():
        ticket.go.set_exception(error)
        ticket.go.exception()  # whoever waited may be gone
