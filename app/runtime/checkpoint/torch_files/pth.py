"""Torch's zip files as a container: which tensors lie where; imports no torch, runs nothing.

Format: torch/serialization.py, ``_save`` (an archive with ``<root>/data.pkl`` and the storages
as ``<root>/data/<key>``, stored without compression).
"""

from collections.abc import Mapping

from app.errors import DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat
from app.runtime.checkpoint.source import Source
from app.runtime.checkpoint.stored import BYTES_PER_NUMBER, Stored, order, shown

from .named_tensors import named_tensors
from .pickled import read_pickle
from .rebuilding import Tensor
from .ziparchive import ZipArchive

_PICKLE_LIMIT = 16 << 20


class PthFile:
    """An open ``.pth``.  Raises DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat."""

    format = "pth"

    def __init__(self, source: Source) -> None:
        self._source, self.bytes = source, source.size
        self._archive = ZipArchive(source)
        self._root = self._find_root()
        self._refuse_big_endian()
        content = named_tensors(read_pickle(self._small("data.pkl")))
        self.tensors: Mapping[str, Stored] = {
            name: self._stored(name, value)
            for name, value in content.items()
            if isinstance(value, Tensor)
        }
        if sum(stored.nbytes for stored in self.tensors.values()) > 2 * source.size:
            raise HostileCheckpoint(why="tensors-exceed-file")
        self.metadata: Mapping[str, str] = {
            name: str(value)[:100]
            for name, value in content.items()
            if isinstance(value, str | int | float)
        }

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file."""
        return (self._source,)

    def place(self, stored: Stored) -> tuple[Source, int]:
        """The file, and where in it the storage of the tensor begins."""
        return self._source, self._archive.begin(stored.key)

    def close(self) -> None:
        """Let the file go."""
        self._source.close()

    def _find_root(self) -> str:
        entries = self._archive.entries
        roots = [name[: -len("data.pkl")] for name in entries if name.endswith("/data.pkl")]
        if len(roots) != 1:
            what = "numpy-archive" if any(n.endswith(".npy") for n in entries) else "zip-archive"
            raise UnsupportedFormat(found=what, wanted="torch-checkpoint")
        if f"{roots[0]}constants.pkl" in entries:
            raise UnsupportedFormat(found="torchscript", wanted="weights-alone")
        return roots[0]

    def _small(self, name: str) -> bytes:
        entry = self._archive.entries[self._root + name]
        if entry.size > _PICKLE_LIMIT:
            raise HostileCheckpoint(why="list-too-long", size_bytes=entry.size)
        return self._source.read(self._archive.begin(self._root + name), entry.size)

    def _refuse_big_endian(self) -> None:
        if self._root + "byteorder" in self._archive.entries and self._small("byteorder") == b"big":
            raise UnsupportedFormat(found="big-endian", wanted="little-endian")

    def _stored(self, name: str, tensor: Tensor) -> Stored:
        key = f"{self._root}data/{tensor.storage.key}"
        width = BYTES_PER_NUMBER.get(tensor.dtype, 1)
        entry = self._archive.entries.get(key)
        if entry is None or entry.size < tensor.storage.numbers * width:
            raise DamagedCheckpoint(why="tensor-data-missing", missing=shown(name))
        strides = None if _in_order(tensor) else tensor.strides
        count = 1
        for size in tensor.shape:
            count *= size
        return Stored(
            name, tensor.shape, tensor.dtype, count * width, tensor.offset * width, strides, key
        )


def _in_order(tensor: Tensor) -> bool:
    """Whether the numbers lie one after the other; steps along an axis of one do not matter."""
    steps = order(tensor.shape)
    sizes = tensor.shape
    return tensor.strides == steps or all(
        size == 1 or have == want
        for size, have, want in zip(sizes, tensor.strides, steps, strict=True)
    )
