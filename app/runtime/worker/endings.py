"""What may come in reply to each request, and how a request or a whole worker ended in failure."""

from app.errors import Fact, Failure, NoModel, WorkerDied, WorkerOutOfMemory
from app.runtime.protocol.message_base import Message
from app.runtime.protocol.messages import (
    Done,
    Failed,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    Measure,
    Measured,
    MeasureRates,
    Piece,
    Prefilled,
    Rated,
    ReplyBegun,
    Work,
    failure_of,
)
from app.runtime.protocol.scores import Score, Scored
from app.runtime.protocol.states import (
    HandOver,
    LoadState,
    SaveState,
    StateLoaded,
    StatesHandedOver,
    StatesTaken,
    TakeOver,
    TakeStates,
)
from app.system.child_process import End
from app.system.log import describe, logger

REPLIES: dict[type[Message], tuple[type[Message], ...]] = {
    Load: (LoadProgress, Loaded, Failed),
    Generate: (ReplyBegun, Prefilled, Piece, Done, Failed),
    Score: (Scored, Done, Failed),
    Measure: (Measured, Failed),
    MeasureRates: (Rated, Failed),
    LoadState: (StateLoaded, Failed),
    SaveState: (Prefilled, StatesTaken, Failed),
    TakeStates: (Prefilled, StatesTaken, Failed),
    HandOver: (StatesHandedOver, Failed),
    TakeOver: (StatesHandedOver, Failed),
}
ENDINGS = (Loaded, Done, Measured, Rated, StateLoaded, StatesTaken, StatesHandedOver)


def refused(reply: Failed, request: Work) -> Failure:
    """The failure that ended a request; what ended the whole process is logged once."""
    failure = failure_of(reply)
    if not isinstance(failure, WorkerDied | NoModel):
        words = "%s %d was refused: %s"
        logger("request").warning(words, type(request).__name__, request.id, describe(failure))
    return failure


def died(end: End, strategy: str, room_bytes: int) -> WorkerDied:
    """Why it ended, in which way of running, for which there was so much room."""
    known: dict[str, Fact] = {"why": end.why} if end.why else {}
    known |= {"strategy": strategy} if strategy else {}
    known |= {"room_bytes": room_bytes} if room_bytes else {}
    kind = WorkerOutOfMemory if end.why == "no-memory" else WorkerDied
    return kind(exit_code=end.exit_code, stderr=end.stderr, **known)
