"""An SQLite file that is only looked at: also on a full or read-only disk, and a damaged one."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

_TAILS = ("", "-wal")


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, with what its journal holds as far as that can be had.  Raises sqlite3.Error.

    Where the system lets nothing be made beside it, a copy elsewhere is read, and at last the file
    alone, without its journal.
    """
    with contextlib.ExitStack() as ends:
        yield _opened(path, ends)


def text_or_bytes(stored: bytes) -> str | bytes:
    """A text of a table; its bytes where they are no text."""
    try:
        return stored.decode("utf-8")
    except UnicodeDecodeError:
        return stored


def _opened(path: Path, ends: contextlib.ExitStack) -> sqlite3.Connection:
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
        return _looked_into(path, "mode=ro", ends)
    if _size(path.with_name(path.name + "-wal")):
        with contextlib.suppress(sqlite3.Error, UnicodeDecodeError, OSError):
            folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="rookery-")))
            for tail in _TAILS:
                shutil.copy(path.with_name(path.name + tail), folder / f"copy{tail}")
            return _looked_into(folder / "copy", "mode=rw", ends)
    return _looked_into(path, "immutable=1", ends)


def _looked_into(path: Path, how: str, ends: contextlib.ExitStack) -> sqlite3.Connection:
    """Opened and asked once, for opening alone touches nothing."""
    address = f"file:{quote(str(path).replace(chr(92), '/'), errors='surrogateescape')}?{how}"
    connection = sqlite3.connect(address, uri=True, timeout=1.0)
    try:
        # a file that was cut, or whose table of tables has a bad entry, is read as far as it goes
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    connection.text_factory = text_or_bytes
    ends.callback(connection.close)
    return connection


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
