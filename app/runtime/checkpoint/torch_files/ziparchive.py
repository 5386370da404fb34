"""Finds the stored entries of a zip archive within bounds; unpacks nothing, knows no torch.

The standard library's reader takes the sizes in the directory at their word and raises a dozen
kinds of errors on damaged files; here every size is checked before a byte is read.
Layout: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and 4.5.3.
"""

import struct
from typing import NamedTuple

from app.errors import DamagedCheckpoint, HostileCheckpoint
from app.runtime.checkpoint.source import Source
from app.runtime.checkpoint.stored import shown

_LOCAL = struct.Struct("<4s22x2H")
_CENTRAL = struct.Struct("<4s6xH8x2I3H8xI")
_END = struct.Struct("<4s6xH2IH")
_LOCATOR = struct.Struct("<4s4xQ4x")
_END64 = struct.Struct("<4s28x3Q")
_DIRECTORY_LIMIT = 8 << 20
_FULL = 0xFFFFFFFF


class Entry(NamedTuple):
    """One file in the archive: its size and where its local header begins, in bytes."""

    size: int
    header: int
    packed: bool


class ZipArchive:
    """The directory of a zip archive.  Raises DamagedCheckpoint and HostileCheckpoint."""

    def __init__(self, source: Source) -> None:
        self._source = source
        count, size, offset = self._end()
        if size > _DIRECTORY_LIMIT:
            raise HostileCheckpoint(why="directory-too-long", size_bytes=size)
        if offset + size > source.size:
            raise DamagedCheckpoint(why="directory-outside")
        self.entries = dict(self._walk(source.read(offset, size), count))
        if len(self.entries) != count:
            raise HostileCheckpoint(why="entries-share-name")

    def begin(self, name: str) -> int:
        """Where in the file the bytes of a stored entry begin."""
        entry = self.entries[name]
        if entry.packed:
            raise HostileCheckpoint(why="compressed")
        head = self._source.read(entry.header, _LOCAL.size)
        magic, name_size, extra_size = _LOCAL.unpack(head)
        begin = entry.header + _LOCAL.size + int(name_size) + int(extra_size)
        if magic != b"PK\3\4" or begin + entry.size > self._source.size:
            raise DamagedCheckpoint(why="entry-damaged", name=shown(name))
        return begin

    def _end(self) -> tuple[int, int, int]:
        """How many entries the directory has, its size, and where it begins."""
        size = min(self._source.size, _END.size + 0xFFFF)
        start = self._source.size - size
        tail = self._source.read(start, size)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + _END.size > size:
            raise DamagedCheckpoint(why="end-missing")
        _, count, directory, offset, _ = _END.unpack_from(tail, at)
        if at >= _LOCATOR.size:
            magic, where = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
            if magic == b"PK\6\7":
                return self._end64(where)
        return count, directory, offset

    def _end64(self, where: int) -> tuple[int, int, int]:
        magic, count, directory, offset = _END64.unpack(self._source.read(where, _END64.size))
        if magic != b"PK\6\6":
            raise DamagedCheckpoint(why="archive-end-damaged")
        return count, directory, offset

    def _walk(self, directory: bytes, count: int) -> list[tuple[str, Entry]]:
        found, at = [], 0
        try:
            for _ in range(min(count, len(directory) // _CENTRAL.size + 1)):
                fields = _CENTRAL.unpack_from(directory, at)
                magic, method, packed, size, name_size, extra_size, comment_size, header = fields
                if magic != b"PK\1\2":
                    raise DamagedCheckpoint(why="directory-damaged")
                at += _CENTRAL.size
                name = directory[at : at + name_size].decode()
                extra = directory[at + name_size : at + name_size + extra_size]
                if _FULL in (size, packed, header):
                    size, packed, header = _wide(extra, size, packed, header)
                at += name_size + extra_size + comment_size
                found.append((name, self._entry(Entry(size, header, method != 0), packed, name)))
        except (struct.error, UnicodeDecodeError) as error:
            raise DamagedCheckpoint(why="directory-damaged") from error
        return found

    def _entry(self, entry: Entry, packed: int, name: str) -> Entry:
        if not entry.packed and (packed != entry.size or entry.header + packed > self._source.size):
            raise DamagedCheckpoint(why="entry-damaged", name=shown(name))
        return entry


def _wide(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The 64-bit sizes from the extra field, for those that did not fit into 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            return tuple(  # type: ignore[return-value]
                next(wide, value) if value == _FULL else value for value in (size, packed, header)
            )
        at += 4 + length
    return size, packed, header
