"""How a request or a whole worker ended."""

import asyncio

from app.errors import Fact, Failure, NoModel, WorkerDied, WorkerOutOfMemory
from app.runtime.protocol.messages import Done, Event, Failed, Loaded, Work, failure_of
from app.system.child_process import End
from app.system.log import describe, logger


def refused(reply: Failed, request: Work) -> Failure:
    """The failure that ended a request; what ended the whole process is logged once."""
    failure = failure_of(reply)
    if not isinstance(failure, WorkerDied | NoModel):
        words = "%s %d was refused: %s"
        logger("request").warning(words, type(request).__name__, request.id, describe(failure))
    return failure


def is_stop(event: Event | Done) -> bool:
    """Whether it is the end of a text that was cancelled."""
    return isinstance(event, Done) and event.reason == "stopped"


def died(end: End, strategy: str, room_bytes: int) -> WorkerDied:
    """Why it ended, in which way of running, for which there was so much room."""
    known: dict[str, Fact] = {"why": end.why} if end.why else {}
    known |= {"strategy": strategy} if strategy else {}
    known |= {"room_bytes": room_bytes} if room_bytes else {}
    kind = WorkerOutOfMemory if end.why == "no-memory" else WorkerDied
    return kind(exit_code=end.exit_code, stderr=end.stderr, **known)


def note_exception(opening: "asyncio.Task[Loaded]") -> None:
    """Retrieve the exception of an opening: ``failure`` has it too, so nobody needs to await it."""
    if not opening.cancelled():
        opening.exception()
