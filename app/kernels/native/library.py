"""The library of native kernels, loaded with ctypes: calls by name, on all threads."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from . import build

ARGUMENTS = 31  # of a Call, core.h

Record = ctypes.c_int64 * (1 + ARGUMENTS)

KINDS = ("fp32", "bf16", "fp16")  # of core.h

OFF = ("off", "0", "no", "false")


class LibraryError(Exception):
    """The library cannot be used; the text says why in one line."""


class Library:
    """One loaded library; ``kernels`` are their numbers by name."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
            self._declare()
        except (OSError, AttributeError) as failure:
            raise LibraryError(f"{path.name} does not load: {failure}") from failure
        self.path = path
        self.kernels = {name: number for number, name in enumerate(self._all("rk_kernel"))}
        self.sets = tuple(self._all("rk_set"))
        wanted = os.environ.get("ROOKERY_ISA", "")
        if wanted:
            self.choose(wanted)

    @property
    def chosen(self) -> str:
        """The instruction set in use: "plain", "avx2", "avx512", "avx512bf16" or "neon"."""
        name: bytes = self._library.rk_chosen()
        return name.decode()

    @property
    def reads(self) -> frozenset[str]:
        """The formats of floats that this instruction set reads as fast as memory gives them."""
        bits: int = self._library.rk_reads()
        return frozenset(kind for place, kind in enumerate(KINDS) if bits >> place & 1)

    def choose(self, name: str) -> None:
        """Select another of ``sets``.  Raises LibraryError if it is not available."""
        if name not in self.sets:
            has = ", ".join(self.sets)
            raise LibraryError(f"this processor has no instruction set {name!r}, but {has}")
        self._library.rk_choose(self.sets.index(name))

    def run(self, calls: object, count: int, threads: int) -> None:
        """Run ``count`` records in order; ``calls`` is a ctypes array or an address."""
        if not self._run(calls, count, threads):
            raise LibraryError("a call names no kernel")

    def _declare(self) -> None:
        """Declare the functions' argument types.  Raises AttributeError for a missing function."""
        self._library.rk_kernel.argtypes = [ctypes.c_int64]
        self._library.rk_kernel.restype = ctypes.c_char_p
        self._library.rk_set.restype = self._library.rk_chosen.restype = ctypes.c_char_p
        self._library.rk_choose.restype = ctypes.c_bool
        self._library.rk_reads.restype = ctypes.c_uint
        self._run = self._library.rk_run
        self._run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
        self._run.restype = ctypes.c_bool

    def _all(self, function: str) -> Sequence[str]:
        names: list[str] = []
        while (name := getattr(self._library, function)(len(names))) is not None:
            names.append(name.decode())
        return names


def load() -> Library:
    """The library of this installation, or the one that ROOKERY_NATIVE names by its path.

    Raises LibraryError where it is switched off (ROOKERY_NATIVE=off), missing, older than its
    sources, or not to be loaded.
    """
    wanted = os.environ.get("ROOKERY_NATIVE", "")
    if wanted.lower() in OFF:
        raise LibraryError("switched off by ROOKERY_NATIVE")
    if wanted and wanted.lower() not in ("on", "1"):
        return Library(Path(wanted))
    path = build.HERE / build.NAME
    if not path.exists():
        raise LibraryError("not built (python -m app.kernels.native.build)")
    if not build.is_fresh(path):
        raise LibraryError("older than its sources (python -m app.kernels.native.build)")
    return Library(path)
