"""How fast this machine reads memory: the ceiling of every engine that reads its weights.

The reading is a few lines of C++ (``read_speed.cpp``), compiled for the processor at hand; without
a compiler it is torch's matrix-vector product, which is slower and says so.
"""

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_BLOCK_BYTES = 512 << 20  # far more than caches hold
_SOURCE = Path(__file__).with_name("read_speed.cpp")
_OPTIONS = ["-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-pthread"]
_PATTERNS = ((0, 1), (0, 8), (1, 1), (1, 8))  # huge pages or not, places read at once


class ReadSpeed:
    """Memory to read, and two ways of doing it.  ``method`` tells which one is in use."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.threads = threads
        library = _built(folder)
        self._passes = _native(library, threads) if library else _with_torch()
        self.method = (
            "own C++ code, the best of 1 and 8 streams a thread in ordinary and in huge pages"
            if library
            else "torch.mv over float32"
        )

    def measure(self) -> float:
        """Bytes a second: one pass over 512 MiB in every pattern there is, the best of them."""
        best = 0.0
        for one_pass in self._passes:
            begun = time.perf_counter()
            one_pass()
            best = max(best, _BLOCK_BYTES / (time.perf_counter() - begun))
        return best


def _built(folder: Path) -> ctypes.CDLL | None:
    """The library, compiled into ``folder``; None where there is no compiler of the GNU kind."""
    compiler = next(filter(None, map(shutil.which, ("g++", "clang++"))), None)
    if compiler is None or os.name == "nt":
        return None
    made = folder / "read_speed.so"
    if not made.exists() or made.stat().st_mtime < _SOURCE.stat().st_mtime:
        subprocess.run([compiler, *_OPTIONS, str(_SOURCE), "-o", str(made)], check=True)
    library = ctypes.CDLL(str(made))
    library.rs_take.argtypes = [ctypes.c_size_t, ctypes.c_int]
    library.rs_take.restype = ctypes.c_void_p
    library.rs_read.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int]
    library.rs_read.restype = ctypes.c_uint64
    return library


def _native(library: ctypes.CDLL, threads: int) -> list[Callable[[], object]]:
    blocks = {huge: library.rs_take(_BLOCK_BYTES, huge) for huge in (0, 1)}
    if None in blocks.values():
        raise MemoryError

    def reading(huge: int, streams: int) -> Callable[[], object]:
        return lambda: library.rs_read(blocks[huge], _BLOCK_BYTES, threads, streams)

    return [reading(huge, streams) for huge, streams in _PATTERNS]


def _with_torch() -> list[Callable[[], object]]:
    import torch

    row = torch.ones(4096)
    block = torch.ones((_BLOCK_BYTES // 4 // len(row), len(row)))
    return [lambda: torch.mv(block, row)]
