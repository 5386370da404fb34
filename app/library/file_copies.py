"""Copies of files that appear whole, all of a model's or none.

A file that is being copied has a name of its own until it is whole, see ``atomic_file``.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.errors import AlreadyThere, NotFound, Unreadable
from app.hub.downloads.part_file import put_in_place
from app.system.atomic_file import open_unique

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""
Cancelled = Callable[[], bool]
Pairs = Sequence[tuple[Path, Path]]
"""Originals, each with the place of its copy."""

_BLOCK_BYTES = 4 << 20


class GivenUpError(Exception):
    """The person has changed their mind."""


def bytes_of(pairs: Pairs) -> int:
    """The sizes of the originals.  Raises NotFound, Unreadable."""
    total = 0
    for source, _ in pairs:
        with reading(source):
            total += source.stat().st_size
    return total


def copy_all(
    pairs: Pairs,
    shared: Pairs,
    undo: contextlib.ExitStack,
    progress: Progress = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
) -> None:
    """Copy all of both; every copy is whole before the first gets its name.

    Of ``shared``, what somebody else has brought meanwhile stays.  ``undo`` gets what takes the
    copies away again.  Raises GivenUpError when cancelled, NotFound, Unreadable, AlreadyThere, and
    OSError where the copies cannot be written.
    """
    every = [*pairs, *shared]
    total, done, parts = bytes_of(every), 0, []
    make_folders(every, undo)
    for source, target in every:
        handle, part = open_unique(target)
        undo.callback(part.unlink, missing_ok=True)
        parts.append((part, target))
        for count in _copying(source, handle, part):
            done += count
            progress(done, total)
            if cancelled():
                raise GivenUpError
    theirs = {target for _, target in shared}
    for part, target in reversed(parts):  # the one that opens it last
        try:
            put_in_place(part, target)
        except AlreadyThere:
            if target not in theirs:
                raise
            part.unlink()
        else:
            undo.callback(target.unlink, missing_ok=True)


def make_folders(pairs: Pairs, undo: contextlib.ExitStack) -> None:
    """Make the folders that the new files lie in; ``undo`` gets what takes them away again."""
    for folder in dict.fromkeys(target.parent for _, target in pairs):
        if not folder.exists():
            folder.mkdir()
            undo.callback(drop_empty, folder)


def _copying(source: Path, handle: int, part: Path) -> Iterator[int]:
    """Copy one file into the open one at ``part``; yields the bytes of each step."""
    block = memoryview(bytearray(_BLOCK_BYTES))
    with open(handle, "wb", buffering=0) as target, _opened(source) as original:
        while count := _read_into(block, original, source):
            written = 0
            while written < count:
                written += target.write(block[written:count])
            yield count
        os.fsync(target.fileno())
        status = os.fstat(original.fileno())
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))


def _opened(source: Path) -> io.FileIO:
    with reading(source):
        return source.open("rb", buffering=0)


def _read_into(block: memoryview, original: io.FileIO, source: Path) -> int:
    with reading(source):
        return original.readinto(block) or 0


@contextlib.contextmanager
def reading(source: Path) -> Iterator[None]:
    """Raises NotFound or Unreadable where the block cannot read ``source``."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(path=str(source)) from error
    except OSError as error:
        raise Unreadable(path=str(source), said=error.strerror or "") from error


def drop_empty(folder: Path | None) -> None:
    """Delete the folder if nothing is in it."""
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.rmdir()
