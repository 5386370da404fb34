"""Where the worker of a supervisor is."""

from enum import Enum, auto


class Phase(Enum):
    """Where the worker is.

    DEAD: it ended by itself.  RESTING: it was ended by ``rest``, or
    parked.  In both the next request has it go on, or starts it again.
    """

    EMPTY = auto()
    LOADING = auto()
    READY = auto()
    DEAD = auto()
    RESTING = auto()
    CLOSING = auto()
