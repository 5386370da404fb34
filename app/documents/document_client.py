"""Has documents taken apart in a process of its own, under limits; needs asyncio."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.errors import BY_CODE, DocumentError, Failure, WorkerError
from app.system.child_process import End, Process
from app.system.frames import decoded

from .document_messages import (
    DOCUMENTS_ARGUMENT,
    MEMORY_EXIT,
    DocumentBegun,
    DocumentsRefused,
    ReadDocuments,
    Told,
    decode_told,
    encode,
)
from .reading_sources import SourceText

LIMIT_S = 60.0
"""How long one document may take."""


def documents_command() -> list[str]:
    """How to start the process, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, DOCUMENTS_ARGUMENT]
    return [sys.executable, "-m", "app", DOCUMENTS_ARGUMENT]


async def read_documents(
    paths: Sequence[Path], command: Sequence[str] = (), limit_s: float = LIMIT_S
) -> SourceText:
    """The text of files and folders; cancelling it ends the process.

    Raises NotFound, Unreadable, RequestRefused, and DocumentError: as ``text_of`` does, and "slow",
    "memory", "crashed", "not-started" of the process.
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

    path = str(paths[0])
    try:
        process = Process(
            command or documents_command(), lambda frame: call(decoded(decode_told, frame)), end
        )
    except WorkerError as failure:
        raise DocumentError(why="not-started", path=path, **failure.facts) from failure
    try:
        absolute = tuple(os.fsencode(one.absolute()) for one in paths)
        process.send(encode(ReadDocuments(absolute)))
        return await _answer(inbox, path, limit_s)
    finally:
        process.kill()
        await gone.wait()


async def _answer(inbox: "asyncio.Queue[Told | End]", path: str, limit_s: float) -> SourceText:
    while True:
        try:
            told = await asyncio.wait_for(inbox.get(), limit_s)
        except TimeoutError as error:
            raise DocumentError(why="slow", path=path, limit_s=round(limit_s)) from error
        if isinstance(told, DocumentBegun):
            path = told.name
        elif isinstance(told, DocumentsRefused):
            raise BY_CODE.get(told.code, Failure)("", **told.facts)
        elif isinstance(told, End):
            starved = told.why == "no-memory" or told.exit_code == MEMORY_EXIT
            raise DocumentError(why="memory" if starved else "crashed", path=path)
        else:
            return told.source
