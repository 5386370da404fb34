"""What can be wrong with a file that should be a model."""

from typing import ClassVar

from .failure import Failure, codes_of
from .reasons import CheckpointReason, FileThing, ModelThing, WantedThing


class CheckpointError(Failure):
    """The file cannot be used as a model."""

    code = "checkpoint"
    reasons = codes_of(CheckpointReason)
    things = codes_of(FileThing, ModelThing, WantedThing)
    worded: ClassVar[tuple[str, ...]] = ("why", "found", "wanted")


class NotFound(CheckpointError):
    """There is no such file or folder."""

    code = "not-found"
    retryable = False


class MovedCheckpoint(NotFound):
    """The file of a model that was open is no longer there; fact: path."""

    code = "moved-checkpoint"
    retryable = True  # once it lies there again


class Unreadable(CheckpointError):
    """The operating system refuses to read it."""

    code = "unreadable"


class ChangedCheckpoint(CheckpointError):
    """Written to while its model was open, whose weights lie in it."""

    code = "changed-checkpoint"


class DamagedCheckpoint(CheckpointError):
    """Truncated, bit-flipped or inconsistent."""

    code = "damaged-checkpoint"
    retryable = False


class UnfitCheckpoint(DamagedCheckpoint):
    """No byte is missing, but its tensors do not make a model: facts why, missing."""

    code = "unfit-checkpoint"


class DamagedState(DamagedCheckpoint):
    """The file of a state is truncated, bit-flipped or inconsistent; facts path, why."""

    code = "damaged-state"


class HostileCheckpoint(CheckpointError):
    """Asks for code to be run or for absurd sizes."""

    code = "hostile-checkpoint"
    retryable = False


class MisreadCheckpoint(CheckpointError):
    """This program made a mistake while reading it, so nothing is known of the file; fact: said."""

    code = "misread-checkpoint"


class ForeignCheckpoint(CheckpointError):
    """A model, but not an RWKV."""

    code = "foreign-checkpoint"
    retryable = False


class UnsupportedFormat(CheckpointError):
    """A known container that is not read."""

    code = "unsupported-format"
    retryable = False


class NotWeights(UnsupportedFormat):
    """What a trainer keeps beside a model, or other data: no weights are in it."""

    code = "not-weights"


class AnswerSaved(UnsupportedFormat):
    """A web page, a hub's refusal or a Git LFS pointer, saved under a model's name.

    ``why`` is "pointer" or "page".
    """

    code = "answer-saved"
    worded = ("found",)  # why decides about the way out


class UnsupportedVariant(CheckpointError):
    """An RWKV of a kind that is not run."""

    code = "unsupported-variant"
    retryable = False
