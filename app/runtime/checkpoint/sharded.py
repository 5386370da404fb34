"""Several files that make one model, as one container; also finds them by folder, index or shard.

An index is JSON with {"weight_map": {tensor: file}}; ``file_names`` has what it is called.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.errors import DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat

from .file_names import INDEX_ENDING, SHARD, WEIGHT_ENDINGS, is_training_record, whole_of
from .file_signatures import ENOUGH, refuse_answer
from .source import Source, failure_of
from .stored import Container, Stored, shown

_INDEX_LIMIT = 16 << 20
_SHARD_LIMIT = 1000


class ShardedFile:
    """An open model in several files.

    ``placed`` says in which file each tensor lies; without it all tensors of all files are taken.
    """

    def __init__(self, shards: Mapping[str, Container], placed: Mapping[str, str] | None) -> None:
        self._shards = shards
        first = next(iter(shards.values()))
        self.format, self.metadata = first.format, first.metadata
        self.bytes = sum(shard.bytes for shard in shards.values())
        self.tensors: Mapping[str, Stored] = _placed(shards, placed or _all(shards))

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files."""
        return tuple(source for shard in self._shards.values() for source in shard.sources)

    def place(self, stored: Stored) -> tuple[Source, int]:
        """The file of the tensor, and where in it the tensor's bytes begin."""
        shard = self._shards[stored.key]
        return shard.place(shard.tensors[stored.name])

    def close(self) -> None:
        """Let all files go."""
        for shard in self._shards.values():
            shard.close()


def main_file(path: Path) -> Path:
    """What to open for ``path``: for a folder its index or its only model, for a shard its index.

    Raises Unreadable, and UnsupportedFormat where the folder does not hold one model.
    """
    try:
        if path.is_dir():
            return _in_folder(path)
        if SHARD.fullmatch(path.name):
            index = path.with_name(whole_of(path.name) + INDEX_ENDING)
            return index if index.is_file() else path
        return path
    except (OSError, ValueError) as error:
        raise failure_of(error, path) from error


def is_sharded(path: Path) -> bool:
    """Whether the name is that of an index or of one file of several."""
    return path.name.endswith(INDEX_ENDING) or SHARD.fullmatch(path.name) is not None


def open_sharded(path: Path, open_one: Callable[[Path], Container]) -> ShardedFile:
    """Open all files of the model whose index, or one file of which, is ``path``.

    Raises NotFound for a missing file, DamagedCheckpoint, HostileCheckpoint, and whatever
    ``open_one`` raises.
    """
    placed = _weight_map(path) if path.name.endswith(INDEX_ENDING) else None
    names = _names(path, placed)
    shards: dict[str, Container] = {}
    try:
        for name in names:
            shards[name] = open_one(path.with_name(name))
        return ShardedFile(shards, placed)
    except BaseException:
        for shard in shards.values():
            shard.close()
        raise


def part_names(path: Path) -> list[str]:
    """The names of the files that hold the tensors of the model at ``path``, an index or a part.

    Raises NotFound, Unreadable, DamagedCheckpoint and HostileCheckpoint.
    """
    return _names(path, _weight_map(path) if path.name.endswith(INDEX_ENDING) else None)


def _names(path: Path, placed: Mapping[str, str] | None) -> list[str]:
    names = sorted(set(placed.values())) if placed else _siblings(path.name)
    if len(names) > _SHARD_LIMIT:
        raise HostileCheckpoint(why="too-many-parts", count=len(names))
    return names


def _in_folder(folder: Path) -> Path:
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    indexes = [file for file in files if file.name.endswith(INDEX_ENDING)]
    models = [file for file in files if file.suffix.lower() in WEIGHT_ENDINGS and file.is_file()]
    models = [file for file in models if not is_training_record(file.name)]
    if len(indexes) == 1:
        return indexes[0]
    shards = [(file, SHARD.fullmatch(file.name)) for file in models]
    first = [file for file, shard in shards if not shard or int(shard["number"]) == 1]
    if len(first) == 1:
        return first[0]
    what = "folder-of-several" if first else "folder-without-model"
    raise UnsupportedFormat(found=what, wanted="one-model")


def _siblings(name: str) -> list[str]:
    match = SHARD.fullmatch(name)
    if match is None:
        return [name]
    stem, number, total, ending = match.group("stem", "number", "count", "ending")
    count = int(total)
    if not 1 <= int(number) <= count:
        raise DamagedCheckpoint(why="parts-miscounted")
    if count > _SHARD_LIMIT:
        raise HostileCheckpoint(why="too-many-parts", count=count)
    return [f"{stem}-{part:05}-of-{total}{ending}" for part in range(1, count + 1)]


def index_content(path: Path) -> dict[str, Any]:
    """All that an index holds; its ``weight_map`` has a name of a file for each tensor.

    Raises DamagedCheckpoint, HostileCheckpoint, AnswerSaved, NotFound and Unreadable.
    """
    source = Source(path)
    try:
        if source.size > _INDEX_LIMIT:
            raise HostileCheckpoint(why="index-too-long", size_bytes=source.size)
        text = source.read(0, source.size)
        refuse_answer(text[:ENOUGH])
        content = _json(text)
    finally:
        source.close()
    placed = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(placed, dict) or not placed:
        raise DamagedCheckpoint(why="index-without-tensors")
    for file in placed.values():
        if not isinstance(file, str) or Path(file).name != file or file in ("", ".", ".."):
            raise HostileCheckpoint(why="index-outside-folder")
    return dict(content)


def _weight_map(path: Path) -> dict[str, str]:
    placed: dict[str, str] = index_content(path)["weight_map"]
    return placed


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedCheckpoint(why="index-damaged") from error


def _all(shards: Mapping[str, Container]) -> dict[str, str]:
    placed: dict[str, str] = {}
    for file, shard in shards.items():
        for name in shard.tensors:
            if placed.setdefault(name, file) != file:
                raise DamagedCheckpoint(why="tensor-in-two-parts", name=shown(name))
    return placed


def _placed(shards: Mapping[str, Container], placed: Mapping[str, str]) -> dict[str, Stored]:
    found = {}
    for name, file in placed.items():
        stored = shards[file].tensors.get(name)
        if stored is None:
            raise DamagedCheckpoint(why="tensor-missing-from-part", missing=shown(name))
        found[name] = stored._replace(key=file)
    return found
