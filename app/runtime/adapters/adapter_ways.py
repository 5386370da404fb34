"""How an adapter is to be merged, where files beside its numbers tell it; reads no numbers.

Folders of the package peft have an ``adapter_config.json``; MiSS packages of rwkv_lightning an
``adapter.json``, or a ``miss.json`` inside their one file.
"""

import math
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from app.errors import CheckpointError, RequestRefused
from app.runtime.checkpoint.source import Source
from app.runtime.checkpoint.torch_files.ziparchive import ZipArchive
from app.system.small_file import read_small

_PEFT, _PEFT_FILES = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
_PACKAGE, _PACKAGE_FILES = "adapter.json", ("adapter.pth",)
_FIRST = "init_pissa.pth"
_LAYOUT = "modulo_rank_zero_pad"
_MOST_BYTES = 8 << 20
_KINDS = ("LORA", "MISS", "BONE")
_OUT_OF_BASE = ("pissa", "olora", "corda", "loftq")

_SUM = re.compile(rb',"content_version":"([0-9a-f]{64})"')

_Told = TypeVar("_Told")


class Ways(NamedTuple):
    """Where the numbers lie, and what was told of them.

    ``alpha`` None is not told, ``alphas`` are those of single tensors by the ends of their names;
    with ``root`` LoRA's scale is alpha over the root of the rank.  ``scale`` is MiSS's own.
    ``by_row`` is how Bat's blocks are counted, ``repeats`` whether a block of MiSS is as wide as
    its tensor only when it is repeated.  ``base`` is the SHA-256 of the file that it was trained
    for, ``first`` where PiSSA began.  ``sum`` is what the numbers have to give.
    """

    numbers: Path
    alpha: float | None = None
    alphas: tuple[tuple[str, float], ...] = ()
    root: bool = False
    scale: float = 1.0
    by_row: bool = False
    repeats: bool = False
    base: str = ""
    first: Path | None = None
    sum: "ContentSum | None" = None


class ContentSum(NamedTuple):
    """The SHA-256 of ``begin`` and then the bytes of the tensors called so, in this order."""

    sha256: str
    begin: bytes
    names: tuple[str, ...]


class _Peft(msgspec.Struct):
    """What is heeded of peft's configuration."""

    peft_type: str
    lora_alpha: float | None = None
    alpha_pattern: dict[str, float] | None = None
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    init_lora_weights: Any = True
    init_weights: Any = True
    bias: str = "none"


class _Target(msgspec.Struct):
    name: str


class _Package(msgspec.Struct):
    method: str
    layout: str
    scale: float
    base_fingerprint: str
    targets: list[_Target] = []


def ways_of(path: Path) -> Ways:
    """What is told of the adapter at ``path``, a file or folder.

    Raises RequestRefused where it is of a kind that is not merged, or its description is damaged.
    """
    folder = path if path.is_dir() else path.parent
    for description, files, read in (
        (_PEFT, _PEFT_FILES, _of_peft),
        (_PACKAGE, _PACKAGE_FILES, _of_package),
    ):
        named = path.is_dir() or path.name in (description, *files)
        if named and (folder / description).is_file():
            numbers = next((folder / name for name in files if (folder / name).is_file()), None)
            told = folder / description
            return read(told, _content(told), numbers or folder / files[0])
    if inside := _inside(path):
        return _of_package(path, inside, path)
    first = folder / _FIRST
    begins = path.is_file() and path.name != _FIRST and first.is_file()
    return Ways(path, first=first if begins else None)


def _of_peft(described: Path, content: bytes, numbers: Path) -> Ways:
    told = _read(described, content, _Peft)
    kind = told.peft_type.upper()
    if kind not in _KINDS:
        raise RequestRefused(why="adapter-kind", path=str(described), found=told.peft_type[:40])
    for name, odd in (
        ("use_dora", told.use_dora),
        ("fan_in_fan_out", told.fan_in_fan_out),
        ("bias", told.bias != "none"),
        ("init_lora_weights", kind == "LORA" and _changes_base(told.init_lora_weights)),
    ):
        if odd:
            raise RequestRefused(why="adapter-kind", path=str(described), found=name)
    return Ways(
        numbers,
        alpha=told.lora_alpha if kind == "LORA" else None,
        alphas=tuple((told.alpha_pattern or {}).items()),
        root=told.use_rslora,
        by_row=told.init_weights == "bat",
        repeats=told.init_weights == "mini",
    )


def _changes_base(initial: Any) -> bool:
    """Whether peft took the first weights of the adapter out of the base model."""
    return isinstance(initial, str) and initial.lower().startswith(_OUT_OF_BASE)


def _of_package(described: Path, content: bytes, numbers: Path) -> Ways:
    told = _read(described, content, _Package)
    if told.method != "miss" or told.layout != _LAYOUT:
        found = f"{told.method} {told.layout}"[:60]
        raise RequestRefused(why="adapter-kind", path=str(described), found=found)
    if not math.isfinite(told.scale):
        raise RequestRefused(why="adapter-described", path=str(described))
    names = tuple(target.name for target in told.targets)
    return Ways(
        numbers,
        scale=told.scale,
        base=told.base_fingerprint.lower(),
        sum=_sum_of(content.strip(), names),
    )


def _sum_of(content: bytes, names: tuple[str, ...]) -> ContentSum | None:
    """What is told of the numbers, in a description that lies there as it was summed."""
    found = _SUM.search(content)
    if found is None or b'": ' in content or b"\n" in content:
        return None
    begin = content[: found.start()] + content[found.end() :]
    return ContentSum(found[1].decode(), begin, names)


def _inside(path: Path) -> bytes | None:
    """The description in a file that has one inside."""
    if not path.is_file():
        return None
    try:
        source = Source(path)
    except CheckpointError:
        return None
    try:
        archive = ZipArchive(source)
        name = next((name for name in archive.entries if name.endswith("/miss.json")), None)
        if name is None or archive.entries[name].size > _MOST_BYTES:
            return None
        return source.read(archive.begin(name), archive.entries[name].size)
    except CheckpointError:  # opening it as a checkpoint says what is wrong
        return None
    finally:
        source.close()


def _content(described: Path) -> bytes:
    try:
        return read_small(described, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise RequestRefused(why="adapter-described", path=str(described)) from error


def _read(described: Path, content: bytes, kind: type[_Told]) -> _Told:
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(why="adapter-described", path=str(described)) from error
