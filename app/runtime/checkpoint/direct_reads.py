"""Reads of a file past the system's file cache, for one that does not fit into it anyway.

What is read so costs no pages that the system would have to find, fill and take back each time.
The system asks for whole blocks at whole blocks of memory, so bytes go through a buffer of each
thread.  Only Linux is asked for it; where a file system refuses, it is read as usual.
"""

import mmap
import os
import sys
import threading
import weakref
from pathlib import Path

import torch
from torch import Tensor

BLOCK_BYTES = 4 << 20
"""The most that is read at once."""

_PAGE = 4096


class DirectReads:
    """One file, opened once more; any number of threads may read at once."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """``descriptor`` is the same file's.  Raises OSError where it cannot be read so."""
        if sys.platform != "linux":
            raise OSError("only Linux is asked for direct reads")
        # by its descriptor: another file may have taken the name
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
        weakref.finalize(self, os.close, own)
        self.path, self._descriptor = path, own
        self._here = threading.local()
        self.read(0, torch.empty(1, dtype=torch.uint8))

    def read(self, offset: int, out: Tensor) -> None:
        """Fill ``out``, bytes, at most BLOCK_BYTES.  Raises OSError, and EOFError at the end."""
        first = offset // _PAGE * _PAGE
        skipped = offset - first
        size = -(-(skipped + len(out)) // _PAGE) * _PAGE
        block, view = self._buffer()
        done = 0
        while done < skipped + len(out):
            got = os.preadv(self._descriptor, [view[done:size]], first + done)
            if not got:
                raise EOFError
            done += got
            if done % _PAGE and done < skipped + len(out):
                raise EOFError
        out.copy_(block[skipped : skipped + len(out)])

    def _buffer(self) -> tuple[Tensor, memoryview]:
        """Whole pages of this thread."""
        if not hasattr(self._here, "block"):
            pages = mmap.mmap(-1, BLOCK_BYTES + 2 * _PAGE)
            self._here.block = torch.frombuffer(pages, dtype=torch.uint8), memoryview(pages)
        found: tuple[Tensor, memoryview] = self._here.block
        return found
