"""Background work, begun in two ways: a coroutine, or a function in a thread; shows nothing."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from app.errors import Failure

P = ParamSpec("P")
T = TypeVar("T")


async def end_all(report: Callable[[BaseException], None]) -> None:
    """Cancel what still runs in this loop, wait, and ``report`` what was raised instead of that.

    For the end: whatever began too late for those who would have ended it, and been told of it.
    """
    mine = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not mine]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    for task in left:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            report(error)


async def stored(written: "Future[T]") -> T:
    """Wait for a write; it is done even if nobody waits any longer, as when the window closes."""
    return await asyncio.shield(asyncio.wrap_future(written))


class Tasks:
    """Keeps every running task, so that none is lost and all end before the window does.

    A ``Failure`` that leaves a task goes to ``on_failure``; anything else is a bug and goes to
    ``sys.excepthook``, as it would from any other place.
    """

    def __init__(self, on_failure: Callable[[Failure], None]) -> None:
        self._on_failure = on_failure
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether nothing is begun any more: what a thread or a timer tells now comes too late."""
        if self._closed:
            return True
        try:
            return asyncio.get_running_loop().is_closed()
        except RuntimeError:
            return True

    def start(
        self, work: Coroutine[Any, Any, T], after: Callable[[], None] | None = None
    ) -> "asyncio.Task[T]":
        """Run ``work`` beside the window; the task returned may be cancelled or awaited.

        ``after`` is called when it has ended, however it did: a task may be cancelled before its
        first step, and then no ``finally`` inside it is ever reached.  After ``close`` every task
        is cancelled before it begins: what it would use is being closed, too.
        """
        task = asyncio.get_event_loop().create_task(work)
        if self._closed:
            task.cancel()
        self._running.add(task)
        if after is not None:
            task.add_done_callback(lambda _task: after())
        task.add_done_callback(self._ended)
        return task

    async def thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await ``function``, run in a thread: for all reading of files and folders."""
        return await asyncio.to_thread(function, *args, **kwargs)

    async def close(self) -> None:
        """Cancel what still runs and wait until it has ended; nothing is begun afterwards."""
        self._closed = True
        mine = asyncio.current_task()
        waiting = [task for task in self._running if task is not mine]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Failure):
            self._on_failure(error)
        elif error is not None:
            sys.excepthook(type(error), error, error.__traceback__)
