"""Why a request to a worker ended without its answer, as a failure; what ends it is noted."""

from app.errors import Failure, NoModel, WorkerDied, WorkerOutOfMemory
from app.runtime.protocol.messages import Failed, Work, failure_of
from app.system.child_process import End
from app.system.log import describe, logger


def refused(reply: Failed, request: Work) -> Failure:
    """The failure that ended a request; what ended the whole process is logged once."""
    failure = failure_of(reply)
    if not isinstance(failure, WorkerDied | NoModel):
        words = "%s %d was refused: %s"
        logger("request").warning(words, type(request).__name__, request.id, describe(failure))
    return failure


def died(end: End, strategy: str) -> WorkerDied:
    """The process has ended while it ran a model as ``strategy`` says."""
    known: dict[str, str] = {"why": end.why} if end.why else {}
    known |= {"strategy": strategy} if strategy else {}
    kind = WorkerOutOfMemory if end.why == "no-memory" else WorkerDied
    return kind(exit_code=end.exit_code, stderr=end.stderr, **known)
