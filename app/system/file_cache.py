"""The memory that the system uses for files: reading into it, past it, and what is in it."""

import ctypes
import mmap
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_BLOCK_BYTES = 4 << 20


def read_through(paths: Sequence[Path], stop: threading.Event) -> int:
    """Read files to their ends, so that the next one to read them finds them in memory.

    What is there already is not read from the disk.  Gives how many bytes were read: less than
    all where ``stop`` was set or a file cannot be read.
    """
    block, done = bytearray(_BLOCK_BYTES), 0
    for path in paths:
        with suppress(OSError), open(path, "rb", buffering=0) as file:
            while not stop.is_set() and (got := file.readinto(block)):
                done += got
    return done


class UncachedFile(Protocol):
    """A file whose whole blocks are read from the disk; one thread at a time reads from it."""

    def read(self, out: memoryview, place: int) -> int:
        """Fill ``out`` from there; 0 where the disk had no part in it.  Raises OSError.

        Place and length are whole megabytes, and ``out`` begins at a page of memory.
        """
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


def open_uncached(path: Path) -> UncachedFile:
    """The file, past the system's memory.  Raises OSError, also where the system cannot do that."""
    if sys.platform == "linux":
        return _Direct(path)
    if sys.platform == "darwin":
        return SkippingCached(path)
    if sys.platform == "win32":
        return _Unbuffered(path)
    raise OSError("this system is not asked past its memory")


def cached_bytes(path: Path) -> int:
    """How much of a file is in the system's memory, in whole pages.  Raises OSError."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        pages = _Pages(file.fileno(), size)
        try:
            return pages.cached(0, size)
        finally:
            pages.close()


class SkippingCached:
    """Reads no block of which the system has a page in memory: that would be no disk's speed.

    For a system that keeps what is read out of its memory, but gives what is in it already.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            if sys.platform == "darwin":
                import fcntl

                fcntl.fcntl(self._descriptor, fcntl.F_NOCACHE, 1)
            self._pages = _Pages(self._descriptor, os.fstat(self._descriptor).st_size)
        except BaseException:
            os.close(self._descriptor)
            raise

    def read(self, out: memoryview, place: int) -> int:
        """As UncachedFile has it."""
        if self._pages.cached(place, len(out)):
            return 0
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [out], place)
        found = os.pread(self._descriptor, len(out), place)  # macOS before 11
        out[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Let the file go."""
        self._pages.close()
        os.close(self._descriptor)


class _Pages:
    """A mapped file whose pages are never touched, only asked for with mincore(2)."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Raises OSError where it cannot be mapped, and where there is no such question."""
        try:
            self._map = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY)
            self._mincore = ctypes.CDLL(None, use_errno=True).mincore
        except (ValueError, AttributeError, TypeError) as error:
            raise OSError(str(error)) from error
        self._mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
        self._first = ctypes.c_char.from_buffer(self._map)

    def cached(self, place: int, nbytes: int) -> int:
        """Bytes in memory of this part, whose place is that of a page."""
        page = mmap.PAGESIZE
        found = ctypes.create_string_buffer(-(-nbytes // page))
        if self._mincore(ctypes.addressof(self._first) + place, nbytes, found):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return sum(byte & 1 for byte in found.raw) * page

    def close(self) -> None:
        del self._first
        self._map.close()


class _Direct:
    """Linux: the disk writes into the buffer itself."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDONLY | (os.O_DIRECT if sys.platform == "linux" else 0)
        self._descriptor = os.open(path, flags)

    def read(self, out: memoryview, place: int) -> int:
        return os.preadv(self._descriptor, [out], place)

    def close(self) -> None:
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt
    from ctypes import wintypes

    _GENERIC_READ, _SHARE_ALL, _OPEN_EXISTING = 0x80000000, 7, 3
    _FILE_FLAG_NO_BUFFERING = 0x20000000
    _INVALID = wintypes.HANDLE(-1).value

    class _Unbuffered:
        """Windows: see CreateFileW, FILE_FLAG_NO_BUFFERING."""

        def __init__(self, path: Path) -> None:
            create = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
            create.restype = wintypes.HANDLE
            create.argtypes = (
                *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID),
                *(wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE),
            )
            how = (_GENERIC_READ, _SHARE_ALL, None, _OPEN_EXISTING, _FILE_FLAG_NO_BUFFERING, None)
            handle = create(str(path), *how)
            if handle == _INVALID:
                raise ctypes.WinError(ctypes.get_last_error())
            own = msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY)
            self._file = os.fdopen(own, "rb", buffering=0)

        def read(self, out: memoryview, place: int) -> int:
            self._file.seek(place)
            return self._file.readinto(out) or 0

        def close(self) -> None:
            self._file.close()
