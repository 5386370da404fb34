"""What is known of a named state: its note, and the header of its file; touches no file."""

from dataclasses import dataclass, field

import msgspec

from app.errors import Failure
from app.runtime.protocol.states import StateFacts

LONGEST_NAME = 120


class StateNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a person calls a state and says of it, in a small file beside it.

    ``read`` is what was read: the names of files or the beginning of a text; ``about`` what the
    person wrote.  ``model_path`` is where its model lay; ``model`` and ``fingerprint`` are those
    of a tuned state, whose file does not tell them, as the person chose.  ``trashed`` is when it
    was put into the trash.  Times are seconds since 1970.
    """

    name: str = ""
    read: str = ""
    about: str = ""
    created: float = 0.0
    model_path: str = ""
    model: str = ""
    fingerprint: str = ""
    trashed: float | None = None


class ModelSizes(msgspec.Struct, frozen=True):
    """Of the model that a state fits, as far as its file tells; 0 where it does not."""

    layers: int = 0
    width: int = 0
    heads: int = 0
    head_size: int = 0


_UNKNOWN = ModelSizes()


@dataclass(frozen=True)
class NamedState:
    """One state.  ``failure`` is why its file is of no use: then its note and size are known."""

    id: str
    note: StateNote
    bytes: int
    facts: StateFacts = field(default_factory=StateFacts)
    sizes: ModelSizes = _UNKNOWN
    failure: Failure | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.note.name or self.id

    @property
    def fingerprint(self) -> str:
        """Of the model it belongs to; "" where nothing tells it."""
        return self.facts.fingerprint or self.note.fingerprint

    @property
    def model(self) -> str:
        """The name of the model it belongs to; "" where nothing tells it."""
        return self.facts.model or self.note.model


class ReadingJob(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is being read for a state: what will be its note, and by which model.

    ``tokens`` are to be read after the ``before`` tokens of the state ``base`` ("" for none), in
    the vocabulary with that identity.  ``writer`` is the program that reads it now.
    """

    note: StateNote
    fingerprint: str
    model: str
    vocabulary: str
    tokens: int
    base: str = ""
    before: int = 0
    writer: str = ""


@dataclass(frozen=True)
class Unfinished:
    """A job that was begun; ``done`` of its tokens are in the state that is kept of it."""

    id: str
    job: ReadingJob
    done: int

    @property
    def left(self) -> int:
        """How many tokens are still to be read."""
        return max(0, self.job.tokens - self.done)
