"""The text of files and folders that a model is to read once; knows no model.

Of a folder every text file is read, each below a line with its name, in the order of their names.
What is hidden, no text, a link or what tools keep for themselves is left out.
"""

import codecs
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import NotFound, RequestRefused, Unreadable
from app.system.small_file import read_small

MOST_BYTES = 64 << 20
"""Of all text together: some 15 million tokens."""

_MOST_FILES = 20_000
_SNIFFED = 8192
_TOOLS = frozenset({"node_modules", "__pycache__", "venv", "target", "dist", "build"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class SourceText:
    """A text, the files that it is of, and those that were left out since they are no text."""

    text: str
    files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass
class _Gathered:
    parts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    bytes: int = 0


def text_of(paths: Sequence[Path], cancelled: Callable[[], bool] = lambda: False) -> SourceText:
    """What is to be read; one file alone is read as it stands.

    Raises NotFound, Unreadable, and RequestRefused (why "source-none", "source-large") where there
    is no text, or too much of it.
    """
    gathered = _Gathered()
    alone = len(paths) == 1 and paths[0].is_file()
    for path in paths:
        if not path.exists():
            raise NotFound(path=str(path))
        for file, name in _files(path):
            if cancelled():
                break
            _take(gathered, file, "" if alone else name)
    if not any(part.strip() for part in gathered.parts):
        raise RequestRefused(why="source-none", path=str(paths[0]) if paths else "")
    text = "\n\n".join(gathered.parts)
    return SourceText(text, tuple(gathered.files), tuple(gathered.left_out))


def _take(gathered: _Gathered, file: Path, name: str) -> None:
    text = _decoded(file, MOST_BYTES - gathered.bytes)
    shown = name or file.name
    if text is None:
        gathered.left_out.append(shown)
        return
    gathered.bytes += len(text)
    gathered.files.append(shown)
    gathered.parts.append(f"{name}\n\n{text.strip()}" if name else text)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """A file, or the files in a folder, with the names that they have from there."""
    if path.is_file():
        yield path, path.name
        return
    count = 0
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _TOOLS)
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith(".") or not _is_plain(file):
                continue
            count += 1
            if count > _MOST_FILES:
                raise RequestRefused(why="source-large", path=str(path), most_bytes=MOST_BYTES)
            yield file, f"{path.name}/{file.relative_to(path).as_posix()}"


def _is_plain(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError:
        return False


def _decoded(file: Path, most: int) -> str | None:
    """The text of a file; None where it is none."""
    try:
        with file.open("rb") as opened:
            start = opened.read(_SNIFFED)
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if b"\0" in start and not wide:
            return None
        data = read_small(file, most)
    except ValueError as error:
        raise RequestRefused(why="source-large", path=str(file), most_bytes=MOST_BYTES) from error
    except OSError as error:
        raise Unreadable(path=str(file), said=error.strerror or "") from error
    coding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n")
