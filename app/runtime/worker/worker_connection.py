"""The pipe to one worker process: requests and the replies to each; needs asyncio, not Qt."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from app.errors import Failure, NoModel, RequestRefused, WorkerDied
from app.runtime.protocol import messages
from app.runtime.protocol.message_base import Message
from app.runtime.protocol.messages import (
    Cancel,
    Failed,
    GenerateTogether,
    Load,
    Prefilled,
    Quit,
    Reply,
    Work,
    failed,
    failure_of,
)
from app.runtime.protocol.reply_kinds import ENDINGS, REPLIES
from app.runtime.protocol.states import (
    KeepStates,
    StatesNotKept,
)
from app.system.child_process import End, Process, worker_command
from app.system.frames import LIMIT, GarbledError, decoded
from app.system.log import describe, logger

from .endings import died, refused

T = TypeVar("T", bound=Message)
_STOP_LIMIT_S = 1.0
_QUIT_LIMIT_S = 1.0


class Connection:
    """Starts a worker at once, from the loop's thread, and owns it until ``close``.

    If the worker ends or sends anything but replies to what it was asked, every request fails.

    ``on_end`` is called in the loop when the process has ended, for whatever cause; ``failure``
    then says why (None where ``close`` or ``kill`` ended it).  ``on_unkept`` is called in the loop,
    once, where states cannot be kept on the disk.
    """

    def __init__(
        self, on_end: Callable[[], None] = lambda: None, command: Sequence[str] = ()
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self.on_unkept: Callable[[Failure], None] = lambda _: None
        self._ids = itertools.count(1)
        self._inboxes: dict[int, asyncio.Queue[Reply]] = {}
        self._running: dict[int, Work] = {}
        self._still = asyncio.Event()
        self._still.set()
        self._ended = asyncio.Event()
        self._leaving = False
        self._strategy, self._room = "", 0
        self.failure: WorkerDied | None = None
        self._process = Process(command or worker_command(), self._receive, self._end)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether a request can be sent: the process runs and was not asked to quit."""
        return not self._ended.is_set() and not self._leaving

    async def stop(self) -> None:
        """Stop all texts: each ends with its Done, but is not waited for for ever."""
        for running in self._running:
            self._send(Cancel(id=running))
        await self._wait(self._still, _STOP_LIMIT_S)

    async def close(self) -> None:
        """Stop all texts (each ends with its Done) and ask the worker to quit, else kill it.

        A model that is being loaded is not waited for.
        """
        if not any(isinstance(request, Load) for request in self._running.values()):
            await self.stop()
        self._leaving = True
        self._send(Quit(id=0))
        if not await self._wait(self._ended, _QUIT_LIMIT_S):
            self.kill()
            await self._ended.wait()

    def kill(self) -> None:
        """Kill the worker; ``ended`` waits until it is gone."""
        self._leaving = True
        self._process.kill()

    async def ended(self) -> None:
        """Wait until the process is gone and its exit code known."""
        await self._ended.wait()

    async def _wait(self, event: asyncio.Event, limit_s: float) -> bool:
        # not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes with the event
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await event.wait()
        return event.is_set()

    async def _answer(
        self,
        request: Work,
        kind: type[T],
        report: Callable[[Prefilled], None] = lambda _: None,
    ) -> T:
        """The one message that answers ``request``; of what is read for it ``report`` is told."""
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Prefilled):
                    report(reply)
                elif isinstance(reply, kind):
                    return reply
        raise self._end_failure()

    async def _ask(self, request: Work) -> AsyncGenerator[Reply, None]:
        """Send; yield what comes back, the ending too; cancel where the reader leaves early."""
        if not self.alive:
            raise self._end_failure()
        inbox = self._inboxes[request.id] = asyncio.Queue()
        self._running[request.id] = request  # before it is sent: _receive compares replies with it
        self._still.clear()
        try:
            self._send_checked(request)
            while True:
                reply = await inbox.get()
                if isinstance(reply, Failed):
                    raise refused(reply, request)
                yield reply
                if isinstance(reply, ENDINGS):
                    return
        finally:
            del self._inboxes[request.id]
            if request.id in self._running:
                self._send(Cancel(id=request.id))

    def _send_checked(self, request: Work | GenerateTogether) -> None:
        message = messages.encode(request)
        if len(message) > LIMIT:
            self._settle(request.id)
            raise RequestRefused(why="too-long", limit_bytes=LIMIT)
        self._process.send(message)

    def _send(self, request: Cancel | KeepStates | Quit) -> None:
        self._process.send(messages.encode(request))

    def _receive(self, frame: bytes) -> None:
        """Called in the process's thread."""
        reply = decoded(messages.decode_reply, frame)
        request = self._running.get(reply.id)
        if request is not None and not isinstance(reply, REPLIES[type(request)]):
            raise GarbledError(f"{type(reply).__name__} in reply to {type(request).__name__}")
        self._call(self._deliver, reply)

    def _end(self, end: End) -> None:
        """Called in the process's thread."""
        self._call(self._note_end, end)

    def _call(self, function: Callable[..., None], argument: Reply | End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, argument)

    def _deliver(self, reply: Reply) -> None:
        if isinstance(reply, StatesNotKept):
            self.on_unkept(failure_of(reply))
        elif inbox := self._inboxes.get(reply.id):
            inbox.put_nowait(reply)
        if isinstance(reply, (*ENDINGS, Failed)):
            self._settle(reply.id)

    def _settle(self, request: int) -> None:
        self._running.pop(request, None)
        if not self._running:
            self._still.set()

    def _note_end(self, end: End) -> None:
        if not self._leaving:
            self.failure = died(end, self._strategy, self._room)
            how = end.signal_name or "by itself"
            logger("worker").error("%d ended: %s, %s", self.pid, how, describe(self.failure))
        self._ended.set()
        reason = self._end_failure()
        for request in list(self._running):
            self._deliver(failed(request, reason))
        self._on_end()

    def _end_failure(self) -> Failure:
        return self.failure or NoModel()
