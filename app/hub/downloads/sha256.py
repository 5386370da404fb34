"""SHA-256 that can be put away and taken up again, so that a long file is never hashed twice.

``hashlib`` cannot say where it stands.  The library below it can: the eight words and the count
of FIPS 180-4 are the plain start of OpenSSL's SHA256_CTX, and the functions on it have been part
of that library for decades.  Whether they do here is tried out before they are used; where they
do not, ``hashlib`` does the work, and an interrupted hash begins anew.
"""

import ctypes
import hashlib
import sys
from functools import cache
from typing import Protocol

BLOCK = 64
"""What was hashed can be put away at multiples of this many bytes."""

_WORDS = 8


class Sha256(Protocol):
    """A hash that is being computed.  ``count``: bytes so far."""

    count: int

    def update(self, data: bytearray | memoryview | bytes) -> None:
        """Take in more bytes; other threads run meanwhile."""

    def hexdigest(self) -> str:
        """The digest of all so far, as 64 hexadecimal digits."""

    def words(self) -> str:
        """Where it stood after its last whole block, as 64 hexadecimal digits; "" if unknown."""


def begin() -> Sha256:
    """A new hash."""
    library = _library()
    return _Resumable(library) if library else _Plain()


def resume(words: str, count: int) -> Sha256 | None:
    """The hash that stood there after so many bytes; None where it cannot be taken up."""
    library = _library()
    usable = library and len(words) == BLOCK and count % BLOCK == 0
    if not usable or library is None:
        return None
    try:
        raw = bytes.fromhex(words)
    except ValueError:
        return None
    return _Resumable(library, raw, count)


class _Plain:
    def __init__(self) -> None:
        self._hash, self.count = hashlib.sha256(), 0

    def update(self, data: bytearray | memoryview | bytes) -> None:
        self._hash.update(data)
        self.count += len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def words(self) -> str:
        return ""


class _Context(ctypes.Structure):
    """SHA256_CTX of openssl/sha.h."""

    _fields_ = (
        ("words", ctypes.c_uint32 * _WORDS),
        ("low", ctypes.c_uint32),
        ("high", ctypes.c_uint32),
        ("data", ctypes.c_uint32 * 16),
        ("num", ctypes.c_uint),
        ("length", ctypes.c_uint),
        ("spare", ctypes.c_uint * 16),
    )


class _Resumable:
    def __init__(self, library: ctypes.CDLL, raw: bytes = b"", count: int = 0) -> None:
        self._library, self._context, self.count = library, _Context(), count
        library.SHA256_Init(ctypes.byref(self._context))
        if raw:
            self._context.words[:] = [
                int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4)
            ]
            bits = count * 8
            self._context.low, self._context.high = bits & 0xFFFFFFFF, bits >> 32 & 0xFFFFFFFF

    def update(self, data: bytearray | memoryview | bytes) -> None:
        size = len(data)
        place = data if isinstance(data, bytes) else _address(data)
        self._library.SHA256_Update(ctypes.byref(self._context), place, ctypes.c_size_t(size))
        self.count += size

    def hexdigest(self) -> str:
        digest, ended = ctypes.create_string_buffer(4 * _WORDS), _Context()
        ctypes.pointer(ended)[0] = self._context
        self._library.SHA256_Final(digest, ctypes.byref(ended))
        return digest.raw.hex()

    def words(self) -> str:
        return b"".join(word.to_bytes(4, "big") for word in self._context.words).hex()


def _address(data: "bytearray | memoryview") -> "ctypes.Array[ctypes.c_char]":
    """Writable memory, without a copy."""
    return (ctypes.c_char * len(data)).from_buffer(data)


@cache
def _library() -> ctypes.CDLL | None:
    """OpenSSL's library as Python itself has loaded it, where it does what is expected."""
    import _hashlib

    try:
        name = _windows_name() if sys.platform == "win32" else str(_hashlib.__file__)
        library = ctypes.CDLL(name)
        return library if _does_as_hashlib(library) else None
    except (OSError, AttributeError):
        return None


def _windows_name() -> str:
    return "libcrypto-3" if ctypes.sizeof(ctypes.c_void_p) == 4 else "libcrypto-3-x64"


def _does_as_hashlib(library: ctypes.CDLL) -> bool:
    data = bytes(range(251)) * 3
    first = _Resumable(library)
    first.update(data[: 5 * BLOCK + 7])
    raw = bytes.fromhex(first.words())
    second = _Resumable(library, raw, 5 * BLOCK)
    second.update(data[5 * BLOCK :])
    first.update(bytearray(data[5 * BLOCK + 7 :]))
    wanted = hashlib.sha256(data).hexdigest()
    return first.hexdigest() == wanted == second.hexdigest()
