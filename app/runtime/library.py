"""What models lie on this disk, read from their headers alone; loads no number, needs no torch.

Unusable files are listed too, with the failure that opening them would raise.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from app.errors import CheckpointError, DamagedCheckpoint, Fact
from app.resources import resource

from .checkpoint import open_checkpoint
from .spec import Spec
from .strategy import parse

_MODELS = (".pth", ".safetensors", ".st", ".gguf")
# Endings that other things have as well: listed only where a model is inside.
_PERHAPS = (".pt", ".bin")
_UNFINISHED = ".part"
_INDEX = ".index.json"
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.\w+)", re.ASCII)
_WORDLESS = ("model", "pytorch_model", "consolidated")
_DEPTH = 5
_ENTRIES = 20_000


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One model on the disk, or one file that was meant to be one.

    ``path`` opens it: a file, or the index or first part of a model in several.  ``spec`` is
    None and ``failure_code`` and ``failure_facts`` are set where it cannot be used.
    ``tokenizer`` is the word of ``spec.tokenizer_for``; ``bytes`` counts all its files.
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


def embedded_model() -> Path:
    """The path of the small model that ships with the program."""
    return resource("models", "rookery-guide.safetensors")


def describe(path: Path) -> ModelFile:
    """What the header at ``path`` tells; a file that cannot be used is described as such."""
    path = Path(path)
    if path.suffix.lower() == _UNFINISHED:
        return _unusable(path, DamagedCheckpoint(why="its download is not finished"))
    try:
        with open_checkpoint(path) as checkpoint:
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
            )
    except CheckpointError as failure:
        return _unusable(path, failure)


def look_at(path: Path, strategy: str) -> None:
    """Fail at once for what the header and the strategy tell: torch takes a second to load.

    Raises CheckpointError and StrategyError.
    """
    if strategy:
        parse(strategy)
    open_checkpoint(path).close()


def scan(folders: Iterable[Path]) -> list[ModelFile]:
    """All models in these folders and the folders in them, by name; each once.

    Looks five folders deep and at 20000 entries in all, does not follow links to folders, and
    leaves out hidden ones.  A model in several files is one; folders that are not there or
    cannot be read hold nothing.
    """
    found: dict[str, ModelFile] = {}
    for folder in folders:
        for path in _candidates(Path(folder)):
            place = os.path.realpath(path)
            if place not in found:
                found[place] = describe(path)
    listed = [model for model in found.values() if not _is_other_thing(model)]
    return sorted(listed, key=lambda model: (model.name.casefold(), model.path))


def _unusable(path: Path, failure: CheckpointError) -> ModelFile:
    try:
        size = path.stat().st_size if path.is_file() else 0
    except (OSError, ValueError):
        size = 0
    facts = {"path": str(path), **failure.facts}
    return ModelFile(
        path=str(path),
        name=name_of(path),
        bytes=size,
        embedded=path == embedded_model(),
        failure_code=failure.code,
        failure_facts=facts,
    )


def _is_other_thing(model: ModelFile) -> bool:
    return bool(model.failure_code) and Path(model.path).suffix.lower() in _PERHAPS


def name_of(path: Path) -> str:
    """What a model is called: its file's name without endings.

    Where that is only a usual one, such as model.safetensors, the name of its folder.
    """
    name = path.name.removesuffix(_UNFINISHED).removesuffix(_INDEX)
    stem = Path(name).stem if Path(name).suffix.lower() in _MODELS + _PERHAPS else name
    match = _SHARD.fullmatch(name)
    stem = match[1] if match else stem
    return path.absolute().parent.name or stem if stem in _WORDLESS else stem


def _candidates(folder: Path) -> Iterator[Path]:
    """Files that could be models: no part of a model whose index or first part is there."""
    left = _ENTRIES
    for root, folders, files in os.walk(folder):
        left -= len(files) + len(folders)
        depth = len(Path(root).relative_to(folder).parts)
        if left < 0 or depth >= _DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in _leading(files):
            yield Path(root, name)
        if left < 0:
            return


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


def _is_candidate(name: str) -> bool:
    ending = Path(name.lower().removesuffix(_UNFINISHED).removesuffix(_INDEX)).suffix
    return ending in _MODELS + _PERHAPS
