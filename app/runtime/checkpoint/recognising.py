"""Which family a model belongs to: by its record, what is remembered, its header or its name.

A renamed file keeps its family, and one in a cache of numbered folders has one.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from app.errors import CheckpointError
from app.runtime.families.family import Family, Found, find_family
from app.runtime.families.known_models import KnownModels, standard_known_models
from app.runtime.origin import origin_of
from app.runtime.spec import tokenizer_for

from .checkpoint import Checkpoint, open_checkpoint
from .file_names import name_of, repository_of
from .gguf import CHAT_TEMPLATE
from .sharded import main_file

NAME = "general.name"
"""The entry of a header that has what a model is called, in a GGUF and in our own copies."""

_TITLES = (NAME, "general.basename", "general.finetune")
_THINKING_TEMPLATE = ("<think", "G1")  # what a chat template holds, and the series that has it
_LONGEST = 200


def recognised(checkpoint: Checkpoint, known: KnownModels | None = None) -> Family:
    """The family of an open model; what has told it is remembered under its fingerprint.

    ``known`` are this person's unless others are given.  Raises DamagedCheckpoint and Unreadable
    where the file cannot be read any more.
    """
    known = standard_known_models() if known is None else known
    found = _found(checkpoint, known)
    if found.told_by:
        known.remember(checkpoint.fingerprint, found.told_by[:_LONGEST])
    return found.family


def telling_name(checkpoint: Checkpoint, known: KnownModels | None = None) -> str:
    """The name that tells the family of an open model; "" where none does.  Raises as above."""
    return _found(checkpoint, standard_known_models() if known is None else known).told_by


def remember_family(path: Path, known: KnownModels | None = None) -> None:
    """Look what the model at ``path`` is while its name still tells it, as before a rename."""
    try:
        with open_checkpoint(path) as checkpoint:
            recognised(checkpoint, known)
    except CheckpointError:
        return  # no model that could be opened later


def _found(checkpoint: Checkpoint, known: KnownModels) -> Found:
    names = _names(checkpoint, known.name_of(checkpoint.fingerprint))
    return find_family(names, tokenizer_for(checkpoint.spec.vocabulary))


def _names(checkpoint: Checkpoint, remembered: str) -> Iterator[str]:
    """What the model is called, the surest first."""
    yield from _of_origin(checkpoint.path)
    if remembered:
        yield remembered
    yield from _of_metadata(checkpoint.metadata)
    yield name_of(checkpoint.path)
    yield repository_of(checkpoint.path)


def _of_origin(path: Path) -> Iterator[str]:
    try:
        origin = origin_of(main_file(path))
    except CheckpointError:
        return
    if origin is not None:
        yield PurePosixPath(origin.file).name
        yield origin.repo.rpartition("/")[2]


def _of_metadata(metadata: Mapping[str, str]) -> Iterator[str]:
    for key in _TITLES:
        if key in metadata:
            yield metadata[key][:_LONGEST]
    held, series = _THINKING_TEMPLATE
    if held in metadata.get(CHAT_TEMPLATE, ""):
        yield series
