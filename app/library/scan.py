"""What models lie on this disk, read from their headers alone; loads no number, needs no torch.

Unusable files are listed too, with the failure that opening them would raise.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from app.errors import (
    CheckpointError,
    DamagedCheckpoint,
    Fact,
    ForeignCheckpoint,
    HostileCheckpoint,
    NotFound,
    Unreadable,
    UnsupportedFormat,
)
from app.resources import resource
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.companions import Companion, companion_in
from app.runtime.checkpoint.sharded import is_sharded, main_file, part_names
from app.runtime.origin import Origin, origin_of
from app.runtime.planning.strategy import parse
from app.runtime.spec import Spec
from app.system.gpus import gpu_of, gpus

_MODELS = (".pth", ".safetensors", ".st", ".gguf")
# Endings that other things have as well: listed only where a model is inside.
_PERHAPS = (".pt", ".bin")
_UNFINISHED = (".part", ".crdownload", ".partial")
_INDEX = ".index.json"
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.\w+)", re.ASCII)
_USUAL = re.compile(
    r"(?:(?:diffusion_)?(?:pytorch_|ggml[-_])?model|consolidated|adapter_model|weights|checkpoint)"
    r"(?:[-_.]\d\d)?(?P<form>[-_.](?:bf16|f(?:p)?(?:16|32)|i?q\d\w*|int[48]))?",
    re.IGNORECASE | re.ASCII,
)
_DEPTH = 5
_ENTRIES = 20_000
_REPORTED = 20
_KINDS = {
    DamagedCheckpoint.code: "damaged",
    HostileCheckpoint.code: "unsafe",
    ForeignCheckpoint.code: "foreign",
    NotFound.code: "missing",
    Unreadable.code: "unreadable",
}


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One model on the disk, or one file that was meant to be one.

    ``path`` opens it: a file, or the index or first part of a model in several.  ``spec`` is
    None and ``failure_code`` and ``failure_facts`` are set where it cannot be used.
    ``tokenizer`` is the word of ``spec.tokenizer_for``; ``bytes`` counts all its files.

    ``kind`` is "model"; "state" or "lora", which ``made_for`` describes; "unfinished" for a
    download; or why it is no use: "damaged", "unsafe", "foreign" (a model, but no RWKV),
    "unsupported" (not read or not run), "missing" or "unreadable".  ``files`` are all its files,
    ``modified`` is when the newest was written, in seconds since 1970.  ``origin`` is what the
    note beside it says of where it came from.
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
    made_for: Companion | None = None
    files: tuple[str, ...] = ()
    modified: float = 0.0
    origin: Origin | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in one folder.

    ``there`` is False for a folder that is gone or may not be opened; ``limits`` holds "depth" or
    "entries" where it holds more than was looked at; ``unread`` are folders in it, at most twenty,
    that the system refused to open.
    """

    folder: str
    there: bool = True
    models: tuple[ModelFile, ...] = ()
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Describing(Protocol):
    """``describe``, or something that remembers what it said."""

    def __call__(self, path: Path) -> ModelFile:
        """What the header at ``path`` tells."""


def embedded_model() -> Path:
    """The path of the small model that ships with the program."""
    return resource("models", "rookery-guide.safetensors")


def describe(path: Path) -> ModelFile:
    """What the header at ``path`` tells; a file that cannot be used is described as such."""
    path = Path(path)
    if path.suffix.lower() in _UNFINISHED:
        failure = DamagedCheckpoint(why="its download is not finished")
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
            )
    except UnsupportedFormat as failure:
        made_for = companion_in(path)
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


def look_at(path: Path, strategy: str) -> None:
    """Fail at once for what the header and the strategy tell: torch takes a second to load.

    Raises CheckpointError, StrategyError and NoCard.
    """
    way = parse(strategy) if strategy else None
    if way is not None and way.on_gpu:
        gpu_of(way.device, gpus())
    open_checkpoint(path).close()


def scan(folders: Iterable[Path]) -> list[ModelFile]:
    """All models in these folders and the folders in them, by name; each once.

    As ``survey`` looks for them; folders that are not there or cannot be read hold nothing.
    """
    return merged(survey(Path(folder)) for folder in folders)


