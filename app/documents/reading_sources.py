"""The text of files and folders that a model is to read; knows no model.

Of a folder every document is read, each below a line with its name, in the order of their names.
What is hidden and what tools keep for themselves is not looked at; what is a link or gives no text
is left out and named.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from app.errors import DocumentError, Failure, NotFound, RequestRefused, Unreadable

from .text_of_file import document_text

MOST_BYTES = 64 << 20
"""Of all text together: some 15 million tokens."""

_MOST_FILES = 20_000
_TOOLS = frozenset({"node_modules", "__pycache__", "venv", "target", "dist", "build"})


class LeftOut(msgspec.Struct, frozen=True):
    """A file that is not in the text, and why: a reason of DocumentError, or "unreadable"."""

    name: str
    why: str


class SourceText(msgspec.Struct, frozen=True):
    """A text, the files that it is of, their bytes together, and what was left out."""

    text: str
    files: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    size_bytes: int = 0


def _nobody(_name: str) -> None:
    pass


def text_of(paths: Sequence[Path], begun: Callable[[str], None] = _nobody) -> SourceText:
    """What is to be read; one file alone is read as it stands.  ``begun`` is told each file.

    Raises NotFound, Unreadable, DocumentError for one file alone, and RequestRefused (why
    "source-none", "source-large") where there is no text, or too much of it.
    """
    gathering = _Gathering(begun)
    alone = len(paths) == 1 and not paths[0].is_dir()
    for path in paths:
        if not os.path.lexists(path):
            raise NotFound(path=str(path))
        for file, name in _files(path):
            gathering.take(file, name, alone=alone, follow=file == path)
    if not any(part.strip() for part in gathering.parts):
        raise RequestRefused(why="source-none", path=str(paths[0]) if paths else "")
    return SourceText(
        "\n\n".join(gathering.parts),
        tuple(gathering.files),
        tuple(gathering.left_out),
        gathering.size_bytes,
    )


class _Gathering:
    def __init__(self, begun: Callable[[str], None]) -> None:
        self._begun = begun
        self.parts: list[str] = []
        self.files: list[str] = []
        self.left_out: list[LeftOut] = []
        self.size_bytes = self._taken = 0

    def take(self, file: Path, name: str, *, alone: bool, follow: bool) -> None:
        shown = _shown(name)
        self._begun(shown)
        try:
            if file.is_symlink() and not follow:
                raise DocumentError(why="link", path=str(file))
            text = document_text(file, MOST_BYTES - self._taken, follow=follow)
            self.size_bytes += file.stat().st_size
        except (DocumentError, NotFound, Unreadable) as failure:
            if alone:
                raise
            self.left_out.append(LeftOut(shown, _why(failure)))
            return
        except OSError as error:
            raise Unreadable(path=str(file), said=error.strerror or "") from error
        text = text.replace("\r\n", "\n")
        self._taken += len(text)
        self.files.append(shown)
        self.parts.append(text if alone else f"{shown}\n\n{text.strip()}")


def _why(failure: Failure) -> str:
    return str(failure.facts["why"]) if isinstance(failure, DocumentError) else "unreadable"


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """A file, or the files in a folder, with the names that they have from there."""
    if not path.is_dir():
        yield path, path.name
        return
    count = 0
    for folder, folders, names in os.walk(path):
        links = [one for one in folders if Path(folder, one).is_symlink()]
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _TOOLS)
        for name in sorted([*names, *links]):
            if name.startswith("."):
                continue
            count += 1
            if count > _MOST_FILES:
                raise RequestRefused(why="source-large", path=str(path), most_bytes=MOST_BYTES)
            file = Path(folder, name)
            yield file, f"{path.name}/{file.relative_to(path).as_posix()}"
