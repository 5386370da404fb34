"""What one file of a model is, from its header alone, or why it cannot be used."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.errors import (
    CheckpointError,
    DamagedCheckpoint,
    Fact,
    ForeignCheckpoint,
    HostileCheckpoint,
    MisreadCheckpoint,
    NotFound,
    NotWeights,
    UnfitCheckpoint,
    Unreadable,
    UnsupportedFormat,
)
from app.resources import resource
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.adapter_files import AdapterFile, adapter_in
from app.runtime.checkpoint.file_names import UNFINISHED_ENDINGS, name_of
from app.runtime.checkpoint.sharded import is_sharded, main_file, part_names
from app.runtime.origin import Origin, origin_of
from app.runtime.spec import Spec
from app.system.bug_hook import SurvivingBugs

_KINDS = {
    DamagedCheckpoint.code: "damaged",
    HostileCheckpoint.code: "unsafe",
    UnfitCheckpoint.code: "unsupported",
    ForeignCheckpoint.code: "foreign",
    NotFound.code: "missing",
    Unreadable.code: "unreadable",
}


NO_MODEL = "no-model"
"""The kind of what lies beside models and is none, as trainers' records do: nothing lists it."""


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One model on the disk, or one file that was meant to be one.

    ``path`` opens it: a file, or the index or first part of a model in several.  ``spec`` is
    None and ``failure_code`` and ``failure_facts`` are set where it cannot be used.
    ``tokenizer`` is the word of ``spec.tokenizer_for``; ``bytes`` counts all its files.

    ``kind`` is "model"; "state" or "lora", which ``made_for`` describes; "unfinished" for a
    download; or why it is no use: "damaged", "unsafe", "foreign" (a model, but no RWKV),
    "unsupported" (not read or not run), "no-model", "missing" or "unreadable".  ``files`` are
    all its files, ``modified`` is when the newest was written, in seconds since 1970.  ``origin``
    is what the note beside it says of where it came from.  ``fingerprint`` is that of the file;
    "" where it cannot be used.
    """

    path: str
    name: str
    format: str = ""
    dialect: str = ""
    spec: Spec | None = None
    dtype: str = ""
    bytes: int = 0
    tokenizer: str = ""
    embedded: bool = False
    failure_code: str = ""
    failure_facts: dict[str, Fact] = {}
    kind: str = "model"
    made_for: AdapterFile | None = None
    files: tuple[str, ...] = ()
    modified: float = 0.0
    origin: Origin | None = None
    fingerprint: str = ""


def embedded_model() -> Path:
    """The path of the small model that ships with the program."""
    return resource("models", "rookery-guide.safetensors")


def describe(path: Path) -> ModelFile:
    """What the header at ``path`` tells; a file that cannot be used is described as such.

    Also one that makes this program stumble: others are not to suffer for it.  The mistake is
    reported.
    """
    path = Path(path)
    with SurvivingBugs() as bugs:
        return _described(path)
    return _misread(path, MisreadCheckpoint(said=bugs.place))


def _described(path: Path) -> ModelFile:
    if path.suffix.lower() in UNFINISHED_ENDINGS:
        failure = DamagedCheckpoint(why="download-unfinished")
        return _unusable(path, failure, "unfinished")
    try:
        with open_checkpoint(path) as checkpoint:
            files = files_of(path)
            return ModelFile(
                path=str(path),
                name=name_of(path),
                format=checkpoint.format,
                dialect=checkpoint.dialect,
                spec=checkpoint.spec,
                dtype=checkpoint.dtype,
                bytes=checkpoint.bytes,
                tokenizer=checkpoint.tokenizer_hint,
                embedded=path == embedded_model(),
                files=files,
                modified=_modified(files),
                origin=origin_of(Path(files[0])),
                fingerprint=checkpoint.fingerprint,
            )
    except NotWeights as failure:
        return _unusable(path, failure, NO_MODEL)
    except UnsupportedFormat as failure:
        made_for = adapter_in(path)
        return _unusable(path, failure, made_for.kind if made_for else "unsupported", made_for)
    except CheckpointError as failure:
        return _unusable(path, failure, _KINDS.get(failure.code, "unsupported"))


def files_of(path: Path) -> tuple[str, ...]:
    """All files that the model at ``path`` is made of, the one that opens it first.

    Where an index is damaged, or a part is missing, those that are known.
    """
    try:
        main = main_file(path)
        parts = part_names(main) if is_sharded(main) else []
    except CheckpointError:
        return (str(path),)
    return tuple(dict.fromkeys([str(main), *(str(main.with_name(part)) for part in parts)]))


def _unusable(
    path: Path, failure: CheckpointError, kind: str, made_for: AdapterFile | None = None
) -> ModelFile:
    files = files_of(path)
    facts = {"path": str(path), **failure.facts}
    return ModelFile(
        path=str(path),
        name=name_of(path),
        bytes=_size(path),
        embedded=path == embedded_model(),
        failure_code=failure.code,
        failure_facts=facts,
        kind=kind,
        made_for=made_for,
        files=files,
        modified=_modified(files),
        origin=origin_of(Path(files[0])),
    )


def _misread(path: Path, failure: MisreadCheckpoint) -> ModelFile:
    """Asks nothing of the file but what the system knows of it."""
    return ModelFile(
        path=str(path),
        name=path.stem,
        bytes=_size(path),
        failure_code=failure.code,
        failure_facts={"path": str(path), **failure.facts},
        kind="unsupported",
        files=(str(path),),
        modified=_modified((str(path),)),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except (OSError, ValueError):
        return 0


def _modified(files: Iterable[str]) -> float:
    newest = 0.0
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            newest = max(newest, Path(file).stat().st_mtime)
    return newest