def merged(surveys: Iterable[Survey]) -> list[ModelFile]:
    """The models of all surveys by name; one that several of them found stands there once."""
    found: dict[str, ModelFile] = {}
    for one in surveys:
        for model in one.models:
            found.setdefault(os.path.realpath(model.path), model)
    return sorted(found.values(), key=lambda model: (model.name.casefold(), model.path))


def survey(
    folder: Path,
    describing: Describing = describe,
    cancelled: Callable[[], bool] = lambda: False,
) -> Survey:
    """Look through one folder and the folders in it, and tell where that was not all.

    Looks five folders deep and at 20000 entries, does not follow links to folders, and leaves
    out hidden ones.  A model in several files is one, and a file with several links stands there
    once.  Ends early, with what was found, once ``cancelled`` tells so.
    """
    walk = _Walk(folder)
    found: dict[str, ModelFile] = {}
    for path in walk.candidates():
        if cancelled():
            break
        place = os.path.realpath(path)
        if place not in found:
            found[place] = describing(path)
    return Survey(
        folder=str(folder),
        there=walk.there,
        models=tuple(model for model in found.values() if not _is_other_thing(model)),
        limits=tuple(sorted(walk.limits)),
        unread=tuple(walk.unread[:_REPORTED]),
    )


def _unusable(
    path: Path, failure: CheckpointError, kind: str, made_for: Companion | None = None
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


def _is_other_thing(model: ModelFile) -> bool:
    useless = model.failure_code and model.made_for is None
    return bool(useless) and Path(model.path).suffix.lower() in _PERHAPS


def name_of(path: Path) -> str:
    """What a model is called: its file's name without endings.

    Where that is only a usual one, such as model.safetensors, the name of its folder, with the
    form of the numbers where the file's name tells it.
    """
    stem = _stem_of(path.name)
    usual, folder = _USUAL.fullmatch(stem), path.absolute().parent.name
    if usual is None or not folder:
        return stem
    form = usual["form"] or ""
    return folder if form[1:].casefold() in folder.casefold() else folder + form


def is_usual(name: str) -> bool:
    """Whether half of all models have a file of this name, so that it tells nothing."""
    return _USUAL.fullmatch(_stem_of(name)) is not None


def _stem_of(file: str) -> str:
    name = _finished(file).removesuffix(_INDEX)
    stem = Path(name).stem if Path(name).suffix.lower() in _MODELS + _PERHAPS else name
    match = _SHARD.fullmatch(name)
    return match[1] if match else stem


def _finished(name: str) -> str:
    """The name that a download will have."""
    return name[: -len(Path(name).suffix)] if name.lower().endswith(_UNFINISHED) else name


class _Walk:
    """One way through a folder: the files that could be models, and what was left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = True
        self.limits: set[str] = set()
        self.unread: list[str] = []

    def candidates(self) -> Iterator[Path]:
        """No part of a model whose index or first part is there."""
        left = _ENTRIES
        for root, folders, files in os.walk(self.folder, onerror=self._refused):
            left -= len(files) + len(folders)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            deep = len(Path(root).relative_to(self.folder).parts) >= _DEPTH
            if folders and (deep or left < 0):
                self.limits.add("depth" if deep else "entries")
                folders.clear()
            yield from (Path(root, name) for name in _leading(files[:_ENTRIES]))
            if left < 0:
                self.limits.add("entries")
                return

    def _refused(self, error: OSError) -> None:
        place = str(error.filename or self.folder)
        if place == str(self.folder):
            self.there = False
        elif len(self.unread) < _REPORTED:
            self.unread.append(place)


def _leading(files: list[str]) -> list[str]:
    """Of each model in several parts the index, else its first part; the others as they are."""
    chosen: dict[tuple[str, bool], str] = {}
    for name in sorted(files):
        if name.startswith(".") or not _is_candidate(name):
            continue
        match = _SHARD.fullmatch(name)
        index = name.endswith(_INDEX)
        whole = f"{match[1]}{match[2]}" if match else name.removesuffix(_INDEX)
        model = (whole, index or match is not None)
        if index or model not in chosen:
            chosen[model] = name
    return sorted(chosen.values())


def is_model_name(name: str) -> bool:
    """Whether a file is called as models are, whole or not."""
    return not name.startswith(".") and _is_candidate(name)


def _is_candidate(name: str) -> bool:
    ending = Path(_finished(name).lower().removesuffix(_INDEX)).suffix
    return ending in _MODELS + _PERHAPS
