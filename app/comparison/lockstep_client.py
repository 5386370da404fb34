"""Has two models read one text, in a process of its own; needs asyncio."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence

from app.errors import BY_CODE, Failure
from app.runtime.worker.endings import died
from app.system.child_process import End, Process
from app.system.frames import decoded

from .lockstep_messages import (
    LOCKSTEP_ARGUMENT,
    NotRead,
    ReadBoth,
    ReadTogether,
    SideOpening,
    TokensRead,
    Told,
    decode_told,
    encode,
)


def lockstep_command() -> list[str]:
    """How to start the process, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, LOCKSTEP_ARGUMENT]
    return [sys.executable, "-m", "app", LOCKSTEP_ARGUMENT]


async def read_together(
    asked: ReadTogether, command: Sequence[str] = ()
) -> AsyncGenerator[SideOpening | TokensRead | ReadBoth, None]:
    """What is told of two models that read ``asked``; the last is ReadBoth.

    Leave it inside ``contextlib.aclosing``: leaving early ends the process.  Raises the failures of
    opening, RequestRefused, NumbersBroken, and WorkerDied where the process ends by itself.
    """
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[Told | End] = asyncio.Queue()
    gone = asyncio.Event()

    def call(told: Told | End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(inbox.put_nowait, told)

    def end(how: End) -> None:
        call(how)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(gone.set)

    process = Process(
        command or lockstep_command(), lambda frame: call(decoded(decode_told, frame)), end
    )
    try:
        process.send(encode(asked))
        while True:
            told = await inbox.get()
            if isinstance(told, NotRead):
                raise BY_CODE.get(told.code, Failure)(told.detail, **told.facts)
            if isinstance(told, End):
                raise died(told, "", 0)
            yield told
            if isinstance(told, ReadBoth):
                return
    finally:
        process.kill()
        await gone.wait()
